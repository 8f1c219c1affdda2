// Compares the SIMD products with two oracles: the exact products of the panel's integers, and the scalar reference.
#ifndef LFM2_TESTS_KERNELS_CHECK_PRODUCT_H_
#define LFM2_TESTS_KERNELS_CHECK_PRODUCT_H_

#include <doctest/doctest.h>

#include <vector>

#include "lfm2/kernels/reference.h"
#include "tests/kernels/test_matrix.h"
#include "tests/kernels/test_panel.h"

namespace lfm2::test {

// out[tokens, rows], each row at an odd multiple of 4 bytes, with a margin that must not be written.
class Output {
 public:
  Output(uint32_t tokens, uint32_t rows) : stride_(rows + 5), rows_(rows), values_(3 + tokens * stride_, kUntouched) {}
  float* data() { return values_.data() + 3; }
  size_t stride() const { return stride_; }
  const float* Token(uint32_t t) const { return values_.data() + 3 + t * stride_; }
  float at(uint32_t t, uint32_t row) const { return Token(t)[row]; }
  bool RimIsIntact() const {
    for (size_t i = 0; i < values_.size(); ++i) {
      if ((i < 3 || (i - 3) % stride_ >= rows_) && values_[i] != kUntouched) return false;
    }
    return true;
  }

 private:
  size_t stride_;
  uint32_t rows_;
  std::vector<float> values_;
};

inline Output Multiply(const TestMatrix& w, const MatMulInput& in) {
  Output out(in.tokens, w.rows());
  const Matrix m = w.view();
  Simd::MatMul(m, in, 0, m.row_blocks(), out.data(), out.stride());
  return out;
}

struct Expected {
  double value;
  double tolerance;  // of float arithmetic alone
};

// Q2_K has a min for each half of a group, which is multiplied by the sum of rounded activations.
inline bool HasHalfMins(const TestMatrix& w) { return w.view().type == TensorType::kQ2_K; }

// The product computed from the panel's integers for quantised weights, or from the floats for others. The tolerance
// covers adding `terms` rounded floats one after another, and treating subnormal floats as zero, as Armv7 does.
inline Expected Exactly(const TestMatrix& w, uint32_t row, const TestInput& in, uint32_t t) {
  double sum = 0, magnitude = 0, smallest = 0;
  const bool quantized = IsQuantized(w.view().type);
  for (uint32_t col = 0; col < w.cols(); col += quantized ? 16 : 1) {
    double term = 0;
    if (quantized) {
      double dot = 0, x_sum = 0;
      const double middle = MiddleOf(w.view().type);
      for (uint32_t c = col; c < col + 16; ++c) {
        dot += (w.whole(row, c) - middle) * in.quad(t, c);
        x_sum += static_cast<double>(in.Row(t)[c]);
      }
      const double offset = w.min(row, col) + middle * w.step(row, col),
                   scale = static_cast<double>(in.scale(t, col / 32));
      if (HasHalfMins(w)) {
        x_sum = 0;
        for (uint32_t c = col; c < col + 16; ++c) x_sum += in.quad(t, c) * scale;
      }
      term = dot * w.step(row, col) * scale + (scale == 0.0 ? 0.0 : offset * x_sum);
      magnitude += std::fabs(dot * w.step(row, col) * scale);
      if (offset != 0.0) {
        for (uint32_t c = col; c < col + 16; ++c)
          magnitude += 4 * std::fabs(offset * static_cast<double>(in.Row(t)[c]));
      }
      // Scales of bfloat16 and MXFP4 may be subnormal too.
      smallest += (std::fabs(dot) * std::fmax(1.0, scale) + std::fabs(x_sum) + 1) * kSmallestNormal * 128;
    } else {
      term = w.value(row, col) * static_cast<double>(in.Row(t)[col]);
      smallest += (std::fabs(w.value(row, col)) + 1) * kSmallestNormal;
    }
    sum += term;
    magnitude += std::fabs(term);
  }
  const double terms = quantized ? w.cols() / 16 : w.cols();
  return {sum, (terms + 4) * kEpsilon * magnitude + smallest};
}

// How far quantising the activations can move the product. A group's scale s minimises the squared error, so the error
// vector x - s q is no longer than with s = max / 127, where each of its 32 elements is at most max / 254; by the
// Cauchy-Schwarz inequality the product moves by at most |w| |x - s q|, where w excludes what is multiplied by the
// exact sum.
inline double QuantizationBound(const TestMatrix& w, uint32_t row, const TestInput& in, uint32_t t) {
  if (!IsQuantized(w.view().type)) return 0;
  double bound = 0;
  for (uint32_t first = 0; first < w.cols(); first += 32) {
    double squares = 0, all_squares = 0, max = 0;
    for (uint32_t c = first; c < first + 32; ++c) {
      const double factor =
          HasHalfMins(w) ? w.value(row, c) : (w.whole(row, c) - MiddleOf(w.view().type)) * w.step(row, c);
      squares += factor * factor;
      all_squares += w.value(row, c) * w.value(row, c);
      max = std::fmax(max, static_cast<double>(std::fabs(in.Row(t)[c])));
    }
    // Groups below 1e-30 become zeros, and so does their sum.
    const bool kept = max > 1e-30;
    const double element = kept ? max / 254 * 1.00001 : max;
    bound += std::sqrt(kept ? squares : all_squares) * std::sqrt(32.0) * element;
  }
  return bound;
}

inline void CheckProduct(const TestMatrix& w, const TestInput& in) {
  const Matrix m = w.view();
  const Output out = Multiply(w, in.input());
  Output reference(in.input().tokens, m.rows);
  ReferenceKernels::MatMul(m, in.input(), 0, m.row_blocks(), reference.data(), reference.stride());
  Worst exact, quantized;
  for (uint32_t t = 0; t < in.input().tokens; ++t) {
    for (uint32_t row = 0; row < m.rows; ++row) {
      const Expected expected = Exactly(w, row, in, t);
      exact.Add(static_cast<double>(out.at(t, row)), expected.value, expected.tolerance);
      const double bound = QuantizationBound(w, row, in, t) + expected.tolerance;
      const double float_sum = static_cast<double>(reference.at(t, row));
      quantized.Add(static_cast<double>(out.at(t, row)), float_sum, bound + kEpsilon * std::fabs(float_sum));
    }
  }
  CHECK(exact.share() <= 1.0);
  CHECK(quantized.share() <= 1.0);
  CHECK(out.RimIsIntact());
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_CHECK_PRODUCT_H_
