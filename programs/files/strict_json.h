// JSON from untrusted files: no duplicate keys, no deep nesting, no exceptions.
#ifndef LFM2_PROGRAMS_FILES_STRICT_JSON_H_
#define LFM2_PROGRAMS_FILES_STRICT_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "programs/base/error.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

// Parses an object; anything else is refused. The Error states what is wrong and where.
Error ParseStrictJson(std::string_view text, nlohmann::json* out);

// The same for a whole file of at most max_bytes.
Error ReadStrictJson(const ByteSource& file, uint64_t max_bytes, nlohmann::json* out);

// Reads the members of an object by name. A member that is null counts as missing. The first failure is kept, which
// names the member and its value; later ones are ignored.
class JsonMembers {
 public:
  explicit JsonMembers(const nlohmann::json& object) : object_(object) {}

  // nullptr if it is missing.
  const nlohmann::json* Find(const char* name) const;
  bool Has(const char* name) const { return Find(name) != nullptr; }
  // Whether it is present, and null.
  bool IsNull(const char* name) const { return object_.contains(name) && !Has(name); }

  // Required members.
  void U32(const char* name, uint32_t* out);
  void F32(const char* name, float* out);
  void Text(const char* name, std::string* out);
  // If the member is missing, *out keeps its value.
  void OptionalU32(const char* name, uint32_t* out);
  void OptionalF32(const char* name, float* out);
  void OptionalF64(const char* name, double* out);
  void OptionalBool(const char* name, bool* out);
  void OptionalText(const char* name, std::string* out);

  void Fail(const Error& error) {
    if (error_.ok()) error_ = error;
  }
  const Error& error() const { return error_; }

 private:
  const nlohmann::json* Need(const char* name);

  const nlohmann::json& object_;
  Error error_;
};

// A value as a short text for messages.
std::string Shown(const nlohmann::json& value);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_STRICT_JSON_H_
