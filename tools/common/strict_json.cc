#include "tools/common/strict_json.h"

#include <cmath>
#include <set>
#include <vector>

namespace lfm2::tools {

namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 32;

// Builds the value and watches what is built.
class Watcher {
 public:
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (!error_.ok()) return false;
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        if (depth >= kMaxDepth) error_ = Error::Of("it is nested deeper than ", kMaxDepth, " levels");
        keys_.emplace_back();
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end: keys_.pop_back(); break;
      case Json::parse_event_t::key: {
        const std::string& key = parsed.get_ref<const std::string&>();
        if (!keys_.back().insert(key).second) error_ = Error::Of("the key ", Shown(parsed), " is there twice");
        break;
      }
      case Json::parse_event_t::value: break;
    }
    return error_.ok();
  }
  const Error& error() const { return error_; }

 private:
  std::vector<std::set<std::string>> keys_;
  Error error_;
};

}  // namespace

std::string Shown(const Json& value) {
  constexpr size_t kLongest = 60;
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

Error ParseStrictJson(std::string_view text, Json* out) {
  Watcher watcher;
  const auto watch = [&watcher](int depth, Json::parse_event_t event, Json& parsed) {
    return watcher(depth, event, parsed);
  };
  *out = Json::parse(text.begin(), text.end(), watch, false);
  if (!watcher.error().ok()) return watcher.error();
  if (out->is_discarded()) return Error::Of("it is no JSON");
  if (!out->is_object()) return Error::Of("it is no JSON object");
  return Error();
}

Error ReadStrictJson(const ByteSource& file, uint64_t max_bytes, Json* out) {
  if (file.size() > max_bytes) return Error::Of("it has ", file.size(), " bytes, more than ", max_bytes);
  std::string text(static_cast<size_t>(file.size()), '\0');
  LFM2_RETURN_IF_FAILED(file.Read(0, text.data(), text.size()));
  return ParseStrictJson(text, out);
}

const Json* JsonMembers::Find(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json* JsonMembers::Need(const char* name) {
  const Json* const found = Find(name);
  if (found == nullptr) Fail(Error::Of("the key ", name, " is missing"));
  return found;
}

void JsonMembers::U32(const char* name, uint32_t* out) {
  if (Need(name) != nullptr) OptionalU32(name, out);
}
void JsonMembers::F32(const char* name, float* out) {
  if (Need(name) != nullptr) OptionalF32(name, out);
}
void JsonMembers::Text(const char* name, std::string* out) {
  if (Need(name) != nullptr) OptionalText(name, out);
}

void JsonMembers::OptionalU32(const char* name, uint32_t* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > UINT32_MAX) {
    return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", no whole number below 2^32"));
  }
  *out = static_cast<uint32_t>(value->get<uint64_t>());
}
void JsonMembers::OptionalF32(const char* name, float* out) {
  double number = static_cast<double>(*out);
  OptionalF64(name, &number);
  *out = static_cast<float>(number);
}
void JsonMembers::OptionalF64(const char* name, double* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(std::fabs(number) <= 3e38)) return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", no number"));
  *out = number;
}
void JsonMembers::OptionalBool(const char* name, bool* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", neither true nor false"));
  *out = value->get<bool>();
}
void JsonMembers::OptionalText(const char* name, std::string* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_string()) return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", no text"));
  *out = value->get<std::string>();
}

}  // namespace lfm2::tools
