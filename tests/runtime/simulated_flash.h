// Flash whose power fails at a chosen byte of a chosen write.
#ifndef LFM2_TESTS_RUNTIME_SIMULATED_FLASH_H_
#define LFM2_TESTS_RUNTIME_SIMULATED_FLASH_H_

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "lfm2/storage/block_storage.h"

namespace lfm2::test {

inline constexpr uint32_t kBlockBytes = 512;

// What a write that was cut leaves of the block after the bytes that came through.
enum class Torn { kOldBytes, kErased, kNoise };

// Flash that keeps its bytes when the power fails. Counts what changes it.
class Flash {
 public:
  explicit Flash(uint32_t blocks) : bytes_(size_t{blocks} * kBlockBytes, std::byte{0xff}) {}

  BlockDevice device(bool with_erase = false) {
    BlockDevice device;
    device.context = this;
    device.read = &Read;
    device.write = &Write;
    if (with_erase) device.erase = &Erase;
    device.first_block = kFirst;
    device.bytes = bytes_.size();
    return device;
  }

  // The write after `writes` more is cut after `bytes` bytes, and nothing works until PowerOn.
  void FailAt(uint32_t writes, uint32_t bytes, Torn torn) {
    writes_left_ = writes;
    torn_bytes_ = bytes;
    torn_ = torn;
    will_fail_ = true;
  }
  void PowerOn() { is_off_ = will_fail_ = false; }
  bool is_off() const { return is_off_; }
  uint32_t writes() const { return writes_; }
  std::vector<std::byte>& bytes() { return bytes_; }
  void BreakReads(uint64_t first, uint64_t end) {
    bad_first_ = first;
    bad_end_ = end;
  }
  int write_error = 0;  // of a driver that has written all the same

 private:
  static constexpr uint64_t kFirst = 100;  // of the partition

  std::byte* At(uint64_t block, uint64_t blocks) {
    REQUIRE(block >= kFirst);
    REQUIRE((block - kFirst + blocks) * kBlockBytes <= bytes_.size());
    return bytes_.data() + (block - kFirst) * kBlockBytes;
  }
  // Whether the power is there for one more change of this many bytes.
  size_t Through(size_t bytes) {
    ++writes_;
    if (!will_fail_ || writes_left_-- > 0) return bytes;
    is_off_ = true;
    return std::min<size_t>(bytes, torn_bytes_);
  }
  void Spoil(std::byte* from, size_t bytes) {
    for (size_t i = 0; i < bytes && torn_ != Torn::kOldBytes; ++i) {
      from[i] = torn_ == Torn::kErased ? std::byte{0xff} : static_cast<std::byte>(i * 89 + 7);
    }
  }
  static int Read(void* context, uint64_t block, uint32_t blocks, std::byte* to) {
    Flash& f = *static_cast<Flash*>(context);
    REQUIRE(reinterpret_cast<uintptr_t>(to) % kBlockBytes == 0);
    std::memcpy(to, f.At(block, blocks), size_t{blocks} * kBlockBytes);
    return f.is_off_ || (block - kFirst >= f.bad_first_ && block - kFirst < f.bad_end_) ? 5 : 0;
  }
  static int Write(void* context, uint64_t block, uint32_t blocks, const std::byte* from) {
    Flash& f = *static_cast<Flash*>(context);
    if (f.is_off_) return 5;
    std::byte* const at = f.At(block, blocks);
    const size_t bytes = size_t{blocks} * kBlockBytes, through = f.Through(bytes);
    std::memcpy(at, from, through);
    f.Spoil(at + through, bytes - through);
    return f.is_off_ ? 5 : f.write_error;
  }
  static int Erase(void* context, uint64_t block, uint64_t blocks) {
    Flash& f = *static_cast<Flash*>(context);
    if (f.is_off_) return 5;
    std::byte* const at = f.At(block, blocks);
    const size_t through = f.Through(static_cast<size_t>(blocks) * kBlockBytes);
    std::memset(at, 0xff, through);
    return f.is_off_ ? 5 : 0;
  }

  std::vector<std::byte> bytes_;
  uint32_t writes_ = 0;
  uint32_t writes_left_ = 0;
  uint32_t torn_bytes_ = 0;
  uint64_t bad_first_ = 0;
  uint64_t bad_end_ = 0;
  Torn torn_ = Torn::kOldBytes;
  bool will_fail_ = false;
  bool is_off_ = false;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_SIMULATED_FLASH_H_
