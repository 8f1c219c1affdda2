// Dates as text.
#ifndef LFM2_TEXT_DATE_H_
#define LFM2_TEXT_DATE_H_

#include <string_view>

#include "lfm2/base/config.h"

namespace lfm2 {

// Whether a text is a date of the Gregorian calendar, YYYY-MM-DD.
constexpr bool IsDate(std::string_view text) {
  if (text.size() != 10) return false;
  uint32_t number = 0;
  for (size_t i = 0; i < 10; ++i) {
    const uint32_t digit = static_cast<uint8_t>(text[i]) - uint32_t{'0'};
    if (i == 4 || i == 7 ? text[i] != '-' : digit > 9) return false;
    if (digit <= 9) number = number * 10 + digit;
  }
  const uint32_t year = number / 10000, month = number / 100 % 100, day = number % 100;
  if (month - 1 > 11 || day == 0) return false;
  const bool leaps = year % (year % 100 == 0 ? 400 : 4) == 0;
  // Two bits per month: its number of days minus 28.
  return day <= 28 + (0x3bbeeccu >> month * 2 & 3) + (month == 2 && leaps ? 1 : 0);
}

}  // namespace lfm2

#endif  // LFM2_TEXT_DATE_H_
