// The SIMD products against two oracles: exactly what the panel's integers give, and the scalar reference with float
// activations within what quantising them may cost. A wrong kernel makes a model talk nonsense, or talk differently on
// another processor or with another prompt length.
#include "lfm2/kernels/matmul-inl.h"

#include <doctest/doctest.h>

#include <string>

#include "lfm2/kernels/reference.h"
#include "tests/kernels/test_matrix.h"
#include "tests/kernels/test_panel.h"

namespace lfm2::test {
namespace {

// out[tokens, rows], each row at an odd multiple of 4 bytes, with a rim that nothing may write.
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

Output Multiply(const TestMatrix& w, const MatMulInput& in) {
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
bool HasHalfMins(const TestMatrix& w) { return w.view().type == TensorType::kQ2_K; }

// What the panel's integers give for quantised weights, or the floats for others. The tolerance is that of adding
// `terms` rounded floats one after the other, and of counting subnormal floats as zero, as Armv7 does.
Expected Exactly(const TestMatrix& w, uint32_t row, const TestInput& in, uint32_t t) {
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

// How far quantising the activations can move the product. A group's scale s is the one of least squares, so the error
// vector x - s q is no longer than with s = max / 127, where each of its 32 elements is at most max / 254; by Cauchy
// and Schwarz the product moves by at most |w| |x - s q|, w without what the exact sum is multiplied by.
double QuantizationBound(const TestMatrix& w, uint32_t row, const TestInput& in, uint32_t t) {
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
    // Groups below 1e-30 become zeros, their sum too.
    const bool kept = max > 1e-30;
    const double element = kept ? max / 254 * 1.00001 : max;
    bound += std::sqrt(kept ? squares : all_squares) * std::sqrt(32.0) * element;
  }
  return bound;
}

void CheckProduct(const TestMatrix& w, const TestInput& in) {
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

std::string Name(TensorType type) { return NameOf(type); }

}  // namespace

TEST_CASE("every type, every extreme of weights and activations") {
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    for (const Weight weight : kAllWeights) {
      CAPTURE(static_cast<int>(weight));
      const TestMatrix w(type, 17, 256, weight, 1);
      for (const Activation activation : kAllActivations) {
        CAPTURE(static_cast<int>(activation));
        CheckProduct(w, TestInput(5, 256, activation, 2));
      }
    }
  }
}

TEST_CASE("every shape: rows that do not fill a block, one group of columns, many") {
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    for (const uint32_t rows : {1u, 15u, 17u, 33u}) {
      CAPTURE(rows);
      for (const uint32_t cols : {32u, 64u, 96u, 224u, 256u, 512u, 1792u}) {
        if (cols % TraitsOf(type).columns != 0 || (cols > 512 && rows > 17)) continue;
        CAPTURE(cols);
        const uint64_t seed = rows * 10000 + cols;
        CheckProduct(TestMatrix(type, rows, cols, Weight::kRandom, seed),
                     TestInput(3, cols, Activation::kNormal, seed + 1));
      }
    }
  }
}

TEST_CASE("a token's result is the same bits alone and among any number of others") {
  constexpr uint32_t kTokens = 17, kCols = 256;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 40, kCols, Weight::kRandom, 3);
    std::vector<std::vector<float>> alone;
    for (uint32_t t = 0; t < kTokens; ++t) {
      TestInput one(1, kCols, Activation::kOutlier, 100 + t);
      const Output out = Multiply(w, one.input());
      alone.emplace_back(out.Token(0), out.Token(0) + w.rows());
    }
    for (uint32_t tokens = 1; tokens <= kTokens; ++tokens) {
      CAPTURE(tokens);
      TestInput in(tokens, kCols);
      for (uint32_t t = 0; t < tokens; ++t) {
        std::memcpy(in.Row(t), TestInput(1, kCols, Activation::kOutlier, 100 + t).Row(0), kCols * sizeof(float));
      }
      in.Pack();
      const Output out = Multiply(w, in.input());
      bool same = true;
      for (uint32_t t = 0; t < tokens; ++t) same = same && SameBits(out.Token(t), alone[t].data(), w.rows());
      CHECK(same);
      CHECK(out.RimIsIntact());
    }
  }
}

TEST_CASE("the same for more tokens and columns than go through a row block together") {
  constexpr uint32_t kTokens = 150, kCols = 1280;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 20, kCols, Weight::kRandom, 5);
    const TestInput in(kTokens, kCols, Activation::kNormal, 6);
    const Output out = Multiply(w, in.input());
    CHECK(out.RimIsIntact());
    for (const uint32_t t : {0u, 63u, 64u, 127u, 149u}) {
      TestInput one(1, kCols);
      std::memcpy(one.Row(0), in.Row(t), kCols * sizeof(float));
      one.Pack();
      CHECK(SameBits(out.Token(t), Multiply(w, one.input()).Token(0), w.rows()));
    }
  }
}

TEST_CASE("a range of row blocks writes its rows, the same bits, and no others") {
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 70, 256, Weight::kRandom, 4);
    const TestInput in(5, 256, Activation::kNormal, 5);
    const Output whole = Multiply(w, in.input());
    for (uint32_t begin = 0; begin <= 5; ++begin) {
      for (uint32_t end = begin; end <= 5; ++end) {
        Output out(5, w.rows());
        Simd::MatMul(w.view(), in.input(), begin, end, out.data(), out.stride());
        bool right = true;
        for (uint32_t t = 0; t < 5; ++t) {
          for (uint32_t row = 0; row < w.rows(); ++row) {
            const bool inside = row / 16 >= begin && row / 16 < end;
            right = right && out.at(t, row) == (inside ? whole.at(t, row) : kUntouched);
          }
        }
        CHECK(right);
        CHECK(out.RimIsIntact());
      }
    }
  }
}

TEST_CASE("gathered rows, in any order and more than once, are those rows") {
  constexpr uint32_t kCols = 256;
  const uint32_t rows[] = {6, 0, 3, 3, 3, 1, 6, 2, 5, 4, 0};
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 40, kCols, Weight::kRandom, 6);
    const TestInput in(7, kCols, Activation::kNormal, 7);
    const Output plain = Multiply(w, in.input());
    MatMulInput gathered = in.input();
    gathered.rows = rows;
    gathered.tokens = 11;
    AlignedBuffer<uint8_t> panel(static_cast<size_t>(PanelBytes(11, kCols)));
    Simd::PackPanel(gathered, kCols, 0, Tiling(11, Simd::kMaxTile).tiles(), panel.data());
    gathered.panel = panel.data();
    const Output out = Multiply(w, gathered);
    for (uint32_t t = 0; t < 11; ++t) CHECK(SameBits(out.Token(t), plain.Token(rows[t]), w.rows()));
  }
}

TEST_CASE("no tokens: nothing is read or written") {
  const TestMatrix w(TensorType::kQ4_0, 16, 32, Weight::kRandom, 8);
  float untouched = kUntouched;
  Simd::PackPanel(MatMulInput(), 32, 0, 0, nullptr);
  Simd::MatMul(w.view(), MatMulInput(), 0, 1, &untouched, 16);
  CHECK(untouched == kUntouched);
}

TEST_CASE("gate and up in one go: silu of the one product times the other") {
  constexpr uint32_t kCols = 256;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    for (const uint32_t tokens : {1u, 4u, 5u, 8u, 13u}) {
      const TestMatrix gate(type, 40, kCols, Weight::kRandom, 11), up(type, 40, kCols, Weight::kRandom, 12);
      const TestInput in(tokens, kCols, Activation::kNormal, 13);
      const Output g = Multiply(gate, in.input()), u = Multiply(up, in.input());
      Output out(tokens, gate.rows());
      Simd::MatMulSwiGlu(gate.view(), up.view(), in.input(), 0, 2, out.data(), out.stride());
      bool untouched = true;
      for (uint32_t t = 0; t < tokens; ++t) {
        for (uint32_t row = 32; row < gate.rows(); ++row) untouched = untouched && out.at(t, row) == kUntouched;
      }
      CHECK(untouched);
      Simd::MatMulSwiGlu(gate.view(), up.view(), in.input(), 2, 3, out.data(), out.stride());
      Worst worst;
      for (uint32_t t = 0; t < tokens; ++t) {
        for (uint32_t row = 0; row < gate.rows(); ++row) {
          const double v = static_cast<double>(g.at(t, row));
          const double expected = v / (1.0 + std::exp(-v)) * static_cast<double>(u.at(t, row));
          worst.Add(static_cast<double>(out.at(t, row)), expected, 5e-7 * std::fabs(expected) + 1e-30);
        }
      }
      CHECK(worst.share() <= 1.0);
      CHECK(out.RimIsIntact());
    }
  }
}

}  // namespace lfm2::test
