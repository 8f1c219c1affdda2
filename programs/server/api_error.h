// Errors of requests, in the form of the OpenAI API.
#ifndef LFM2_PROGRAMS_SERVER_API_ERROR_H_
#define LFM2_PROGRAMS_SERVER_API_ERROR_H_

#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

// The result of a step that can fail. Status 0: no failure.
struct [[nodiscard]] ApiError {
  int status = 0;       // of HTTP
  std::string message;  // one sentence
  std::string type;     // such as "invalid_request_error"
  std::string param;    // the field in question, such as "messages[2].role"; empty: none
  std::string code;     // for programs; empty: none

  bool ok() const { return status == 0; }

  // 400, about a field. Parts as those of Error::Of; they may come from the request.
  template <class... Parts>
  static ApiError Bad(const std::string& param, const Parts&... parts) {
    return {400, Error::Of(parts...).text(), "invalid_request_error", param, ""};
  }
  template <class... Parts>
  static ApiError Of(int status, const char* type, const char* code, const Parts&... parts) {
    return {status, Error::Of(parts...).text(), type, "", code};
  }

  // {"error": {"message", "type", "param", "code"}}
  std::string Json() const;
};

#define LFM2_RETURN_IF_REFUSED(expression)                \
  do {                                                    \
    ::lfm2::tools::ApiError lfm2_refusal_ = (expression); \
    if (!lfm2_refusal_.ok()) return lfm2_refusal_;        \
  } while (false)

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_API_ERROR_H_
