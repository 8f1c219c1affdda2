#include "programs/jinja/strftime.h"

namespace lfm2::tools::jinja {

namespace {

constexpr const char* kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                   "July",    "August",   "September", "October", "November", "December"};
constexpr const char* kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

struct Day {
  int year = 0, month = 0, day = 0;
  int weekday = 0;      // 0: Sunday
  int day_of_year = 0;  // 1: the first of January
};

bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool ReadDay(const std::string& date, Day* out) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return false;
  for (size_t i = 0; i < date.size(); ++i) {
    if (i != 4 && i != 7 && (date[i] < '0' || date[i] > '9')) return false;
  }
  const auto number = [&](size_t at, size_t length) {
    int value = 0;
    for (size_t i = at; i < at + length; ++i) value = value * 10 + (date[i] - '0');
    return value;
  };
  out->year = number(0, 4);
  out->month = number(5, 2);
  out->day = number(8, 2);
  const int lengths[] = {31, IsLeap(out->year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (out->year < 1 || out->month < 1 || out->month > 12) return false;
  if (out->day < 1 || out->day > lengths[out->month - 1]) return false;
  for (int m = 1; m < out->month; ++m) out->day_of_year += lengths[m - 1];
  out->day_of_year += out->day;
  const int before = out->year - 1;
  out->weekday = (before + before / 4 - before / 100 + before / 400 + out->day_of_year) % 7;
  return true;
}

// `padding`: 0 for none.
std::string Number(int value, size_t width, char padding) {
  std::string text = std::to_string(value);
  if (padding != 0 && text.size() < width) text.insert(0, width - text.size(), padding);
  return text;
}

bool Append(const Day& d, char directive, char flag, std::string* out) {
  const auto number = [&](int value, size_t width, char padding) {
    *out += Number(value, width, flag == '-' ? '\0' : flag == '_' ? ' ' : flag == '0' ? '0' : padding);
  };
  switch (directive) {
    case 'Y': *out += std::to_string(d.year); return true;
    case 'C': number(d.year / 100, 2, '0'); return true;
    case 'y': number(d.year % 100, 2, '0'); return true;
    case 'm': number(d.month, 2, '0'); return true;
    case 'd': number(d.day, 2, '0'); return true;
    case 'e': number(d.day, 2, ' '); return true;
    case 'j': number(d.day_of_year, 3, '0'); return true;
    case 'H':
    case 'M':
    case 'S': number(0, 2, '0'); return true;
    case 'I':
    case 'l': number(12, 2, '0'); return true;
    case 'k': number(0, 2, ' '); return true;
    case 'f': *out += "000000"; return true;
    case 'p': *out += "AM"; return true;
    case 'P': *out += "am"; return true;
    case 'B': *out += kMonths[d.month - 1]; return true;
    case 'b':
    case 'h': *out += std::string(kMonths[d.month - 1], 3); return true;
    case 'A': *out += kDays[d.weekday]; return true;
    case 'a': *out += std::string(kDays[d.weekday], 3); return true;
    case 'w': number(d.weekday, 1, '0'); return true;
    case 'u': number(d.weekday == 0 ? 7 : d.weekday, 1, '0'); return true;
    case 'U': number((d.day_of_year + 6 - d.weekday) / 7, 2, '0'); return true;
    case 'W': number((d.day_of_year + 6 - (d.weekday + 6) % 7) / 7, 2, '0'); return true;
    case 'F': *out += Number(d.year, 4, '0') + "-" + Number(d.month, 2, '0') + "-" + Number(d.day, 2, '0'); return true;
    case 'D':
    case 'x':
      *out += Number(d.month, 2, '0') + "/" + Number(d.day, 2, '0') + "/" + Number(d.year % 100, 2, '0');
      return true;
    case 'T':
    case 'X': *out += "00:00:00"; return true;
    case 'R': *out += "00:00"; return true;
    case 'c':
      *out += std::string(kDays[d.weekday], 3) + " " + std::string(kMonths[d.month - 1], 3) + " " +
              Number(d.day, 2, ' ') + " 00:00:00 " + std::to_string(d.year);
      return true;
    case 'n': *out += '\n'; return true;
    case 't': *out += '\t'; return true;
    case 'Z':
    case 'z': return true;  // a date without a time zone
    case '%': *out += '%'; return true;
    default: return false;
  }
}

}  // namespace

const char* FormatDate(const std::string& date, const std::string& format, std::string* out) {
  Day day;
  if (!ReadDay(date, &day)) return "strftime_now needs a date of the form YYYY-MM-DD";
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      *out += format[i];
      continue;
    }
    char flag = 0;
    ++i;
    if ((format[i] == '-' || format[i] == '_' || format[i] == '0') && i + 1 < format.size()) flag = format[i++];
    if (!Append(day, format[i], flag, out)) return "strftime_now has a directive that is not supported";
  }
  return nullptr;
}

}  // namespace lfm2::tools::jinja
