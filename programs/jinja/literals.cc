#include "programs/jinja/literals.h"

#include <cstdint>
#include <cstdio>

#include "lfm2/text/utf8.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

namespace {

// The value of a hexadecimal digit, 16 for anything else.
unsigned DigitOf(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return 16;
}

// The length of digits below `base` with single underscores between them, or before the first if that is allowed.
size_t Digits(std::string_view text, unsigned base, bool underscore_first = false) {
  size_t end = 0;
  while (end < text.size()) {
    size_t digit = end;
    if (text[digit] == '_' && (end > 0 || underscore_first)) ++digit;
    if (digit >= text.size() || DigitOf(text[digit]) >= base) break;
    end = digit + 1;
  }
  return end;
}

std::string WithoutUnderscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

// Converts digits of another base to decimal, by long multiplication.
std::string Decimal(std::string_view digits, unsigned base) {
  std::string out(1, 0);  // least significant first
  for (const char c : digits) {
    if (c == '_') continue;
    unsigned carry = DigitOf(c);
    for (char& d : out) {
      carry += static_cast<unsigned>(d) * base;
      d = static_cast<char>(carry % 10);
      carry /= 10;
    }
    for (; carry != 0; carry /= 10) out += static_cast<char>(carry % 10);
  }
  std::string text;
  for (size_t i = out.size(); i-- > 0;) text += static_cast<char>('0' + out[i]);
  return text;
}

constexpr size_t kLongestInBase = 512;  // digits: limits the quadratic time of the multiplication

}  // namespace

NumberLiteral ReadNumber(std::string_view text, bool may_be_float) {
  NumberLiteral number;
  const size_t whole = Digits(text, 10);
  if (may_be_float) {
    size_t end = whole;
    bool is_float = false;
    if (end + 1 < text.size() && text[end] == '.') {
      const size_t fraction = Digits(text.substr(end + 1), 10);
      if (fraction > 0) {
        end += 1 + fraction;
        is_float = true;
      }
    }
    if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
      const size_t sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-') ? 1 : 0;
      const size_t exponent = end + 1 + sign <= text.size() ? Digits(text.substr(end + 1 + sign), 10) : 0;
      if (exponent > 0) {
        end += 1 + sign + exponent;
        is_float = true;
      }
    }
    if (is_float) {
      number.is_float = true;
      number.length = end;
      number.digits = WithoutUnderscores(text.substr(0, end));
      return number;
    }
  }
  if (text[0] != '0') {
    number.length = whole;
    number.digits = WithoutUnderscores(text.substr(0, whole));
    return number;
  }
  unsigned base = 0;
  if (text.size() > 1) {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
  }
  const size_t digits = base == 0 ? 0 : Digits(text.substr(2), base, true);
  if (digits > 0 && digits <= kLongestInBase) {
    number.length = 2 + digits;
    number.digits = Decimal(text.substr(2, digits), base);
    return number;
  }
  number.length = Digits(text, 1);  // zeros only
  number.digits = "0";
  return number;
}

const char* Unescape(std::string_view inside, std::string* out) {
  out->clear();
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\' || i + 1 >= inside.size()) {
      *out += inside[i];
      continue;
    }
    const char c = inside[++i];
    size_t digits = 0;
    switch (c) {
      case '\n': continue;
      case '\\':
      case '\'':
      case '"': *out += c; continue;
      case 'a': *out += '\a'; continue;
      case 'b': *out += '\b'; continue;
      case 'f': *out += '\f'; continue;
      case 'n': *out += '\n'; continue;
      case 'r': *out += '\r'; continue;
      case 't': *out += '\t'; continue;
      case 'v': *out += '\v'; continue;
      case 'x': digits = 2; break;
      case 'u': digits = 4; break;
      case 'U': digits = 8; break;
      case 'N': return "a quoted text names a character with \\N, which is not supported";
      default: break;
    }
    uint32_t code_point = 0;
    if (digits > 0) {
      for (size_t d = 0; d < digits; ++d) {
        if (i + 1 >= inside.size() || DigitOf(inside[i + 1]) == 16)
          return "a quoted text has an escape that is cut off";
        code_point = code_point << 4 | DigitOf(inside[++i]);
      }
    } else if (DigitOf(c) < 8) {
      code_point = DigitOf(c);
      for (int d = 0; d < 2 && i + 1 < inside.size() && DigitOf(inside[i + 1]) < 8; ++d) {
        code_point = code_point << 3 | DigitOf(inside[++i]);
      }
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      // Python sees an escape of the character here after a backslash, which stays as it is.
      const Utf8Char plain = ReadUtf8(inside.substr(i));
      char text[16];
      const char* const format = plain.code_point < 0x100     ? "\\x%02x"
                                 : plain.code_point < 0x10000 ? "\\u%04x"
                                                              : "\\U%08x";
      std::snprintf(text, sizeof(text), format, static_cast<unsigned>(plain.code_point));
      *out += text;
      i += plain.length - 1;
      continue;
    } else {
      *out += '\\';
      *out += c;
      continue;
    }
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000)) {
      return "a quoted text has an escape that is not a character";
    }
    AppendUtf8(code_point, out);
  }
  return nullptr;
}

}  // namespace lfm2::tools::jinja
