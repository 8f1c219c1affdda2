// Sizes of hostile files must not wrap around, and a half-float that converts wrongly is a wrong scale of 32 weights.
#include "lfm2/base/numeric.h"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

namespace lfm2::test {
namespace {

// Value of a binary16 number from the definition in IEEE 754, in double, where all of them are exact.
double HalfValue(uint32_t bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31u);
  const double fraction = static_cast<double>(bits & 1023u) / 1024;
  if (exponent == 31) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  return sign * (exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15));
}

}  // namespace

TEST_CASE("sums and products that do not fit are detected, and only those") {
  uint64_t out = 42;
  CHECK((CheckedAdd(UINT64_MAX - 1, 1, &out) && out == UINT64_MAX));
  out = 42;
  CHECK((!CheckedAdd(UINT64_MAX, 1, &out) && out == 42));
  CHECK((!CheckedAdd(1, UINT64_MAX, &out) && out == 42));
  CHECK((CheckedMul(0, UINT64_MAX, &out) && out == 0));
  CHECK((CheckedMul(UINT64_MAX, 0, &out) && out == 0));
  CHECK((CheckedMul(1u << 31, uint64_t{1} << 32, &out) && out == uint64_t{1} << 63));
  out = 42;
  CHECK((!CheckedMul(uint64_t{1} << 32, uint64_t{1} << 32, &out) && out == 42));
  CHECK((!CheckedMul(3, UINT64_MAX / 3 + 1, &out) && out == 42));
  CHECK((CheckedMul(3, UINT64_MAX / 3, &out) && out == UINT64_MAX / 3 * 3));
}

TEST_CASE("rounding up") {
  CHECK((RoundUp(0, 64) == 0 && RoundUp(1, 64) == 64 && RoundUp(64, 64) == 64 && RoundUp(65, 64) == 128));
  CHECK((DivideUp(0, 16) == 0 && DivideUp(1, 16) == 1 && DivideUp(16, 16) == 1 && DivideUp(17, 16) == 2));
}

TEST_CASE("all 65,536 half-floats become the float of the same value") {
  uint32_t wrong = 0;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float got = F32FromF16(static_cast<uint16_t>(bits));
    const double want = HalfValue(bits);
    const bool same = std::isnan(want) ? std::isnan(got)
                                       : static_cast<double>(got) == want && std::signbit(got) == std::signbit(want);
    wrong += same ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("all 65,536 half-floats are unchanged after conversion to float and back") {
  uint32_t wrong = 0;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t back = F16FromF32(F32FromF16(static_cast<uint16_t>(bits)));
    const bool nan = (bits & 0x7fffu) > 0x7c00u;
    wrong += (nan ? (back & 0x7fffu) > 0x7c00u && (back & 0x8000u) == (bits & 0x8000u) : back == bits) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("floats between two half-floats go to the nearer one, halfway to the even one") {
  uint32_t wrong = 0;
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    // The step above the largest finite number would be 65536, where infinity begins.
    const double low = HalfValue(bits), high = bits == 0x7bff ? 65536.0 : HalfValue(bits + 1);
    const float middle = static_cast<float>((low + high) / 2);  // exact: one more bit than a half-float has
    const uint16_t even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    for (const uint16_t sign : {uint16_t{0}, uint16_t{0x8000}}) {
      const float s = sign == 0 ? 1.0f : -1.0f;
      wrong += F16FromF32(s * middle) == (even | sign) ? 0 : 1;
      wrong += F16FromF32(s * std::nextafter(middle, 0.0f)) == (bits | sign) ? 0 : 1;
      wrong += F16FromF32(s * std::nextafter(middle, 1e9f)) == ((bits + 1) | sign) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  CHECK(F16FromF32(1e30f) == 0x7c00);
  CHECK(F16FromF32(-1e30f) == 0xfc00);
  CHECK(F16FromF32(1e-30f) == 0);
  CHECK(F16FromF32(-1e-30f) == 0x8000);
}

TEST_CASE("all bfloat16 numbers are the upper half of their float") {
  uint32_t wrong = 0;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    wrong += BitCast<uint32_t>(F32FromBF16(static_cast<uint16_t>(bits))) == bits << 16 ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(F32FromBF16(0x3fc0) == 1.5f);
}

TEST_CASE("IsFinite is false for infinities and NaNs only") {
  for (const float v : {0.0f, -0.0f, 1e-45f, -1e-45f, 1.0f, -1.0f, 3.402823466e38f, -3.402823466e38f}) {
    CHECK(IsFinite(v));
  }
  for (const uint32_t bits : {0x7f800000u, 0xff800000u, 0x7f800001u, 0xff800001u, 0x7fc00000u, 0x7fffffffu}) {
    CHECK(!IsFinite(BitCast<float>(bits)));
  }
}

TEST_CASE("values are read from any address") {
  const unsigned char bytes[] = {0, 0x78, 0x56, 0x34, 0x12};
  CHECK(LoadAs<uint32_t>(bytes + 1) == 0x12345678u);
}

}  // namespace lfm2::test
