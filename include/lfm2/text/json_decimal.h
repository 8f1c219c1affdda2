// Numbers in JSON by their decimal digits: exact for any length.
#ifndef LFM2_TEXT_JSON_DECIMAL_H_
#define LFM2_TEXT_JSON_DECIMAL_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// The value is 0.ddd times 10 to the power of point(), where the digits neither begin nor end with 0, with a sign; 0
// has no digits. A view of the text.
class Decimal {
 public:
  constexpr Decimal() = default;
  // text: a JSON number.
  explicit Decimal(std::string_view text) {
    if (!text.empty() && text[0] == '-') {
      negative_ = true;
      text.remove_prefix(1);
    }
    size_t end = 0;
    bool in_fraction = false;
    int64_t point = 0;
    for (; end < text.size() && text[end] != 'e' && text[end] != 'E'; ++end) {
      if (text[end] == '.') {
        in_fraction = true;
      } else {
        point += in_fraction ? 0 : 1;
      }
    }
    int64_t exponent = 0;
    if (end < text.size()) {
      size_t at = end + 1;
      const bool minus = text[at] == '-';
      at += minus || text[at] == '+' ? 1 : 0;
      for (; at < text.size(); ++at) exponent = Min<int64_t>(exponent * 10 + (text[at] - '0'), kMostExponent);
      exponent = minus ? -exponent : exponent;
    }
    mantissa_ = TextPart(text, 0, end);
    // Leading zeros, before and after the point: each one lowers the power.
    while (!mantissa_.empty() && (mantissa_[0] == '0' || mantissa_[0] == '.')) {
      point -= mantissa_[0] == '0' ? 1 : 0;
      mantissa_.remove_prefix(1);
    }
    point_ = point + exponent;
    Count();
  }

  bool negative() const { return negative_ && digits_ > 0; }
  bool is_zero() const { return digits_ == 0; }
  uint32_t digits() const { return digits_; }
  int64_t point() const { return point_; }
  bool is_integer() const { return digits_ == 0 || int64_t{digits_} <= point_; }
  // Digit i, from 0 on; 0 after the last one.
  uint32_t digit(uint64_t i) const {
    if (i >= digits_) return 0;
    const size_t at = i < dot_ ? static_cast<size_t>(i) : static_cast<size_t>(i) + 1;
    return static_cast<uint32_t>(mantissa_[at] - '0');
  }
  // The digit for 10 to the power of `power`.
  uint32_t digit_at(int64_t power) const {
    const int64_t i = point_ - 1 - power;
    return i < 0 ? 0 : digit(static_cast<uint64_t>(i));
  }

  // -1, 0 or 1: |a| compared with |b|.
  static int CompareMagnitudes(const Decimal& a, const Decimal& b) {
    if (a.is_zero() || b.is_zero()) return (a.is_zero() ? 0 : 1) - (b.is_zero() ? 0 : 1);
    if (a.point_ != b.point_) return a.point_ < b.point_ ? -1 : 1;
    for (uint32_t i = 0; i < Max(a.digits_, b.digits_); ++i) {
      if (a.digit(i) != b.digit(i)) return a.digit(i) < b.digit(i) ? -1 : 1;
    }
    return 0;
  }
  static int Compare(const Decimal& a, const Decimal& b) {
    if (a.negative() != b.negative()) return a.negative() ? -1 : 1;
    const int order = CompareMagnitudes(a, b);
    return a.negative() ? -order : order;
  }
  // The value as a count. False if it is negative or a fraction; limited to kMostCount.
  bool AsCount(uint32_t* count) const {
    if (negative() || !is_integer()) return false;
    uint64_t value = 0;
    if (is_zero() || point_ > 10) {
      *count = is_zero() ? 0 : kMostCount;
      return true;
    }
    for (int64_t power = point_ - 1; power >= 0; --power) value = value * 10 + digit_at(power);
    *count = static_cast<uint32_t>(Min<uint64_t>(value, kMostCount));
    return true;
  }
  static constexpr uint32_t kMostCount = 0x7fffffffu;

 private:
  static constexpr int64_t kMostExponent = 1000000000;

  void Count() {
    dot_ = mantissa_.size();
    for (size_t i = 0; i < mantissa_.size(); ++i) {
      if (mantissa_[i] == '.') dot_ = i;
    }
    digits_ = static_cast<uint32_t>(mantissa_.size() - (dot_ < mantissa_.size() ? 1 : 0));
    while (digits_ > 0 && DigitOf(digits_ - 1) == '0') --digits_;
  }
  char DigitOf(uint32_t i) const { return mantissa_[i < dot_ ? i : i + 1]; }

  std::string_view mantissa_;
  size_t dot_ = 0;
  uint32_t digits_ = 0;
  int64_t point_ = 0;
  bool negative_ = false;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_DECIMAL_H_
