#include "programs/server/request_json.h"

#include <string>
#include <utility>
#include <vector>

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

// Builds the value from the events of the parser. Exceeding a limit ends the parsing, so that no value is deeply
// nested.
class RequestBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit RequestBuilder(Json* root) : root_(root) {}
  const ApiError& error() const { return error_; }

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return Fail("has binary data"); }
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    Level& level = open_.back();
    auto& members = level.value->get_ref<Json::object_t&>();
    level.key = std::move(name);
    for (const auto& member : members) {
      if (member.first == level.key) return Fail("occurs twice");
    }
    if (members.size() >= kMaxRequestMembers)
      return Fail("is one member too many; an object may have ", kMaxRequestMembers);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    // The parser also reports bytes that are not UTF-8, and numbers that exceed a double.
    if (error.id == 406) return Fail("has a number that is too large, before byte ", position);
    return Fail("is not JSON in UTF-8 at byte ", position, " of the body");
  }

 private:
  struct Level {
    Json* value;
    std::string key;  // of an object: the last member
  };

  // The path to the current value, such as messages[2].content.
  std::string Path() const {
    std::string path;
    for (const Level& level : open_) {
      if (level.value->is_array()) {
        // An element that is not complete is already in the list.
        const size_t at = level.value->size() - (&level == &open_.back() ? 0 : 1);
        path += '[' + std::to_string(at) + ']';
      } else if (!level.key.empty()) {
        path += (path.empty() ? "" : ".") + level.key.substr(0, 64);
      }
      if (path.size() > 128) break;
    }
    return path;
  }
  template <class... Parts>
  bool Fail(const Parts&... parts) {
    const std::string path = Path();
    // The path may end with part of a character.
    error_ = ApiError::Bad(Error::Of(path).text(), path.empty() ? "the body" : path, " ", parts...);
    return false;
  }
  bool Count() {
    return ++values_ <= kMaxRequestValues || Fail("is one value too many; a body may have ", kMaxRequestValues);
  }
  bool Put(Json value) {
    if (!Count()) return false;
    Place() = std::move(value);
    return true;
  }
  bool Open(Json empty) {
    if (!Count()) return false;
    if (open_.empty() && !empty.is_object()) return Fail("is not a JSON object");
    if (open_.size() >= kMaxRequestDepth) return Fail("is nested deeper than ", kMaxRequestDepth, " levels");
    Json& place = Place();
    place = std::move(empty);
    open_.push_back({&place, {}});
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  // Where the next value goes.
  Json& Place() {
    if (open_.empty()) return *root_;
    Level& level = open_.back();
    if (level.value->is_array()) return level.value->emplace_back();
    auto& members = level.value->get_ref<Json::object_t&>();
    // Not the insertion of the map, which would search for the key again.
    static_cast<Json::object_t::Container&>(members).emplace_back(level.key, nullptr);
    return members.back().second;
  }

  Json* const root_;
  // The values that are not complete, outermost first. Each is the last element of the one before it, so none moves.
  std::vector<Level> open_;
  size_t values_ = 0;
  ApiError error_;
};

}  // namespace

ApiError ParseRequestJson(std::string_view text, Json* out) {
  RequestBuilder builder(out);
  Json::sax_parse(text.begin(), text.end(), &builder);
  LFM2_RETURN_IF_REFUSED(builder.error());
  if (!out->is_object()) return ApiError::Bad("", "the body is not a JSON object");
  return ApiError();
}

}  // namespace lfm2::tools
