// Numbers in tool calls, in the notations of JSON and Python.
#ifndef LFM2_TEXT_TOOL_NUMBER_H_
#define LFM2_TEXT_TOOL_NUMBER_H_

#include <string_view>

#include "lfm2/base/config.h"

namespace lfm2 {

namespace tool_internal {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// The value of a digit of any base up to 16; 99 for any other character.
inline uint32_t DigitOf(char c) {
  const char lower = static_cast<char>(c | 0x20);
  if (IsDigit(c)) return static_cast<uint32_t>(c - '0');
  return lower >= 'a' && lower <= 'f' ? static_cast<uint32_t>(lower - 'a' + 10) : 99;
}
// The base of a number that begins with 0 and this letter: 0x, 0o, 0b; otherwise 10.
inline uint32_t BaseOf(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower == 'x' ? 16 : lower == 'o' ? 8 : lower == 'b' ? 2 : 10;
}

// A well-formed number, without its sign and its leading zeros.
struct NumberParts {
  bool is_negative = false;
  uint32_t base = 10;
  std::string_view rest;  // never empty
};

LFM2_SELDOM inline NumberParts SplitNumber(std::string_view text) {
  NumberParts parts;
  parts.is_negative = text.front() == '-';
  while (!IsDigit(text.front()) && text.front() != '.') text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') parts.base = BaseOf(text[1]);
  if (parts.base != 10) text.remove_prefix(2);
  while (text.size() > 1 && (text[0] == '_' || (text[0] == '0' && (text[1] == '_' || IsDigit(text[1]))))) {
    text.remove_prefix(1);
  }
  parts.rest = text;
  return parts;
}

// Whether it consists of digits: no point and no exponent.
LFM2_SELDOM inline bool IsWhole(const NumberParts& parts) {
  for (const char c : parts.rest) {
    if (c != '_' && DigitOf(c) >= parts.base) return false;
  }
  return true;
}

// The value of a whole number. False above UINT64_MAX.
inline bool ReadMagnitude(const NumberParts& parts, uint64_t* magnitude) {
  const uint64_t most = parts.base == 10 ? UINT64_MAX / 10
                                         : UINT64_MAX >> (parts.base == 16  ? 4
                                                          : parts.base == 8 ? 3
                                                                            : 1);
  *magnitude = 0;
  for (const char c : parts.rest) {
    if (c == '_') continue;
    if (*magnitude > most) return false;
    const uint64_t shifted = *magnitude * parts.base;
    *magnitude = shifted + DigitOf(c);
    if (*magnitude < shifted) return false;
  }
  return true;
}

LFM2_SELDOM inline bool ReadInteger(const NumberParts& parts, int64_t* value) {
  uint64_t magnitude = 0;
  const uint64_t most = static_cast<uint64_t>(INT64_MAX) + (parts.is_negative ? 1 : 0);
  if (!ReadMagnitude(parts, &magnitude) || magnitude > most) return false;
  *value = static_cast<int64_t>(parts.is_negative ? 0 - magnitude : magnitude);
  return true;
}

// magnitude * 10^exponent. Exact operations where the powers of ten are exact, which is up to 10^22.
inline double Scale(uint64_t magnitude, int32_t exponent) {
  constexpr double kPowers[] = {1e1, 1e2, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128, 1e256};
  double value = static_cast<double>(magnitude);
  if (exponent >= 0 && exponent <= 22) {
    double power = 1;
    for (uint32_t i = 0; i < 5; ++i) power *= (exponent >> i & 1) != 0 ? kPowers[i] : 1;
    return value * power;
  }
  if (exponent < 0 && exponent >= -22) {
    double power = 1;
    for (uint32_t i = 0; i < 5; ++i) power *= (-exponent >> i & 1) != 0 ? kPowers[i] : 1;
    return value / power;
  }
  const bool up = exponent > 0;
  for (uint32_t left = static_cast<uint32_t>(up ? exponent : -exponent), i = 9; i-- > 0;) {
    for (; left >= (1u << i); left -= 1u << i) value = up ? value * kPowers[i] : value / kPowers[i];
  }
  return value;
}

// The nearest double for numbers of up to 15 digits with a power of ten of up to +-22; for others within a relative
// error of 1e-14.
inline double ReadDouble(const NumberParts& parts) {
  uint64_t magnitude = 0;
  double value = 0;
  if (parts.base != 10) {
    for (const char c : parts.rest) value = c == '_' ? value : value * parts.base + DigitOf(c);
    return parts.is_negative ? -value : value;
  }
  constexpr int32_t kFar = 100000;
  int32_t exponent = 0, written = 0;
  bool in_fraction = false, in_exponent = false, falls = false;
  for (const char c : parts.rest) {
    if (c == '.') {
      in_fraction = true;
    } else if (c == 'e' || c == 'E') {
      in_exponent = true;
    } else if (c == '-') {
      falls = true;
    } else if (IsDigit(c) && in_exponent) {
      if (written < kFar) written = written * 10 + (c - '0');
    } else if (IsDigit(c)) {
      const bool fits = magnitude < UINT64_MAX / 10 - 1;
      if (fits) magnitude = magnitude * 10 + static_cast<uint32_t>(c - '0');
      if (exponent > -kFar && exponent < kFar) exponent += (fits ? 0 : 1) - (in_fraction ? 1 : 0);
    }
  }
  exponent += falls ? -written : written;
  if (magnitude != 0) value = Scale(magnitude, exponent < -2000 ? -2000 : exponent > 2000 ? 2000 : exponent);
  return parts.is_negative ? -value : value;
}

}  // namespace tool_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOL_NUMBER_H_
