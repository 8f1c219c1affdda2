#include "programs/jinja/json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "lfm2/text/utf8.h"
#include "programs/files/json_dumps.h"

namespace lfm2::tools::jinja {

namespace {

using Json = nlohmann::ordered_json;
using Kind = Value::Kind;

Value FromJson(Execution& run, const Json& json, uint32_t depth) {
  if (depth > kMaxNesting) return run.Fail("the values are nested more than ", kMaxNesting, " deep");
  if (!run.Spend(1)) return Value();
  switch (json.type()) {
    case Json::value_t::boolean: return Value::Bool(json.get<bool>());
    case Json::value_t::number_integer: return Value::Int(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const uint64_t number = json.get<uint64_t>();
      return number <= INT64_MAX ? Value::Int(static_cast<int64_t>(number)) : Value::BigInt(std::to_string(number));
    }
    case Json::value_t::number_float: return Value::Float(json.get<double>());
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      for (std::string_view rest = text; !rest.empty();) {
        const Utf8Char c = ReadUtf8(rest);
        if (c.kind != Utf8Char::Kind::kValid) return run.Fail("a text in the values is not UTF-8");
        rest.remove_prefix(c.length);
      }
      return run.SpendText(text.size()) ? Value::String(text) : Value();
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(FromJson(run, item, depth + 1));
      return Value::List(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      for (const auto& [key, item] : json.items()) {
        items.emplace_back(FromJson(run, Json(key), depth + 1), FromJson(run, item, depth + 1));
      }
      return Value::Dict(std::move(items));
    }
    default: return Value::None();
  }
}

class Dumper {
 public:
  Dumper(Execution& run, const JsonStyle& style) : run_(run), style_(style) {}

  void Dump(const Value& value, uint32_t depth) {
    if (depth > kMaxNesting) run_.Fail("tojson: the value is nested more than ", kMaxNesting, " deep");
    if (!run_.Spend(1)) return;
    switch (value.kind()) {
      case Kind::kNone: out_ += "null"; return;
      case Kind::kBool: out_ += value.boolean() ? "true" : "false"; return;
      case Kind::kInt: out_ += std::to_string(value.as_int()); return;
      case Kind::kBigInt: out_ += value.text(); return;
      case Kind::kFloat: out_ += Float(value.as_float()); return;
      case Kind::kString: return String(value.text());
      case Kind::kList:
      case Kind::kTuple: return List(value.items(), depth);
      case Kind::kDict: return Dict(value, depth);
      default: run_.Fail("tojson cannot write an object of type ", value.TypeName());
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  static std::string Float(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return PythonFloat(number);
  }

  void String(const std::string& text) {
    if (!run_.SpendText(text.size())) return;
    const std::string quoted = JsonString(text);
    if (!style_.ensure_ascii) {
      out_ += quoted;
      return;
    }
    for (size_t i = 0; i < quoted.size();) {
      const Utf8Char c = ReadUtf8(std::string_view(quoted).substr(i));
      i += c.length;
      if (c.code_point < 0x7f) {
        out_ += static_cast<char>(c.code_point);
      } else if (c.code_point < 0x10000) {
        Escape(c.code_point);
      } else {
        Escape(0xd800 + ((c.code_point - 0x10000) >> 10));
        Escape(0xdc00 + ((c.code_point - 0x10000) & 0x3ff));
      }
    }
  }
  void Escape(uint32_t unit) {
    char escape[16];
    std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(unit));
    out_ += escape;
  }

  void Separate(const std::string& separator) {
    if (run_.SpendText(separator.size())) out_ += separator;
  }

  void NewLine(uint32_t depth) {
    if (!style_.indented || !run_.SpendText(style_.indent.size() * depth)) return;
    out_ += '\n';
    for (uint32_t i = 0; i < depth; ++i) out_ += style_.indent;
  }

  void List(const std::vector<Value>& items, uint32_t depth) {
    out_ += '[';
    for (size_t i = 0; i < items.size() && !run_.failed(); ++i) {
      if (i > 0) Separate(style_.item_separator);
      NewLine(depth + 1);
      Dump(items[i], depth + 1);
    }
    if (!items.empty()) NewLine(depth);
    out_ += ']';
  }

  // The text of a key; Python converts keys of some other types.
  bool Key(const Value& key, std::string* out) {
    switch (key.kind()) {
      case Kind::kString:
      case Kind::kBigInt: *out = key.text(); return true;
      case Kind::kNone: *out = "null"; return true;
      case Kind::kBool: *out = key.boolean() ? "true" : "false"; return true;
      case Kind::kInt: *out = std::to_string(key.as_int()); return true;
      case Kind::kFloat: *out = Float(key.as_float()); return true;
      default: run_.Fail("tojson cannot write a dict with a key of type ", key.TypeName()); return false;
    }
  }

  void Dict(const Value& value, uint32_t depth) {
    std::vector<std::pair<std::string, const Value*>> items;
    for (const auto& [key, item] : value.pairs()) {
      std::string text;
      if (!run_.Spend(1) || !Key(key, &text)) return;
      items.emplace_back(std::move(text), &item);
    }
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    out_ += '{';
    for (size_t i = 0; i < items.size() && !run_.failed(); ++i) {
      if (i > 0) Separate(style_.item_separator);
      NewLine(depth + 1);
      String(items[i].first);
      Separate(style_.key_separator);
      Dump(*items[i].second, depth + 1);
    }
    if (!items.empty()) NewLine(depth);
    out_ += '}';
  }

  Execution& run_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

Value FromJson(Execution& run, const Json& json) { return FromJson(run, json, 1); }

std::string DumpJson(Execution& run, const Value& value, const JsonStyle& style) {
  Dumper dumper(run, style);
  dumper.Dump(value, 0);
  std::string out = dumper.Take();
  if (!run.failed()) run.SpendText(out.size());
  if (run.failed()) out.clear();
  return out;
}

}  // namespace lfm2::tools::jinja
