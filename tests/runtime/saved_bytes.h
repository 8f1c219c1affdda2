// Saved states in memory.
#ifndef LFM2_TESTS_RUNTIME_SAVED_BYTES_H_
#define LFM2_TESTS_RUNTIME_SAVED_BYTES_H_

#include <algorithm>
#include <cstring>
#include <vector>

#include "lfm2.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {

using Bytes = std::vector<std::byte>;

inline Bytes Saved(const Session& session, const StateNote& note = StateNote(), bool with_logits = false) {
  Bytes bytes;
  const auto sink = [&](Span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return true;
  };
  LFM2_REQUIRE_OK(session.Save(sink, note, with_logits));
  return bytes;
}

// A source that has only these bytes.
class BytesSource {
 public:
  explicit BytesSource(Span<const std::byte> bytes) : bytes_(bytes) {}
  bool operator()(Span<std::byte> to) {
    if (to.size() > bytes_.size() - at_) return false;
    std::copy_n(bytes_.data() + at_, to.size(), to.data());
    at_ += to.size();
    return true;
  }
  size_t left() const { return bytes_.size() - at_; }

 private:
  Span<const std::byte> bytes_;
  size_t at_ = 0;
};

inline Status LoadBytes(Session& session, Span<const std::byte> bytes, StateNote* note = nullptr) {
  BytesSource source(bytes);
  return session.Load(source, note);
}

// A mark of the end of the sequence, in memory of just the size.
inline Bytes MarkOf(const Session& session) {
  Bytes mark(static_cast<size_t>(Session::MarkBytes(session.config())) + 1, std::byte{0x5a});
  LFM2_REQUIRE_OK(session.Mark({mark.data(), mark.size()}));
  CHECK(mark.back() == std::byte{0x5a});
  mark.pop_back();
  return mark;
}

// Changes one field of the header and makes its CRC right again.
template <class T>
Bytes WithField(Bytes bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  const uint32_t crc = Crc32c(0, bytes.data(), offsetof(SavedStateHeader, crc));
  std::memcpy(bytes.data() + offsetof(SavedStateHeader, crc), &crc, sizeof(crc));
  return bytes;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_SAVED_BYTES_H_
