// Integer arithmetic for the sampler: the same bits on every machine, independent of its floating point unit, compiler
// and math library.
#ifndef LFM2_TEXT_FIXED_POINT_H_
#define LFM2_TEXT_FIXED_POINT_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

// floor(value * 2^bits) for value >= 0, from the bits of the float; the result must fit.
inline uint64_t FixedFromFloat(float value, uint32_t bits) {
  const uint32_t raw = BitCast<uint32_t>(value);
  const uint32_t exponent = (raw >> 23) & 0xffu;
  const uint64_t mantissa = (raw & 0x7fffffu) | (exponent == 0 ? 0u : 0x800000u);
  // value = mantissa * 2^(max(exponent, 1) - 150)
  const int shift = static_cast<int>(Max<uint32_t>(exponent, 1u)) - 150 + static_cast<int>(bits);
  if (shift >= 0) return mantissa << Min(shift, 63);
  return shift < -63 ? 0 : mantissa >> -shift;
}

// floor(a * b / 2^64).
constexpr uint64_t MulHigh(uint64_t a, uint64_t b) {
  const uint64_t a_low = a & 0xffffffffu, a_high = a >> 32, b_low = b & 0xffffffffu, b_high = b >> 32;
  const uint64_t low = a_low * b_low;
  const uint64_t middle1 = a_high * b_low + (low >> 32);
  const uint64_t middle2 = a_low * b_high + (middle1 & 0xffffffffu);
  return a_high * b_high + (middle1 >> 32) + (middle2 >> 32);
}

// floor(2^40 * 2^-x), to about 9 digits, for x = exponent / 2^48 >= 0.
constexpr uint64_t ExpWeight(uint64_t exponent) {
  const uint64_t whole = exponent >> 48;
  if (whole > 40) return 0;
  // ln(2)^k / k! as 32-bit fractions: 2^-f = sum over k of (-f)^k times these, for f in [0, 1).
  constexpr uint32_t kTerm[] = {2977044472u, 1031764991u, 238388332u, 41309550u, 5726720u,
                                661577u,     65510u,      5676u,      437u,      30u};
  const uint64_t f = (exponent >> 16) & 0xffffffffu;
  // Horner from the last term: sum = kTerm[k] - f * sum. Each partial sum is positive and below 2^32.
  uint64_t sum = 0;
  for (int k = 9; k >= 0; --k) sum = kTerm[k] - ((f * sum) >> 32);
  return (((uint64_t{1} << 32) - ((f * sum) >> 32)) << 8) >> whole;
}

// log2(value) in 32 bits of fraction, rounded down, to 2^-31. value > 0.
constexpr uint64_t Log2(uint64_t value) {
  uint64_t result = 63;
  for (; value >> 63 == 0; value <<= 1) --result;
  // value / 2^63 in [1, 2): each squaring doubles its logarithm, whose whole part is the next bit of the fraction.
  for (int i = 0; i < 32; ++i) {
    value = MulHigh(value, value);  // its square, times 2^62
    const uint64_t bit = value >> 63;
    if (bit == 0) value <<= 1;
    result = result << 1 | bit;
  }
  return result;
}

// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
class Random {
 public:
  explicit constexpr Random(uint64_t seed = 0) : state_(seed) {}
  // The complete state, which can be saved and restored.
  constexpr uint64_t state() const { return state_; }
  constexpr void SetState(uint64_t state) { state_ = state; }
  constexpr uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_FIXED_POINT_H_
