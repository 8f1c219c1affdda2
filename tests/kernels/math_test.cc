// The functions that every kernel shares: half floats, exp and silu, against the C library in double.
#include "lfm2/kernels/target-inl.h"

#include <doctest/doctest.h>

#include "tests/kernels/test_values.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// out[i] = f(in[i]) for 16 values.
inline void Exp16(const float* in, float* out) {
  const DF df;
  for (size_t i = 0; i < 16; i += hn::Lanes(df)) hn::StoreU(Exp(hn::LoadU(df, in + i)), df, out + i);
}
inline void Silu16(const float* in, float* out) {
  const DF df;
  for (size_t i = 0; i < 16; i += hn::Lanes(df)) hn::StoreU(Silu(hn::LoadU(df, in + i)), df, out + i);
}
inline void LoadF16x16(const uint16_t* in, float* out) {
  const DF df;
  for (size_t i = 0; i < 16; i += hn::Lanes(df)) hn::StoreU(LoadF16(in + i), df, out + i);
}
inline void LoadBF16x16(const uint16_t* in, float* out) {
  const DF df;
  for (size_t i = 0; i < 16; i += hn::Lanes(df)) hn::StoreU(LoadBF16(in + i), df, out + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

namespace lfm2::test {
namespace {

// Calls f(inputs[16], outputs[16]) for floats from `low` to `high` a constant number of bit patterns apart.
template <class F>
void Sweep(float low, float high, uint32_t step, void (*function)(const float*, float*), const F& f) {
  float in[16], out[16];
  const bool negative = low < 0.0f;
  const uint32_t first = BitCast<uint32_t>(negative ? -high : low), last = BitCast<uint32_t>(negative ? -low : high);
  for (uint32_t bits = first; bits <= last;) {
    for (float& x : in) {
      x = BitCast<float>(Min(bits, last));
      if (negative) x = -x;
      bits += step;
    }
    function(in, out);
    for (int i = 0; i < 16; ++i) f(static_cast<double>(in[i]), static_cast<double>(out[i]));
  }
}

}  // namespace

TEST_CASE("exp: relative error at most 2e-7 over its whole range") {
  Worst worst;
  const auto compare = [&](double x, double y) { worst.Add(y, std::exp(x), 2e-7 * std::exp(x)); };
  Sweep(-87.3f, -0.0f, 2003, HWY_NAMESPACE::Exp16, compare);
  Sweep(0.0f, 88.0f, 2003, HWY_NAMESPACE::Exp16, compare);
  CHECK(worst.share() <= 1.0);
}

TEST_CASE("exp: zero where floats end, no infinity, exactly 1 at 0, and never a NaN from a number") {
  const float in[16] = {-INFINITY, -3e38f, -1000.0f, -88.0f, -87.4f,  0.0f,  -0.0f,    1e-45f,
                        -1e-45f,   88.0f,  88.1f,    89.0f,  1000.0f, 3e38f, INFINITY, 1e-38f};
  float out[16];
  HWY_NAMESPACE::Exp16(in, out);
  for (int i = 0; i < 5; ++i) CHECK(out[i] == 0.0f);
  for (int i = 5; i < 9; ++i) CHECK(out[i] == 1.0f);
  for (int i = 9; i < 15; ++i) CHECK((out[i] >= 1.6e38f && out[i] <= 1.7e38f));
}

TEST_CASE("silu: relative error below 5e-7, and nearly nothing for large negative values") {
  Worst worst;
  const auto compare = [&](double x, double y) {
    const double silu = x / (1 + std::exp(-x));
    worst.Add(y, silu, 5e-7 * std::fabs(silu) + 2 * kSmallestNormal);
  };
  Sweep(-85.0f, -0.0f, 3001, HWY_NAMESPACE::Silu16, compare);
  Sweep(0.0f, 3e38f, 3001, HWY_NAMESPACE::Silu16, compare);
  CHECK(worst.share() <= 1.0);
  Worst tail;
  Sweep(-1e8f, -85.0f, 3001, HWY_NAMESPACE::Silu16, [&](double, double y) { tail.Add(y, 0.0, 1e-30); });
  CHECK(tail.share() <= 1.0);
}

TEST_CASE("silu of an infinity or a NaN is not finite, so that no product can hide it") {
  float in[16], out[16];
  for (int i = 0; i < 16; ++i) in[i] = i % 4 < 2 ? (i % 2 == 0 ? NAN : -NAN) : (i % 2 == 0 ? INFINITY : -INFINITY);
  HWY_NAMESPACE::Silu16(in, out);
  for (const float v : out) CHECK(!std::isfinite(v));
}

TEST_CASE("every half float becomes its value; infinities and NaNs stay non-finite") {
  uint16_t in[16];
  float out[16];
  uint32_t wrong = 0;
  for (uint32_t first = 0; first < 65536; first += 16) {
    for (uint32_t i = 0; i < 16; ++i) in[i] = static_cast<uint16_t>(first + i);
    HWY_NAMESPACE::LoadF16x16(in, out);
    for (uint32_t i = 0; i < 16; ++i) {
      const bool finite = (in[i] & 0x7c00) != 0x7c00;
      if (finite && static_cast<double>(out[i]) != HalfValue(in[i])) ++wrong;
      if (!finite && std::isfinite(out[i])) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("every bfloat16 becomes its value") {
  uint16_t in[16];
  float out[16];
  uint32_t wrong = 0;
  for (uint32_t first = 0; first < 65536; first += 16) {
    for (uint32_t i = 0; i < 16; ++i) in[i] = static_cast<uint16_t>(first + i);
    HWY_NAMESPACE::LoadBF16x16(in, out);
    for (uint32_t i = 0; i < 16; ++i) {
      const float expected = BitCast<float>(uint32_t{in[i]} << 16);
      if (std::isnan(expected) ? !std::isnan(out[i]) : out[i] != expected) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace lfm2::test
