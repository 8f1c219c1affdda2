// Rounding with error feedback. If these fail, calibration costs time and makes models worse.
#include "programs/quantize/feedback.h"

#include <cstring>

#include "lfm2/posix/thread_pool.h"
#include "tests/quantize/blocks.h"

namespace lfm2::test {
namespace {

using tools::BlockCodec;
using tools::FactoredMoments;
using tools::InputMoments;
using tools::RowMatrix;
using tools::RowsView;

constexpr uint32_t kCols = 512, kRows = 150;  // more rows than one task handles

RowMatrix RandomRows(uint32_t rows, uint32_t seed) {
  Weights weights(seed);
  RowMatrix x(rows, kCols);
  for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = weights.Normal();
  return x;
}

// Inputs that are mostly in a quarter of the dimensions, as activations are.
FactoredMoments Correlated() {
  Weights weights(1);
  const uint32_t sources = kCols / 4;
  RowMatrix mix(sources, kCols), drawn(2000, sources);
  for (Eigen::Index i = 0; i < mix.size(); ++i) mix.data()[i] = weights.Normal();
  for (Eigen::Index i = 0; i < drawn.size(); ++i) drawn.data()[i] = weights.Normal();
  const RowMatrix x = drawn * mix + 3 * RandomRows(2000, 2);
  InputMoments moments(kCols);
  const RowsView inputs(x.data(), x.rows(), kCols);
  moments.Add(inputs, inputs, nullptr, nullptr);
  FactoredMoments factored;
  REQUIRE(factored.Factor(std::move(moments), 0, 0.03f).ok());
  return factored;
}

struct Result {
  RowMatrix error;
  std::vector<uint8_t> ggml;
  double unrefined = 0;
};
Result Quantized(TensorType type, const FactoredMoments& moments, uint32_t refinements, const RowMatrix& w,
                 const Executor* executor = nullptr) {
  Result r{w, {}, 0};
  r.unrefined = QuantizeWithFeedback(BlockCodec(type), moments, refinements, executor, &r.error, &r.ggml);
  return r;
}

Result Rounded(TensorType type, const RowMatrix& w) {
  const BlockCodec codec(type);
  const std::vector<float> ones(kCols, 1.0f);
  const size_t row_bytes = kCols / codec.columns() * codec.bytes();
  Result r{RowMatrix(w.rows(), kCols), std::vector<uint8_t>(static_cast<size_t>(w.rows()) * row_bytes), 0};
  double sum = 0;
  for (size_t i = 0; i < static_cast<size_t>(w.rows()); ++i) {
    QuantizeRow(codec, w.data() + i * kCols, ones.data(), kCols, r.ggml.data() + i * row_bytes,
                r.error.data() + i * kCols, &sum);
  }
  return r;
}

// Sum of damped e H e^T, which the feedback minimises.
double Damped(const FactoredMoments& m, const RowMatrix& e) {
  double sum = 0;
  for (Eigen::Index r = 0; r < e.rows(); ++r) {
    for (uint32_t k = 0; k < kCols; ++k) {
      double along = 0;
      for (uint32_t i = k; i < kCols; ++i) along += static_cast<double>(e(r, i)) * static_cast<double>(m.L(i, k));
      sum += along * along;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("with uncorrelated columns, every block is rounded by itself") {
  FactoredMoments identity;
  REQUIRE(identity.Factor(InputMoments(kCols), 0, 0.03f).ok());
  const RowMatrix w = RandomRows(kRows, 3);
  for (const TensorType type : kQuantTypes) {
    CAPTURE(std::string(NameOf(type)));
    CHECK(Quantized(type, identity, 0, w).ggml == Rounded(type, w).ggml);
  }
}

TEST_CASE("with correlated inputs the outputs' error is at most 0.6 of plain rounding's, and refinements lower it") {
  const FactoredMoments moments = Correlated();
  const RowMatrix w = RandomRows(kRows, 4);
  for (const TensorType type : kQuantTypes) {
    CAPTURE(std::string(NameOf(type)));
    const double plain = moments.SquaredLength(Rounded(type, w).error, nullptr);
    double before = 0, unrefined = 0;
    for (uint32_t refinements = 0; refinements < 4; ++refinements) {
      CAPTURE(refinements);
      const Result r = Quantized(type, moments, refinements, w);
      const RowMatrix& e = r.error;
      const double length = moments.SquaredLength(e, nullptr);
      CHECK(length <= 0.6 * plain);
      if (refinements == 0) unrefined = length;
      CHECK(r.unrefined == doctest::Approx(unrefined).epsilon(1e-4));
      const double now = Damped(moments, e);
      if (refinements > 0) CHECK(now <= before * (1 + 1e-6));
      if (refinements == 1) CHECK(now < 0.99 * before);
      before = now;
    }
  }
}

TEST_CASE("w ends as the error of the image") {
  const FactoredMoments moments = Correlated();
  RowMatrix w = RandomRows(kRows, 5);
  w.row(1).setZero();
  w.row(2) *= 1e-30f;
  w.row(3) *= 1e30f;
  for (const TensorType type : kQuantTypes) {
    CAPTURE(std::string(NameOf(type)));
    const Result r = Quantized(type, moments, 2, w);
    const std::vector<float> values = ValuesOf(type, r.ggml, kRows, kCols);
    // Intermediate values may be as large as the largest of the row, and have its rounding error.
    uint32_t wrong = 0;
    for (uint32_t row = 0; row < kRows; ++row) {
      const Eigen::Map<const Eigen::RowVectorXf> stored(values.data() + size_t{row} * kCols, kCols);
      const float largest = std::max(w.row(row).cwiseAbs().maxCoeff(), stored.cwiseAbs().maxCoeff());
      const float miss = (r.error.row(row) - (w.row(row) - stored)).cwiseAbs().maxCoeff();
      wrong += stored.allFinite() && miss <= 1e-6f * largest ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("any number of threads gives the same bytes") {
  posix::ThreadPool pool;
  REQUIRE(pool.Open(4).ok());
  const FactoredMoments moments = Correlated();
  const RowMatrix w = RandomRows(kRows, 6);
  for (const TensorType type : kQuantTypes) {
    CHECK(Quantized(type, moments, 2, w).ggml == Quantized(type, moments, 2, w, pool.executor()).ggml);
  }
}

}  // namespace lfm2::test
