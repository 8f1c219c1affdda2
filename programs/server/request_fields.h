// Reads the members of a JSON object in a request, and checks their types and ranges.
#ifndef LFM2_PROGRAMS_SERVER_REQUEST_FIELDS_H_
#define LFM2_PROGRAMS_SERVER_REQUEST_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "programs/server/api_error.h"

namespace lfm2::tools {

// Reads members by name. A member that is null counts as missing. If a member is missing, the value keeps its default.
// The first failure is kept, which names the member; later ones are ignored.
class RequestFields {
 public:
  using Json = nlohmann::ordered_json;

  // prefix: name of the object in messages, such as "stream_options"; empty: the body.
  explicit RequestFields(const Json& object, std::string prefix = "") : object_(object), prefix_(std::move(prefix)) {}

  // nullptr if it is missing.
  const Json* Find(const char* name) const;
  std::string PathOf(const char* name) const { return prefix_.empty() ? name : prefix_ + "." + name; }

  void Flag(const char* name, bool* out);
  void Text(const char* name, std::string* out);
  // From low to high, both included.
  void Whole(const char* name, uint64_t low, uint64_t high, std::optional<uint32_t>* out);
  void Real(const char* name, double low, double high, std::optional<float>* out);
  // Any integer of 64 bits, signed or unsigned.
  void Seed(const char* name, std::optional<uint64_t>* out);
  // Refuses any value except this number.
  void OnlyNumber(const char* name, double value);
  // Refuses any value.
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

// A value as a short text for messages. Does not recurse into objects and lists.
std::string ShownValue(const nlohmann::ordered_json& value);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_REQUEST_FIELDS_H_
