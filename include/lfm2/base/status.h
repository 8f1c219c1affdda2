// The result of every call that can fail.
#ifndef LFM2_BASE_STATUS_H_
#define LFM2_BASE_STATUS_H_

#include "lfm2/base/config.h"

namespace lfm2 {

// `value` and `limit` are value() and limit() of a Status, 0 where it has no numbers.
enum class StatusCode : uint8_t {
  kOk,                  // no error
  kInvalidArgument,     // the caller passed something that can never work; `limit` is what the argument must keep to
  kFailedPrecondition,  // the call came at the wrong time: use before open, open twice
  kArenaTooSmall,       // `value` bytes were given, `limit` are needed
  kContextFull,         // `value` positions are needed, `limit` exist
  kOutputTooSmall,      // `value` bytes or tokens are to be written, `limit` fit the given memory
  kCorrupt,             // the bytes of a file contradict themselves; `value` was found, `limit` was expected
  kUnsupported,         // well formed, but this version or build cannot run it; numbers as for kCorrupt
  kIo,                  // a system call or device failed; `value` is its error number, or how many bytes are missing
  kTimeout,             // a device has not answered within `value` milliseconds
  kCancelled,           // the caller's poll function returned false
  kNotFinite,           // a layer computed a NaN or an infinity; index() is the layer
};

// What went wrong, where, and with which numbers. All text is static: a Status owns nothing and is copied freely.
class [[nodiscard]] Status {
 public:
  // What index() is where no layer, token or record is meant.
  static constexpr uint32_t kNoIndex = 0xffffffffu;

  // Not "= default", with which all bytes would be set to zero before the members are.
  constexpr Status() {}
  // where: the field, argument or region, such as "header.hidden_size". what: the rest of a sentence about it, such as
  // "is not a multiple of 32", which may end with what to do, in parentheses. value and limit: the number found and the
  // one it was compared with; with kIo and kTimeout the second one is an offset.
  LFM2_SELDOM constexpr Status(StatusCode code, const char* where, const char* what)
      : where_(where), what_(what), code_(code) {}
  LFM2_SELDOM constexpr Status(StatusCode code, const char* where, const char* what, uint64_t value)
      : where_(where), what_(what), value_(value), code_(code), numbers_(1) {}
  LFM2_SELDOM constexpr Status(StatusCode code, const char* where, const char* what, uint64_t value, uint64_t limit)
      : where_(where), what_(what), value_(value), limit_(limit), code_(code), numbers_(2) {}

  // Adds which layer, token or record is meant.
  LFM2_SMALL constexpr Status At(uint32_t index) const {
    Status s = *this;
    s.index_ = index;
    return s;
  }

  // A Status that a function passes on from another one.
  LFM2_SMALL constexpr Status Copy() const { return *this; }

  // The values that it was constructed with; of an ok Status the texts are empty and the numbers 0.
  constexpr bool ok() const { return code_ == StatusCode::kOk; }
  constexpr StatusCode code() const { return code_; }
  constexpr const char* where() const { return where_; }
  constexpr const char* what() const { return what_; }
  constexpr uint64_t value() const { return value_; }
  constexpr uint64_t limit() const { return HasOffset() ? 0 : limit_; }
  // Byte of the storage at which a device failed; 0 for other codes.
  constexpr uint64_t offset() const { return HasOffset() ? limit_ : 0; }
  constexpr uint32_t index() const { return index_; }

  // Writes one sentence, such as "corrupt: directory.rows [3] is not what the config demands: 512, expected 7168", cut
  // to `capacity` bytes with the terminating zero. Returns the length without the zero. Writes nothing if capacity is
  // 0.
  size_t Format(char* out, size_t capacity) const {
    Writer w{out, capacity, 0};
    if (ok()) {
      w.Text("ok");
      return w.End();
    }
    w.Text(CodeName(code_));
    w.Text(": ");
    w.Text(where_);
    if (index_ != kNoIndex) {
      w.Text(" [");
      w.Number(index_);
      w.Text("]");
    }
    // What comes at the wrong time is a call, and its cause a clause about something else.
    w.Text(code_ == StatusCode::kFailedPrecondition ? ": " : " ");
    w.Text(what_);
    if (numbers_ > 0) {
      w.Text(": ");
      w.Number(value_);
    }
    if (numbers_ > 1) {
      w.Text(LimitName(code_));
      w.Number(limit_);
    }
    return w.End();
  }

  // The words between the two numbers.
  static constexpr const char* LimitName(StatusCode code) {
    switch (code) {
      case StatusCode::kArenaTooSmall: return ", needed ";
      case StatusCode::kOutputTooSmall: return ", room for ";
      case StatusCode::kInvalidArgument:
      case StatusCode::kContextFull:
      case StatusCode::kCancelled:
      case StatusCode::kNotFinite: return ", limit ";
      case StatusCode::kOk:
      case StatusCode::kFailedPrecondition:
      case StatusCode::kCorrupt:
      case StatusCode::kUnsupported: return ", expected ";
      case StatusCode::kIo:
      case StatusCode::kTimeout: return ", at byte ";
    }
    return ", ";
  }

  // The name of a code, which Format begins with.
  static constexpr const char* CodeName(StatusCode code) {
    switch (code) {
      case StatusCode::kOk: return "ok";
      case StatusCode::kInvalidArgument: return "invalid argument";
      case StatusCode::kFailedPrecondition: return "called at the wrong time";
      case StatusCode::kArenaTooSmall: return "arena too small";
      case StatusCode::kContextFull: return "context full";
      case StatusCode::kOutputTooSmall: return "output too small";
      case StatusCode::kCorrupt: return "corrupt";
      case StatusCode::kUnsupported: return "unsupported";
      case StatusCode::kIo: return "I/O error";
      case StatusCode::kTimeout: return "timeout";
      case StatusCode::kCancelled: return "cancelled";
      case StatusCode::kNotFinite: return "not finite";
    }
    return "unknown";
  }

 private:
  constexpr bool HasOffset() const { return code_ == StatusCode::kIo || code_ == StatusCode::kTimeout; }

  struct Writer {
    char* out;
    size_t capacity;
    size_t size;
    void Text(const char* s) {
      while (*s != '\0') Put(*s++);
    }
    void Number(uint64_t n) {
      char digits[20];
      size_t count = 0;
      do {
        digits[count++] = static_cast<char>('0' + n % 10);
        n /= 10;
      } while (n != 0);
      while (count > 0) Put(digits[--count]);
    }
    void Put(char c) {
      if (size + 1 < capacity) out[size++] = c;
    }
    size_t End() {
      if (capacity > 0) out[size] = '\0';
      return size;
    }
  };

  const char* where_ = "";
  const char* what_ = "";
  uint64_t value_ = 0;
  uint64_t limit_ = 0;
  uint32_t index_ = kNoIndex;
  StatusCode code_ = StatusCode::kOk;
  uint8_t numbers_ = 0;
};

// Leaves the calling function with the Status of `expression` unless it is ok.
#define LFM2_RETURN_IF_ERROR(expression)                \
  do {                                                  \
    const ::lfm2::Status lfm2_status_ = (expression);   \
    if (!lfm2_status_.ok()) return lfm2_status_.Copy(); \
  } while (false)

}  // namespace lfm2

#endif  // LFM2_BASE_STATUS_H_
