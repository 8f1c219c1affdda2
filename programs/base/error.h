// How programs report errors: one sentence for the person at the terminal.
#ifndef LFM2_PROGRAMS_BASE_ERROR_H_
#define LFM2_PROGRAMS_BASE_ERROR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "lfm2/base/status.h"

namespace lfm2::tools {

// The result of a step that can fail. Unlike lfm2::Status it owns its text, which can name files and tensors.
class [[nodiscard]] Error {
 public:
  Error() = default;
  // The parts one after another, numbers in decimal. Parts may come from hostile files: control characters and bytes
  // that are not UTF-8 are written as \xNN, and a long part is shortened in the middle.
  template <class... Parts>
  static Error Of(const Parts&... parts) {
    Error e;
    (Append(&e.text_, parts), ...);
    return e;
  }
  static Error From(const Status& status) {
    if (status.ok()) return Error();
    char text[512];
    const size_t size = status.Format(text, sizeof(text));
    return Of(std::string_view(text, size));
  }

  bool ok() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  static void Append(std::string* out, std::string_view text);
  static void Append(std::string* out, uint64_t number) { out->append(std::to_string(number)); }
  static void Append(std::string* out, uint32_t number) { out->append(std::to_string(number)); }
  static void Append(std::string* out, int number) { out->append(std::to_string(number)); }

  std::string text_;
};

// Returns the Error of `expression` from the calling function unless it is ok.
#define LFM2_RETURN_IF_FAILED(expression)            \
  do {                                               \
    ::lfm2::tools::Error lfm2_error_ = (expression); \
    if (!lfm2_error_.ok()) return lfm2_error_;       \
  } while (false)

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BASE_ERROR_H_
