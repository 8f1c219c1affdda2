// Norms, rotary embedding, gated short convolution and sums: kernels that use each activation once.
#if defined(LFM2_KERNELS_ELEMENTWISE_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_ELEMENTWISE_INL_H_
#undef LFM2_KERNELS_ELEMENTWISE_INL_H_
#else
#define LFM2_KERNELS_ELEMENTWISE_INL_H_
#endif

#include <cmath>

#include "lfm2/format/model_config.h"
#include "lfm2/kernels/target-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// out[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]; n is a multiple of 32; out may be x. Returns mean(x^2). Where that
// is not finite, because of an infinity or a NaN in x or squares that are too large, all of out is NaN.
inline float RmsNorm(const float* x, const float* weight, uint32_t n, float eps, float* out) {
  const DF df;
  const size_t lanes = hn::Lanes(df);
  VF sum0 = hn::Zero(df), sum1 = hn::Zero(df);
  for (size_t i = 0; i < n; i += 2 * lanes) {
    const VF a = hn::LoadU(df, x + i), b = hn::LoadU(df, x + i + lanes);
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
  }
  const float mean = hn::ReduceSum(df, hn::Add(sum0, sum1)) / static_cast<float>(n);
  // 1, or NaN: dividing by an infinite root would turn every number into zero.
  const float one = 1.0f + mean * 0.0f;
  const VF inverse = hn::Set(df, one / std::sqrt(mean + eps));
  for (size_t i = 0; i < n; i += lanes) {
    hn::StoreU(hn::Mul(hn::Mul(hn::LoadU(df, x + i), inverse), hn::LoadU(df, weight + i)), df, out + i);
  }
  return mean;
}

// Rotates pairs (i, i + head_dim / 2) of one head; cos_sin[2][head_dim / 2]: cosines, then sines. head_dim is a
// multiple of 32.
inline void Rope(float* head, uint32_t head_dim, const float* cos_sin) {
  const DF df;
  const size_t half = head_dim / 2;
  for (size_t i = 0; i < half; i += hn::Lanes(df)) {
    const VF c = hn::LoadU(df, cos_sin + i), s = hn::LoadU(df, cos_sin + half + i);
    const VF a = hn::LoadU(df, head + i), b = hn::LoadU(df, head + i + half);
    hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), df, head + i);
    hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), df, head + i + half);
  }
}

// Gated short convolution of channels [begin, end), both multiples of 16: with u = B * x, out[t] = C[t] * sum over k of
// kernel[k] * u[t - taps + 1 + k]. bcx[tokens, 3 * hidden] holds B, C, x; state[taps - 1, hidden] the last u, oldest
// first, and is updated.
inline void ShortConv(const float* bcx, uint32_t tokens, uint32_t hidden, uint32_t begin, uint32_t end,
                      const float* kernel, uint32_t taps, float* state, float* out) {
  const DF df;
  for (uint32_t t = 0; t < tokens; ++t) {
    const float* row = bcx + size_t{t} * 3 * hidden;
    for (size_t c = begin; c < end; c += hn::Lanes(df)) {
      const VF u = hn::Mul(hn::LoadU(df, row + c), hn::LoadU(df, row + 2 * size_t{hidden} + c));
      VF sum = hn::Zero(df);
      for (size_t k = 0; k + 1 < taps; ++k) {
        const VF past = hn::LoadU(df, state + k * hidden + c);
        sum = hn::MulAdd(hn::LoadU(df, kernel + k * hidden + c), past, sum);
        if (k > 0) hn::StoreU(past, df, state + (k - 1) * hidden + c);
      }
      sum = hn::MulAdd(hn::LoadU(df, kernel + (taps - 1) * size_t{hidden} + c), u, sum);
      hn::StoreU(u, df, state + (taps - 2) * size_t{hidden} + c);
      hn::StoreU(hn::Mul(hn::LoadU(df, row + hidden + c), sum), df, out + size_t{t} * hidden + c);
    }
  }
}

// x[n] += scale * y[n]; n is a multiple of 16.
inline void AddScaled(float* HWY_RESTRICT x, const float* HWY_RESTRICT y, float scale, uint32_t n) {
  const DF df;
  const VF s = hn::Set(df, scale);
  for (size_t i = 0; i < n; i += hn::Lanes(df)) {
    hn::StoreU(hn::MulAdd(s, hn::LoadU(df, y + i), hn::LoadU(df, x + i)), df, x + i);
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_ELEMENTWISE_INL_H_
