// Automata for numbers: syntax, limits of any length, multiples.
#ifndef LFM2_TEXT_JSON_SCHEMA_NUMBERS_H_
#define LFM2_TEXT_JSON_SCHEMA_NUMBERS_H_

#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema_limits.h"

namespace lfm2 {

namespace schema_internal {

class NumberAutomata {
 public:
  using Node = GrammarBuilder::Node;
  // Longer limits are not followed digit by digit; greater numbers cannot be written.
  static constexpr uint32_t kMostDigits = 40;
  static constexpr int64_t kMostDecimals = 64;
  static constexpr uint32_t kMostRests = 1024;

  explicit NumberAutomata(GrammarBuilder* builder) : b_(*builder) {}

  // A JSON number, up to the end of one automaton.
  void Syntax(Node from, Node to, bool fraction, bool exponent) {
    const Node unsigned_part = b_.AddNode(), digits = b_.AddNode(), whole = b_.AddNode();
    b_.Bytes(from, '-', '-', unsigned_part);
    b_.Empty(from, unsigned_part);
    b_.Bytes(unsigned_part, '0', '0', whole);
    b_.Bytes(unsigned_part, '1', '9', digits);
    Digits(digits);
    b_.Empty(digits, whole);
    b_.Empty(whole, to);
    Node end = whole;
    if (fraction) {
      const Node point = b_.AddNode(), decimals = b_.AddNode();
      b_.Bytes(whole, '.', '.', point);
      b_.Bytes(point, '0', '9', decimals);
      Digits(decimals);
      b_.Empty(decimals, to);
      end = decimals;
    }
    if (!exponent) return;
    const Node mark = b_.AddNode(), sign = b_.AddNode(), power = b_.AddNode();
    for (const Node node : {whole, end}) {
      b_.Bytes(node, 'E', 'E', mark);
      b_.Bytes(node, 'e', 'e', mark);
    }
    b_.Bytes(mark, '+', '+', sign);
    b_.Bytes(mark, '-', '-', sign);
    b_.Empty(mark, sign);
    b_.Bytes(sign, '0', '9', power);
    Digits(power);
    b_.Empty(power, to);
  }

  // The following are for numbers without an exponent. They are automata of their own in an intersection with Syntax,
  // on which they rely.

  // A number that is not an integer.
  void Fraction(Node from, Node to) {
    const Node whole = b_.AddNode(), decimals = b_.AddNode(), rest = b_.AddNode();
    b_.Bytes(from, '-', '-', whole);
    b_.Empty(from, whole);
    Digits(whole);
    b_.Bytes(whole, '.', '.', decimals);
    b_.Bytes(decimals, '0', '0', decimals);
    b_.Bytes(decimals, '1', '9', rest);
    Digits(rest);
    b_.Empty(rest, to);
  }
  // At least a limit, or more than it if it is exclusive. False if it has too many digits.
  bool AtLeast(Node from, Node to, const NumberLimit& limit) {
    const Decimal& value = limit.value;
    if ((value.point() > kMostDigits && !value.negative()) || Decimals(value) > kMostDecimals) return false;
    const Node negative = b_.AddNode();
    if (value.negative()) {
      Anything(from, to);
      b_.Bytes(from, '-', '-', negative);
      MagnitudeAtMost(negative, to, value, limit.exclusive);
      return true;
    }
    MagnitudeAtLeast(from, to, value, limit.exclusive);
    if (value.is_zero() && !limit.exclusive) {
      b_.Bytes(from, '-', '-', negative);
      MagnitudeAtMost(negative, to, value, false);
    }
    return true;
  }
  bool AtMost(Node from, Node to, const NumberLimit& limit) {
    const Decimal& value = limit.value;
    if ((value.point() > kMostDigits && value.negative()) || Decimals(value) > kMostDecimals) return false;
    const Node negative = b_.AddNode();
    b_.Bytes(from, '-', '-', negative);
    if (value.negative() || (value.is_zero() && limit.exclusive)) {
      MagnitudeAtLeast(negative, to, value, limit.exclusive);
      return true;
    }
    MagnitudeAtMost(from, to, value, limit.exclusive);
    Anything(negative, to);
    return true;
  }
  // A multiple. False if it takes too many states.
  bool MultipleOf(Node from, Node to, const Multiple& multiple) {
    const uint32_t m = multiple.modulus, rows = multiple.decimals + 1;
    if (uint64_t{m} * (rows + 1) > kMostRests) return false;
    // Node first + row * m + rest: row 0 is before the point, then the number of decimals so far.
    const Node first = b_.next_node();
    for (uint32_t i = 0; i < m * (rows + 1); ++i) b_.AddNode();
    b_.Bytes(from, '-', '-', first);
    b_.Empty(from, first);
    for (uint32_t row = 0; row <= rows && b_.ok(); ++row) {
      uint32_t scale = 1 % m;  // for missing decimals
      for (uint32_t i = row == 0 ? 0 : row - 1; i < multiple.decimals; ++i) scale = scale * 10 % m;
      for (uint32_t rest = 0; rest < m; ++rest) {
        const Node node = first + row * m + rest;
        if (uint64_t{rest} * scale % m == 0) b_.Empty(node, to);
        if (row == 0) b_.Bytes(node, '.', '.', first + m + rest);
        // Zeros after the last decimal change nothing.
        if (row == rows) {
          b_.Bytes(node, '0', '0', node);
          continue;
        }
        for (uint32_t digit = 0; digit < 10; ++digit) {
          const auto c = static_cast<uint8_t>('0' + digit);
          b_.Bytes(node, c, c, first + (row == 0 ? 0 : row + 1) * m + (rest * 10 + digit) % m);
        }
      }
    }
    return true;
  }
  // A number that equals a value.
  bool Equal(Node from, Node to, const Decimal& value) {
    if (value.point() > kMostDigits || Decimals(value) > kMostDecimals) return false;
    if (value.negative()) {
      const Node negative = b_.AddNode();
      b_.Bytes(from, '-', '-', negative);
      from = negative;
    } else if (value.is_zero()) {
      const Node negative = b_.AddNode();
      b_.Bytes(from, '-', '-', negative);
      b_.Empty(from, negative);
      from = negative;
    }
    for (int64_t power = Max<int64_t>(value.point(), 1); power-- > 0;) from = Digit(from, value.digit_at(power));
    const int64_t decimals = Decimals(value);
    if (decimals == 0) b_.Empty(from, to);
    const Node point = b_.AddNode();
    b_.Bytes(from, '.', '.', point);
    from = point;
    for (int64_t power = 1; power <= decimals; ++power) from = Digit(from, value.digit_at(-power));
    b_.Bytes(from, '0', '0', from);
    b_.Empty(from, to);
    return true;
  }

 private:
  static int64_t Decimals(const Decimal& value) { return Max<int64_t>(int64_t{value.digits()} - value.point(), 0); }
  // Digits before the point.
  static uint32_t Whole(const Decimal& value) {
    return static_cast<uint32_t>(Min<int64_t>(Max<int64_t>(value.point(), 1), kMostDigits + 1));
  }
  Node Digit(Node from, uint32_t digit) {
    const Node to = b_.AddNode();
    b_.Bytes(from, static_cast<uint8_t>('0' + digit), static_cast<uint8_t>('0' + digit), to);
    return to;
  }
  Node AnyDigit(Node from) {
    const Node to = b_.AddNode();
    b_.Bytes(from, '0', '9', to);
    return to;
  }
  void Digits(Node node) { b_.Bytes(node, '0', '9', node); }
  // Any continuation except a sign.
  void Anything(Node from, Node to) {
    const Node rest = b_.AddNode();
    for (const Node node : {from, rest}) {
      b_.Bytes(node, '0', '9', rest);
      b_.Bytes(node, '.', '.', rest);
    }
    b_.Empty(rest, to);
  }
  void AnythingOrNothing(Node from, Node to) {
    Anything(from, to);
    b_.Empty(from, to);
  }
  // Digits that are less than, or greater than, `digit`.
  void Less(Node from, uint32_t digit, Node to) {
    if (digit > 0) b_.Bytes(from, '0', static_cast<uint8_t>('0' + digit - 1), to);
  }
  void Greater(Node from, uint32_t digit, Node to) {
    if (digit < 9) b_.Bytes(from, static_cast<uint8_t>('0' + digit + 1), '9', to);
  }

  // As many digits as before the point of the value: the nodes where they equal it, and where they are greater or less.
  struct SameLength {
    Node equal;
    Node beyond;
  };
  SameLength AsManyDigits(Node from, const Decimal& value, uint32_t whole, bool greater) {
    Node equal = from, beyond = JsonTape::kNone;
    for (uint32_t i = 0; i < whole; ++i) {
      const uint32_t digit = value.digit_at(int64_t{whole} - 1 - i);
      const Node next = b_.AddNode();
      if (beyond != JsonTape::kNone) b_.Bytes(beyond, '0', '9', next);
      if (greater) {
        Greater(equal, digit, next);
      } else {
        Less(equal, digit, next);
      }
      equal = Digit(equal, digit);
      beyond = next;
    }
    return {equal, beyond};
  }

  void MagnitudeAtLeast(Node from, Node to, const Decimal& value, bool exclusive) {
    const uint32_t whole = Whole(value);
    const Node rest = b_.AddNode();
    AnythingOrNothing(rest, to);
    // More digits: the first is not 0.
    Node longer = b_.AddNode();
    b_.Bytes(from, '1', '9', longer);
    for (uint32_t i = 0; i < whole; ++i) longer = AnyDigit(longer);
    b_.Empty(longer, rest);
    // As many: equal so far, or greater.
    const SameLength digits = AsManyDigits(from, value, whole, true);
    Node equal = digits.equal;
    b_.Empty(digits.beyond, rest);
    const int64_t decimals = Decimals(value);
    if (decimals == 0 && !exclusive) return b_.Empty(equal, rest);
    const Node point = b_.AddNode();
    b_.Bytes(equal, '.', '.', point);
    equal = point;
    for (int64_t power = 1; power <= decimals; ++power) {
      const uint32_t digit = value.digit_at(-power);
      Greater(equal, digit, rest);
      equal = Digit(equal, digit);
    }
    if (!exclusive) return b_.Empty(equal, rest);
    b_.Bytes(equal, '0', '0', equal);
    b_.Bytes(equal, '1', '9', rest);
  }

  void MagnitudeAtMost(Node from, Node to, const Decimal& value, bool exclusive) {
    const uint32_t whole = Whole(value);
    const Node rest = b_.AddNode(), point = b_.AddNode();
    AnythingOrNothing(rest, to);
    // A number that is already less may end or continue with a point.
    const Node less_end = b_.AddNode();
    b_.Empty(less_end, to);
    b_.Bytes(less_end, '.', '.', rest);
    // Fewer digits.
    Node fewer = from;
    for (uint32_t i = 1; i < whole; ++i) {
      fewer = AnyDigit(fewer);
      b_.Empty(fewer, less_end);
    }
    if (value.point() > kMostDigits) return;
    // As many: equal so far, or less.
    const SameLength digits = AsManyDigits(from, value, whole, false);
    Node equal = digits.equal;
    b_.Empty(digits.beyond, less_end);
    const int64_t decimals = Decimals(value);
    if (decimals > 0 || !exclusive) b_.Empty(equal, to);
    b_.Bytes(equal, '.', '.', point);
    equal = point;
    for (int64_t power = 1; power <= decimals; ++power) {
      const uint32_t digit = value.digit_at(-power);
      if (power > 1) b_.Empty(equal, to);
      Less(equal, digit, rest);
      equal = Digit(equal, digit);
    }
    if (exclusive) return;
    b_.Bytes(equal, '0', '0', equal);
    b_.Empty(equal, to);
  }

  GrammarBuilder& b_;
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_NUMBERS_H_
