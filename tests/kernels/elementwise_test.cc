// Norms, rotary embedding, short convolution and sums against their formulas in double.
#include "lfm2/kernels/elementwise-inl.h"

#include <doctest/doctest.h>

#include "tests/kernels/test_panel.h"

namespace lfm2::test {
namespace {

// out[t, c] = C[t, c] * sum over k of kernel[k, c] * (B x)[t - taps + 1 + k, c]: the formula over the whole sequence,
// with nothing before it. bcx[tokens, 3 * hidden].
std::vector<double> Convolve(const std::vector<float>& bcx, uint32_t hidden, const std::vector<float>& kernel,
                             uint32_t taps, std::vector<double>* magnitude) {
  const size_t tokens = bcx.size() / (3 * hidden);
  std::vector<double> out(tokens * hidden);
  magnitude->assign(tokens * hidden, 0.0);
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t c = 0; c < hidden; ++c) {
      for (size_t k = 0; k < taps; ++k) {
        if (t + k + 1 < taps) continue;
        const float* past = bcx.data() + (t + k + 1 - taps) * 3 * hidden;
        const double term = static_cast<double>(bcx[t * 3 * hidden + hidden + c]) *
                            static_cast<double>(kernel[k * hidden + c]) * static_cast<double>(past[c]) *
                            static_cast<double>(past[2 * hidden + c]);
        out[t * hidden + c] += term;
        (*magnitude)[t * hidden + c] += std::fabs(term);
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("RMSNorm, also in place, for every length that a model has") {
  Random random(1);
  for (const uint32_t n : {32u, 64u, 96u, 128u, 256u, 1024u, 2048u}) {
    CAPTURE(n);
    for (const float magnitude : {1e-15f, 1e-3f, 1.0f, 1e4f}) {
      std::vector<float> x = random.Normals(n), weight = random.Normals(n), out(n + 1, kUntouched);
      double squares = 0;
      for (float& v : x) {
        v *= magnitude;
        squares += static_cast<double>(v) * static_cast<double>(v);
      }
      const float eps = 1e-5f;
      const float mean = Simd::RmsNorm(x.data(), weight.data(), n, eps, out.data());
      Worst worst, mean_error;
      mean_error.Add(static_cast<double>(mean), squares / n, (n / 2 + 8) * kEpsilon * squares / n + kSmallestNormal);
      CHECK(mean_error.share() <= 1.0);
      for (uint32_t i = 0; i < n; ++i) {
        const double expected = static_cast<double>(x[i]) / std::sqrt(squares / n + static_cast<double>(eps)) *
                                static_cast<double>(weight[i]);
        // At worst n / 2 successive roundings; the square root halves their effect.
        worst.Add(static_cast<double>(out[i]), expected, (n / 4 + 8) * kEpsilon * std::fabs(expected));
      }
      CHECK(worst.share() <= 1.0);
      CHECK(out[n] == kUntouched);
      Simd::RmsNorm(x.data(), weight.data(), n, eps, x.data());
      CHECK(SameBits(x.data(), out.data(), n));
    }
  }
  std::vector<float> zero(32), weight(32, 2.0f), out(32, kUntouched);
  Simd::RmsNorm(zero.data(), weight.data(), 32, 1e-5f, out.data());
  CHECK(SameBits(out.data(), zero.data(), 32));
}

TEST_CASE("rotary embedding turns each pair (i, i + half) by its angle") {
  Random random(2);
  for (const uint32_t head_dim : {32u, 64u, 96u, 128u, 256u}) {
    CAPTURE(head_dim);
    const uint32_t half = head_dim / 2;
    std::vector<float> head = random.Normals(head_dim), cos_sin(head_dim);
    std::vector<double> angle(half);
    for (uint32_t i = 0; i < half; ++i) {
      angle[i] = static_cast<double>(random.Uniform(-4.0f, 4.0f));
      cos_sin[i] = static_cast<float>(std::cos(angle[i]));
      cos_sin[half + i] = static_cast<float>(std::sin(angle[i]));
    }
    const std::vector<float> before = head;
    head.push_back(kUntouched);
    Simd::Rope(head.data(), head_dim, cos_sin.data());
    Worst worst;
    for (uint32_t i = 0; i < half; ++i) {
      const double a = static_cast<double>(before[i]), b = static_cast<double>(before[i + half]);
      const double tolerance = 4 * kEpsilon * (std::fabs(a) + std::fabs(b));
      worst.Add(static_cast<double>(head[i]), a * std::cos(angle[i]) - b * std::sin(angle[i]), tolerance);
      worst.Add(static_cast<double>(head[i + half]), b * std::cos(angle[i]) + a * std::sin(angle[i]), tolerance);
    }
    CHECK(worst.share() <= 1.0);
    CHECK(head[head_dim] == kUntouched);
  }
}

TEST_CASE("short convolution: the formula over a whole sequence, and the same bits in chunks of any size") {
  constexpr uint32_t kTokens = 23;
  for (const uint32_t taps : {2u, 3u, 4u, 8u}) {
    CAPTURE(taps);
    for (const uint32_t hidden : {32u, 96u}) {
      CAPTURE(hidden);
      Random random(taps * 1000 + hidden);
      const std::vector<float> bcx = random.Normals(size_t{kTokens} * 3 * hidden);
      const std::vector<float> kernel = random.Normals(size_t{taps} * hidden);
      std::vector<double> magnitude;
      const std::vector<double> expected = Convolve(bcx, hidden, kernel, taps, &magnitude);
      std::vector<float> whole, whole_state;
      for (const uint32_t chunk : {kTokens, 1u, 2u, 5u, 22u}) {
        CAPTURE(chunk);
        std::vector<float> out(size_t{kTokens} * hidden, kUntouched), state(size_t{taps - 1} * hidden);
        for (uint32_t t = 0; t < kTokens; t += chunk) {
          Simd::ShortConv(bcx.data() + size_t{t} * 3 * hidden, Min(chunk, kTokens - t), hidden, 0, hidden,
                          kernel.data(), taps, state.data(), out.data() + size_t{t} * hidden);
        }
        if (chunk == kTokens) {
          whole = out;
          whole_state = state;
        }
        CHECK(out == whole);
        CHECK(state == whole_state);
      }
      Worst worst;
      for (size_t i = 0; i < expected.size(); ++i) {
        worst.Add(static_cast<double>(whole[i]), expected[i], (taps + 4) * kEpsilon * magnitude[i] + kSmallestNormal);
      }
      CHECK(worst.share() <= 1.0);
    }
  }
}

TEST_CASE("short convolution of a range of channels is that of the whole, and touches no other channel") {
  constexpr uint32_t kTokens = 4, kHidden = 96, kTaps = 3;
  Random random(3);
  const std::vector<float> bcx = random.Normals(kTokens * 3 * kHidden), kernel = random.Normals(kTaps * kHidden);
  const std::vector<float> state_before = random.Normals((kTaps - 1) * kHidden);
  std::vector<float> whole_state = state_before, whole(kTokens * kHidden);
  Simd::ShortConv(bcx.data(), kTokens, kHidden, 0, kHidden, kernel.data(), kTaps, whole_state.data(), whole.data());
  for (uint32_t begin = 0; begin <= kHidden; begin += 16) {
    for (uint32_t end = begin; end <= kHidden; end += 16) {
      std::vector<float> state = state_before, out(kTokens * kHidden, kUntouched);
      Simd::ShortConv(bcx.data(), kTokens, kHidden, begin, end, kernel.data(), kTaps, state.data(), out.data());
      bool right = true;
      for (uint32_t i = 0; i < kTokens * kHidden; ++i) {
        const bool inside = i % kHidden >= begin && i % kHidden < end;
        right = right && out[i] == (inside ? whole[i] : kUntouched);
        if (i < state.size()) right = right && state[i] == (inside ? whole_state[i] : state_before[i]);
      }
      CHECK(right);
    }
  }
}

TEST_CASE("adding a scaled vector") {
  Random random(4);
  for (const uint32_t n : {16u, 32u, 48u, 2048u}) {
    const std::vector<float> y = random.Normals(n), before = random.Normals(n);
    std::vector<float> x = before;
    x.push_back(kUntouched);
    Simd::AddScaled(x.data(), y.data(), 0.37f, n);
    Worst worst;
    for (uint32_t i = 0; i < n; ++i) {
      const double a = static_cast<double>(before[i]), b = static_cast<double>(0.37f) * static_cast<double>(y[i]);
      worst.Add(static_cast<double>(x[i]), a + b, 2 * kEpsilon * (std::fabs(a) + std::fabs(b)));
    }
    CHECK(worst.share() <= 1.0);
    CHECK(x[n] == kUntouched);
  }
}

}  // namespace lfm2::test
