// The members of a request's object, each of the type and in the range that it must have.
#ifndef LFM2_PROGRAMS_SERVER_REQUEST_FIELDS_H_
#define LFM2_PROGRAMS_SERVER_REQUEST_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "programs/server/api_error.h"

namespace lfm2::tools {

// Reads members by name. A member that is null counts as missing, and its value stays as it is. The first failure is
// kept, and names the member; what fails later changes nothing.
class RequestFields {
 public:
  using Json = nlohmann::ordered_json;

  // prefix: the object's own name in messages, such as "stream_options"; empty: the body.
  explicit RequestFields(const Json& object, std::string prefix = "") : object_(object), prefix_(std::move(prefix)) {}

  // nullptr where there is none.
  const Json* Find(const char* name) const;
  std::string PathOf(const char* name) const { return prefix_.empty() ? name : prefix_ + "." + name; }

  void Flag(const char* name, bool* out);
  void Text(const char* name, std::string* out);
  // low and high are among what may be.
  void Whole(const char* name, uint64_t low, uint64_t high, std::optional<uint32_t>* out);
  void Real(const char* name, double low, double high, std::optional<float>* out);
  // Any whole number of 64 bits, also a negative one.
  void Seed(const char* name, std::optional<uint64_t>* out);
  // Refuses any other value than this number.
  void OnlyNumber(const char* name, double value);
  // Refuses whatever it is.
  void Unsupported(const char* name);

  template <class... Parts>
  void Fail(const std::string& path, const Parts&... parts) {
    if (error_.ok()) error_ = ApiError::Bad(path, path, " ", parts...);
  }
  const ApiError& error() const { return error_; }

 private:
  const Json& object_;
  std::string prefix_;
  ApiError error_;
};

// A value as a short text for messages: not deeper than a request's may be.
std::string ShownValue(const nlohmann::ordered_json& value);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_REQUEST_FIELDS_H_
