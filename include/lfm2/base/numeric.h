// Overflow-checked arithmetic, and conversions of the small float formats.
#ifndef LFM2_BASE_NUMERIC_H_
#define LFM2_BASE_NUMERIC_H_

#include <cstring>

#include "lfm2/base/config.h"

namespace lfm2 {

// *out = a + b; returns false and leaves *out unchanged if the sum does not fit.
constexpr bool CheckedAdd(uint64_t a, uint64_t b, uint64_t* out) {
  if (b > UINT64_MAX - a) return false;
  *out = a + b;
  return true;
}

// *out = a * b; returns false and leaves *out unchanged if the product does not fit.
constexpr bool CheckedMul(uint64_t a, uint64_t b, uint64_t* out) {
  if (a != 0 && b > UINT64_MAX / a) return false;
  *out = a * b;
  return true;
}

// The smallest multiple of `step` that is at least n. step > 0; n + step must fit.
template <class T>
constexpr T RoundUp(T n, T step) {
  return static_cast<T>((n + step - 1) / step * step);
}

template <class T>
constexpr T DivideUp(T n, T step) {
  return static_cast<T>((n + step - 1) / step);
}

template <class T>
constexpr T Min(T a, T b) {
  return b < a ? b : a;
}

template <class T>
constexpr T Max(T a, T b) {
  return a < b ? b : a;
}

// Reinterprets the bits of a value; both types have the same size.
template <class To, class From>
inline To BitCast(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "BitCast keeps the size");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

// Reads a T from bytes of any alignment.
template <class T>
inline T LoadAs(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

// Whether v is neither infinite nor a NaN. Tests the bits, because compilers that may assume finite numbers
// (-ffast-math) remove comparisons.
inline bool IsFinite(float v) { return (BitCast<uint32_t>(v) & 0x7f800000u) != 0x7f800000u; }

// IEEE 754 binary16 -> binary32, exact for every value.
inline float F32FromF16(uint16_t half) {
#if defined(__arm__) && defined(__ARM_FP) && ((__ARM_FP & 2) || (__ARM_ARCH_PROFILE == 'M' && (__ARM_FP & 4)))
  // Processors that can convert a half float, as every Cortex-M with an FPU can; compilers emit the instruction only
  // with a flag.
  float value = BitCast<float>(uint32_t{half});
  __asm__("vcvtb.f32.f16 %0, %0" : "+t"(value));
  return value;
#else
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-8f;
    return BitCast<float>(BitCast<uint32_t>(magnitude) | sign);
  }
  if (exponent == 31) return BitCast<float>(sign | 0x7f800000u | (mantissa << 13));
  return BitCast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
#endif
}

// IEEE 754 binary32 -> binary16: rounds to nearest even, overflows to infinity, keeps NaN.
inline uint16_t F16FromF32(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65520 and above
  if (magnitude < 0x38800000u) {  // below 2^-14: rounding of the sum leaves the subnormal in the low bits
    const float shifted = BitCast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (BitCast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

// bfloat16 is the upper half of binary32.
inline float F32FromBF16(uint16_t bits) { return BitCast<float>(static_cast<uint32_t>(bits) << 16); }

// 2^(exponent - 127), the scale of OCP's Microscaling formats. 2^-127 is a subnormal float. 255 means NaN, and becomes
// an infinity.
inline float F32FromE8M0(uint8_t exponent) { return BitCast<float>(Max(uint32_t{exponent} << 23, uint32_t{1} << 22)); }

// 8-bit floats of 4 exponent bits (bias 7) and 3 fraction bits: OCP's E4M3, but 0x7f and 0xff are +-480. With the
// exponent rebiased, v is right for normal numbers. Subnormal ones, below 2^-6, are 2 v - 2^-6: the result is always
// the smaller of the two.
inline float F32FromE4M3(uint8_t bits) {
  const float v = BitCast<float>((uint32_t{bits & 0x7fu} << 20) + (120u << 23));
  const float magnitude = Min(v, v + v - 0.015625f);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

}  // namespace lfm2

#endif  // LFM2_BASE_NUMERIC_H_
