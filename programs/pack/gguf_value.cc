#include "programs/pack/gguf_value.h"

#include <cstdio>
#include <type_traits>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

uint32_t ElementBytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool: return 1;
    case GgufType::kU16:
    case GgufType::kI16: return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32: return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64: return 8;
    case GgufType::kString:
    case GgufType::kArray: return 0;
  }
  return 0;
}

bool IntegerAt(const GgufValue& value, uint64_t i, uint64_t* out) {
  if (i >= value.count || value.type == GgufType::kString || value.type == GgufType::kArray) return false;
  const char* at = value.numbers.data() + static_cast<size_t>(i) * ElementBytes(value.type);
  int64_t number = 0;
  switch (value.type) {
    case GgufType::kBool:
    case GgufType::kU8: *out = LoadAs<uint8_t>(at); return true;
    case GgufType::kU16: *out = LoadAs<uint16_t>(at); return true;
    case GgufType::kU32: *out = LoadAs<uint32_t>(at); return true;
    case GgufType::kU64: *out = LoadAs<uint64_t>(at); return true;
    case GgufType::kI8: number = LoadAs<int8_t>(at); break;
    case GgufType::kI16: number = LoadAs<int16_t>(at); break;
    case GgufType::kI32: number = LoadAs<int32_t>(at); break;
    case GgufType::kI64: number = LoadAs<int64_t>(at); break;
    case GgufType::kF32:
    case GgufType::kF64:
    case GgufType::kString:
    case GgufType::kArray: return false;
  }
  if (number < 0) return false;
  *out = static_cast<uint64_t>(number);
  return true;
}

bool NumberOf(const GgufValue& value, double* out) {
  if (value.is_array) return false;
  const char* const at = value.numbers.data();
  switch (value.type) {
    case GgufType::kU8: *out = LoadAs<uint8_t>(at); return true;
    case GgufType::kI8: *out = LoadAs<int8_t>(at); return true;
    case GgufType::kU16: *out = LoadAs<uint16_t>(at); return true;
    case GgufType::kI16: *out = LoadAs<int16_t>(at); return true;
    case GgufType::kU32: *out = LoadAs<uint32_t>(at); return true;
    case GgufType::kI32: *out = LoadAs<int32_t>(at); return true;
    case GgufType::kU64: *out = static_cast<double>(LoadAs<uint64_t>(at)); return true;
    case GgufType::kI64: *out = static_cast<double>(LoadAs<int64_t>(at)); return true;
    case GgufType::kF32: *out = static_cast<double>(LoadAs<float>(at)); return true;
    case GgufType::kF64: *out = LoadAs<double>(at); return true;
    case GgufType::kBool:
    case GgufType::kString:
    case GgufType::kArray: break;
  }
  return false;
}

namespace {

template <class T>
std::string NumberText(const GgufValue& value) {
  const T number = LoadAs<T>(value.numbers.data());
  // No conversion can overflow: whole numbers are shown as they are, all others by %g.
  if constexpr (std::is_integral_v<T>) return std::to_string(number);
  char text[32];
  std::snprintf(text, sizeof(text), "%g", static_cast<double>(number));
  return text;
}

}  // namespace

std::string Shown(const GgufValue& value) {
  constexpr size_t kLongest = 60;
  if (value.is_array) return "a list of " + std::to_string(value.count);
  switch (value.type) {
    case GgufType::kU8: return NumberText<uint8_t>(value);
    case GgufType::kI8: return NumberText<int8_t>(value);
    case GgufType::kU16: return NumberText<uint16_t>(value);
    case GgufType::kI16: return NumberText<int16_t>(value);
    case GgufType::kU32: return NumberText<uint32_t>(value);
    case GgufType::kI32: return NumberText<int32_t>(value);
    case GgufType::kU64: return NumberText<uint64_t>(value);
    case GgufType::kI64: return NumberText<int64_t>(value);
    case GgufType::kF32: return NumberText<float>(value);
    case GgufType::kF64: return NumberText<double>(value);
    case GgufType::kBool: return value.numbers[0] == 0 ? "false" : "true";
    case GgufType::kString: {
      const std::string& text = value.strings[0];
      return '"' + (text.size() <= kLongest ? text : text.substr(0, kLongest) + "...") + '"';
    }
    case GgufType::kArray: break;  // of arrays, which no value is
  }
  return "";
}

}  // namespace lfm2::tools
