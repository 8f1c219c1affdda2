#include "programs/server/request_fields.h"

#include <cmath>

namespace lfm2::tools {

std::string ShownValue(const nlohmann::ordered_json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  constexpr size_t kLongest = 60;
  if (value.is_string() && value.get_ref<const std::string&>().size() > kLongest) return "a long text";
  return value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

const nlohmann::ordered_json* RequestFields::Find(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void RequestFields::Flag(const char* name, bool* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) return Fail(PathOf(name), "is ", ShownValue(*value), ", neither true nor false");
  *out = value->get<bool>();
}

void RequestFields::Text(const char* name, std::string* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_string()) return Fail(PathOf(name), "is ", ShownValue(*value), ", not a string");
  *out = value->get<std::string>();
}

void RequestFields::Whole(const char* name, uint64_t low, uint64_t high, std::optional<uint32_t>* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_number_unsigned() || value->get<uint64_t>() < low || value->get<uint64_t>() > high) {
    return Fail(PathOf(name), "is ", ShownValue(*value), ", not a whole number from ", low, " to ", high);
  }
  *out = static_cast<uint32_t>(value->get<uint64_t>());
}

void RequestFields::Real(const char* name, double low, double high, std::optional<float>* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= low && number <= high)) {
    return Fail(PathOf(name), "is ", ShownValue(*value), ", not a number from ", Json(low).dump(), " to ",
                Json(high).dump());
  }
  *out = static_cast<float>(number);
}

void RequestFields::Seed(const char* name, std::optional<uint64_t>* out) {
  const Json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_number_integer())
    return Fail(PathOf(name), "is ", ShownValue(*value), ", not a whole number of 64 bits");
  *out = value->is_number_unsigned() ? value->get<uint64_t>() : static_cast<uint64_t>(value->get<int64_t>());
}

void RequestFields::OnlyNumber(const char* name, double value) {
  const Json* const found = Find(name);
  if (found == nullptr) return;
  if (!found->is_number()) return Fail(PathOf(name), "is ", ShownValue(*found), ", not a number");
  if (found->get<double>() != value) {
    Fail(PathOf(name), "is ", ShownValue(*found), "; this server supports ", Json(value).dump(), " only");
  }
}

void RequestFields::Unsupported(const char* name) {
  if (Find(name) != nullptr) Fail(PathOf(name), "is not supported by this server");
}

}  // namespace lfm2::tools
