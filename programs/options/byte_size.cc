#include "programs/options/byte_size.h"

#include <string>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

namespace {

bool IsDecimal(char c) { return c >= '0' && c <= '9'; }

// 0 if there is no such unit.
uint64_t UnitBytes(std::string_view name) {
  std::string unit;
  for (const char c : name) unit += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (unit.empty() || unit == "B") return 1;
  const std::string_view suffix = std::string_view(unit).substr(1);
  if (suffix != "" && suffix != "IB" && suffix != "B") return 0;
  uint64_t bytes = 1;
  for (const char letter : {'K', 'M', 'G', 'T'}) {
    bytes *= suffix == "B" ? 1000 : 1024;
    if (unit[0] == letter) return bytes;
  }
  return 0;
}

}  // namespace

Error ParseByteSize(std::string_view text, uint64_t* bytes) {
  size_t whole_end = 0;
  while (whole_end < text.size() && IsDecimal(text[whole_end])) ++whole_end;
  size_t end = whole_end;
  if (end < text.size() && text[end] == '.') {
    ++end;
    while (end < text.size() && IsDecimal(text[end])) ++end;
  }
  const uint64_t unit = UnitBytes(text.substr(end));
  const bool has_fraction = end > whole_end;
  if (whole_end == 0 || unit == 0 || end == whole_end + 1 || (has_fraction && unit == 1)) {
    return Error::Of(text, " is not a number of bytes, such as 4096, 1300M or 1.3GB");
  }
  uint64_t whole = 0, fraction = 0;
  bool fits = true;
  for (const char c : text.substr(0, whole_end)) {
    fits = fits && CheckedMul(whole, uint64_t{10}, &whole) && CheckedAdd(whole, uint64_t(c - '0'), &whole);
  }
  for (size_t i = end; has_fraction && i-- > whole_end + 1;) {
    fraction = (uint64_t(text[i] - '0') * unit + fraction) / 10;
  }
  if (!fits || !CheckedMul(whole, unit, &whole) || !CheckedAdd(whole, fraction, bytes)) {
    return Error::Of(text, " exceeds 64 bits");
  }
  return Error();
}

CLI::Validator ByteSizeText() {
  return CLI::Validator(
      [](std::string& text) {
        uint64_t bytes = 0;
        const Error error = ParseByteSize(text, &bytes);
        if (error.ok()) text = std::to_string(bytes);
        return error.text();
      },
      "");
}

}  // namespace lfm2::tools
