// Reads the values that a target builds its file from out of the input. After its end it reads zeros.
#ifndef LFM2_TESTS_FUZZ_INPUT_H_
#define LFM2_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "programs/files/byte_source.h"

namespace lfm2::fuzz {

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  template <class T>
  T Take() {
    T value{};
    const size_t size = std::min(sizeof(T), bytes_.size());
    if (size > 0) std::memcpy(&value, bytes_.data(), size);
    bytes_.remove_prefix(size);
    return value;
  }
  uint8_t Byte() { return Take<uint8_t>(); }
  // 0 .. n - 1, n <= 256.
  uint32_t Below(size_t n) { return static_cast<uint32_t>(Byte() % n); }
  std::string_view Bytes(size_t size) {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the next byte 0xff, which no text in UTF-8 has; what is left where there is none.
  std::string_view Part() {
    const std::string_view part = Bytes(bytes_.find('\xff'));
    bytes_.remove_prefix(bytes_.empty() ? 0 : 1);
    return part;
  }
  std::string_view Rest() { return Bytes(bytes_.size()); }

  // A number that finds bounds: small, a power of two, or near the end of a type.
  uint64_t Number() {
    const uint8_t kind = Byte();
    const uint64_t value = Byte();
    switch (kind % 8) {
      case 0: return value;
      case 1: return uint64_t{1} << value % 64;
      case 2: return (uint64_t{1} << value % 64) - 1;
      case 3: return UINT64_MAX - value;
      case 4: return UINT32_MAX - value;
      case 5: return value * 32;
      case 6: return Take<uint32_t>();
      default: return Take<uint64_t>();
    }
  }

 private:
  std::string_view bytes_;
};

// Bytes, followed by bytes that are not stored: a file whose weights cost nothing to make.
class PaddedSource final : public tools::ByteSource {
 public:
  PaddedSource(std::string_view bytes, uint64_t padding) : bytes_(bytes), padding_(padding) {}
  uint64_t size() const override { return bytes_.size() + padding_; }
  tools::Error Read(uint64_t offset, void* out, size_t bytes) const override {
    if (offset > size() || bytes > size() - offset) return tools::Error::Of("beyond the file");
    char* const to = static_cast<char*>(out);
    size_t done = 0;
    if (offset < bytes_.size()) {
      done = std::min(bytes, bytes_.size() - static_cast<size_t>(offset));
      std::memcpy(to, bytes_.data() + offset, done);
    }
    while (done < bytes) {
      const size_t at = static_cast<size_t>((offset + done - bytes_.size()) % Fill().size());
      const size_t n = std::min(bytes - done, Fill().size() - at);
      std::memcpy(to + done, Fill().data() + at, n);
      done += n;
    }
    return tools::Error();
  }

 private:
  // The value repeated after the bytes: neither zeros nor infinite as a number of any type.
  static const std::string& Fill() {
    static const std::string fill = [] {
      std::string text;
      while (text.size() < (1u << 13)) text += "\x11\x3e\x2e\x3d\x44\x3f\x66";
      return text;
    }();
    return fill;
  }

  std::string_view bytes_;
  uint64_t padding_;
};

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_INPUT_H_
