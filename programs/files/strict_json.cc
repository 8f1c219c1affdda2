#include "programs/files/strict_json.h"

#include <cmath>
#include <utility>
#include <vector>

namespace lfm2::tools {

namespace {

constexpr size_t kMaxDepth = 32;

// Builds the value from the events of the parser; what is not allowed ends the parsing.
class StrictBuilder final : public nlohmann::json::json_sax_t {
 public:
  explicit StrictBuilder(nlohmann::json* root) : root_(root) {}
  const Error& error() const { return error_; }

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return Fail(Error::Of("it has binary data")); }
  bool start_object(std::size_t) override { return Open(nlohmann::json::object()); }
  bool start_array(std::size_t) override { return Open(nlohmann::json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& key) override {
    const auto added = open_.back()->get_ref<nlohmann::json::object_t&>().try_emplace(std::move(key));
    member_ = &added.first->second;
    return added.second || Fail(Error::Of("the key ", Shown(added.first->first), " occurs twice"));
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return Fail(Error::Of("it is not valid JSON at byte ", position));
  }

 private:
  bool Fail(const Error& error) {
    error_ = error;
    return false;
  }
  bool Put(nlohmann::json value) {
    Place() = std::move(value);
    return true;
  }
  bool Open(nlohmann::json empty) {
    if (open_.size() >= kMaxDepth) return Fail(Error::Of("it is nested deeper than ", kMaxDepth, " levels"));
    nlohmann::json& place = Place();
    place = std::move(empty);
    open_.push_back(&place);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  // Where the next value goes.
  nlohmann::json& Place() {
    if (open_.empty()) return *root_;
    return open_.back()->is_array() ? open_.back()->emplace_back() : *member_;
  }

  nlohmann::json* const root_;
  nlohmann::json* member_ = nullptr;  // of the innermost object
  // The values that are not complete, outermost first. Each is the last element of the one before it, so none moves.
  std::vector<nlohmann::json*> open_;
  Error error_;
};

}  // namespace

std::string Shown(const nlohmann::json& value) {
  constexpr size_t kLongest = 60;
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

Error ParseStrictJson(std::string_view text, nlohmann::json* out) {
  StrictBuilder builder(out);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  LFM2_RETURN_IF_FAILED(builder.error());
  if (!out->is_object()) return Error::Of("it is not a JSON object");
  return Error();
}

Error ReadStrictJson(const ByteSource& file, uint64_t max_bytes, nlohmann::json* out) {
  if (file.size() > max_bytes) return Error::Of("it has ", file.size(), " bytes, more than ", max_bytes);
  std::string text(static_cast<size_t>(file.size()), '\0');
  LFM2_RETURN_IF_FAILED(file.Read(0, text.data(), text.size()));
  return ParseStrictJson(text, out);
}

const nlohmann::json* JsonMembers::Find(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json* JsonMembers::Need(const char* name) {
  const nlohmann::json* const found = Find(name);
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
  const nlohmann::json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > UINT32_MAX) {
    return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", not a whole number below 2^32"));
  }
  *out = static_cast<uint32_t>(value->get<uint64_t>());
}
void JsonMembers::OptionalF32(const char* name, float* out) {
  double number = static_cast<double>(*out);
  OptionalF64(name, &number);
  *out = static_cast<float>(number);
}
void JsonMembers::OptionalF64(const char* name, double* out) {
  const nlohmann::json* const value = Find(name);
  if (value == nullptr) return;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(std::fabs(number) <= 3e38)) return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", not a number"));
  *out = number;
}
void JsonMembers::OptionalBool(const char* name, bool* out) {
  const nlohmann::json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", neither true nor false"));
  *out = value->get<bool>();
}
void JsonMembers::OptionalText(const char* name, std::string* out) {
  const nlohmann::json* const value = Find(name);
  if (value == nullptr) return;
  if (!value->is_string()) return Fail(Error::Of("the key ", name, " is ", Shown(*value), ", not a string"));
  *out = value->get<std::string>();
}

}  // namespace lfm2::tools
