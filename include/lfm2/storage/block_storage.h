// A model image on a block device without an operating system: SD card, eMMC, QSPI flash. The user supplies one
// function, or two if states are stored there too (runtime/state_store.h).
#ifndef LFM2_STORAGE_BLOCK_STORAGE_H_
#define LFM2_STORAGE_BLOCK_STORAGE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/storage/read_queue.h"
#include "lfm2/storage/storage.h"

namespace lfm2 {

// The functions of a driver. `context` is passed to all of them.
struct BlockDevice {
  void* context = nullptr;  // a pointer of the driver's
  // Reads whole blocks into memory that is aligned to block_bytes. Returns 0 after they have arrived, or the driver's
  // error number. first_block counts from the beginning of the device.
  int (*read)(void* context, uint64_t first_block, uint32_t blocks, std::byte* to) = nullptr;
  // Writes whole blocks. Returns 0 once they would survive a loss of power, or the driver's error number. Flash is
  // erased first, by this function or by `erase`. Used by StateStore only; images are never written.
  int (*write)(void* context, uint64_t first_block, uint32_t blocks, const std::byte* from) = nullptr;
  // Called with the blocks that are about to be written, each once; nullptr if `write` erases its blocks itself. For
  // flash whose erase sectors are larger than a block.
  int (*erase)(void* context, uint64_t first_block, uint64_t blocks) = nullptr;
  // Nanoseconds since an arbitrary moment, for statistics; nullptr if there is no clock.
  uint64_t (*now_ns)(void* context) = nullptr;
  uint32_t block_bytes = 512;  // 512, 1024, 2048 or 4096
  uint64_t first_block = 0;    // where the image or the store begins: the partition's first block
  uint64_t bytes = 0;          // of the image, or of the partition
  // The most bytes that one call of `read` may request, a multiple of 4096.
  uint32_t piece_bytes = 128u << 10;
};

// Errors: kInvalidArgument for a field of `device`.
inline Status CheckBlockDevice(const BlockDevice& device) {
  if (device.read == nullptr) return Status(StatusCode::kInvalidArgument, "device.read", "is null");
  if (device.block_bytes < 512 || device.block_bytes > kRecordAlignment ||
      (device.block_bytes & (device.block_bytes - 1)) != 0) {
    return Status(StatusCode::kInvalidArgument, "device.block_bytes", "is not 512, 1024, 2048 or 4096",
                  device.block_bytes);
  }
  if (device.piece_bytes == 0 || device.piece_bytes % kRecordAlignment != 0) {
    return Status(StatusCode::kInvalidArgument, "device.piece_bytes", "is not a multiple of 4096", device.piece_bytes);
  }
  if (device.bytes == 0) return Status(StatusCode::kInvalidArgument, "device.bytes", "is 0");
  uint64_t end = 0;
  if (device.bytes > UINT64_MAX / 2 ||
      !CheckedAdd(device.first_block, DivideUp<uint64_t>(device.bytes, device.block_bytes), &end)) {
    return Status(StatusCode::kInvalidArgument, "device.bytes", "do not fit after device.first_block", device.bytes);
  }
  return Status();
}

// The queue of a BlockStorage: Submit calls the driver and returns after it, and reads complete in the same order.
class BlockQueue final : public ReadQueue {
 public:
  static constexpr uint32_t kCapacity = 4;

  constexpr BlockQueue() = default;
  BlockQueue(const BlockQueue&) = delete;
  BlockQueue& operator=(const BlockQueue&) = delete;

  void Open(const BlockDevice& device) {
    device_ = device;
    collected_ = ended_ = 0;
  }

  uint32_t alignment() const override { return device_.block_bytes; }
  uint32_t capacity() const override { return kCapacity; }
  uint32_t piece_bytes() const override { return device_.piece_bytes; }

  Status Submit(const ReadRequest& request) override {
    const uint64_t mask = device_.block_bytes - 1;
    const uint64_t end = RoundUp<uint64_t>(device_.bytes, device_.block_bytes);
    if (((request.offset | request.bytes | reinterpret_cast<uintptr_t>(request.to)) & mask) != 0 ||
        request.bytes == 0) {
      return Status(StatusCode::kInvalidArgument, "read", "is not of whole blocks", request.bytes, device_.block_bytes);
    }
    if (request.offset >= end || request.bytes > end - request.offset) {
      return Status(StatusCode::kInvalidArgument, "read", "is not within the storage", request.offset, device_.bytes);
    }
    if (ended_ - collected_ == kCapacity) {
      return Status(StatusCode::kFailedPrecondition, "read", "comes while the queue is full", kCapacity);
    }
    completions_[ended_++ % kCapacity] = {request.tag, Read(request)};
    return Status();
  }

  bool Poll(ReadCompletion* done) override {
    if (collected_ == ended_) return false;
    *done = completions_[collected_++ % kCapacity];
    return true;
  }

  Status Wait(ReadCompletion* done) override {
    if (Poll(done)) return Status();
    return Status(StatusCode::kFailedPrecondition, "read", "is not pending");
  }

  uint64_t NowNs() const override { return device_.now_ns == nullptr ? 0 : device_.now_ns(device_.context); }

 private:
  Status Read(const ReadRequest& request) const {
    for (uint64_t at = 0; at < request.bytes;) {
      const uint64_t bytes = Min<uint64_t>(request.bytes - at, device_.piece_bytes);
      const uint64_t block = device_.first_block + (request.offset + at) / device_.block_bytes;
      const int64_t error = device_.read(device_.context, block, static_cast<uint32_t>(bytes / device_.block_bytes),
                                         request.to + static_cast<size_t>(at));
      if (error != 0) {
        return Status(StatusCode::kIo, "block device", "cannot be read; error of the driver",
                      static_cast<uint64_t>(Max(error, -error)), request.offset + at);
      }
      at += bytes;
    }
    return Status();
  }

  BlockDevice device_;
  uint32_t ended_ = 0;  // counters that only grow
  uint32_t collected_ = 0;
  ReadCompletion completions_[kCapacity];
};

// For drivers whose read returns after the bytes have arrived. For one that reads in the background (DMA with an
// interrupt), implement Storage and ReadQueue: the session then computes while the drive reads.
//
//   static int ReadSdCard(void*, uint64_t first_block, uint32_t blocks, std::byte* to) {
//     return sd_read_blocks(to, first_block, blocks);  // the driver's own
//   }
//   lfm2::BlockDevice device;
//   device.read = ReadSdCard;
//   device.first_block = 2048;
//   device.bytes = 4733284352;
//   lfm2::BlockStorage storage;
//   status = storage.Open(device);
//
// One session at a time.
class BlockStorage final : public Storage {
 public:
  constexpr BlockStorage() = default;
  BlockStorage(const BlockStorage&) = delete;
  BlockStorage& operator=(const BlockStorage&) = delete;

  // The device's context stays valid until Close. Errors: kFailedPrecondition if open already, kInvalidArgument for a
  // field of `device`.
  Status Open(const BlockDevice& device) {
    if (is_open()) {
      return Status(StatusCode::kFailedPrecondition, "BlockStorage::Open", "needs a closed storage (call Close first)");
    }
    LFM2_RETURN_IF_ERROR(CheckBlockDevice(device));
    bytes_ = device.bytes;
    queue_.Open(device);
    return Status();
  }

  // Open may be called again afterwards. No image may be open on it. Closing twice does nothing.
  void Close() { bytes_ = 0; }

  bool is_open() const { return bytes_ > 0; }
  uint64_t size() const override { return bytes_; }
  const std::byte* Map(uint64_t, uint64_t) const override { return nullptr; }
  ReadQueue* queue() const override { return is_open() ? &queue_ : nullptr; }

 private:
  uint64_t bytes_ = 0;
  mutable BlockQueue queue_;  // reading changes nothing of the device
};

}  // namespace lfm2

#endif  // LFM2_STORAGE_BLOCK_STORAGE_H_
