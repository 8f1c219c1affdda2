// JSON text as Python's json.dumps(value, ensure_ascii=False) and the tojson filter of chat templates write it.
#ifndef LFM2_PROGRAMS_FILES_JSON_DUMPS_H_
#define LFM2_PROGRAMS_FILES_JSON_DUMPS_H_

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lfm2::tools {

// repr(value) of a Python float: the shortest digits that give the same value, with an exponent below 1e-4 and from
// 1e16 on.
inline std::string PythonFloat(double value) {
  char shortest[40];
  const auto end = std::to_chars(shortest, shortest + sizeof(shortest), value, std::chars_format::scientific).ptr;
  std::string_view text(shortest, static_cast<size_t>(end - shortest));
  std::string out;
  if (text[0] == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  if (e == std::string_view::npos) return out + std::string(text);  // inf, nan
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  if (exponent < -4 || exponent >= 16) {
    char tail[16];
    std::snprintf(tail, sizeof(tail), "e%+03d", exponent);
    return out + digits[0] + (digits.size() > 1 ? "." + digits.substr(1) : "") + tail;
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

inline std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
          out += escape;
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

// Not recursive: deep nesting in a file must not overflow the stack.
inline std::string JsonDumps(const nlohmann::ordered_json& root) {
  std::string out;
  const auto scalar = [&](const nlohmann::ordered_json& v) {
    if (v.is_string()) {
      out += JsonString(v.get_ref<const std::string&>());
    } else if (v.is_boolean()) {
      out += v.get<bool>() ? "true" : "false";
    } else if (v.is_number_unsigned()) {
      out += std::to_string(v.get<uint64_t>());
    } else if (v.is_number_integer()) {
      out += std::to_string(v.get<int64_t>());
    } else if (v.is_number_float()) {
      out += PythonFloat(v.get<double>());
    } else {
      out += "null";
    }
  };
  struct Open {
    const nlohmann::ordered_json* value;
    nlohmann::ordered_json::const_iterator next;
  };
  std::vector<Open> stack;
  const auto begin = [&](const nlohmann::ordered_json& v) {
    if (!v.is_structured()) return scalar(v);
    out += v.is_object() ? '{' : '[';
    stack.push_back({&v, v.cbegin()});
  };
  begin(root);
  while (!stack.empty()) {
    const nlohmann::ordered_json& value = *stack.back().value;
    if (stack.back().next == value.cend()) {
      out += value.is_object() ? '}' : ']';
      stack.pop_back();
      continue;
    }
    const nlohmann::ordered_json::const_iterator item = stack.back().next++;
    if (item != value.cbegin()) out += ", ";
    if (value.is_object()) out += JsonString(item.key()) + ": ";
    begin(*item);
  }
  return out;
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_JSON_DUMPS_H_
