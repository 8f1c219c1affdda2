// Second moments of inputs. If these fail, the feedback compensates for the wrong errors.
#include "programs/quantize/input_moments.h"

#include <Eigen/Cholesky>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "lfm2/posix/thread_pool.h"
#include "tests/quantize/blocks.h"

namespace lfm2::test {
namespace {

using tools::FactoredMoments;
using tools::InputMoments;
using tools::RowMatrix;
using tools::RowsView;

constexpr uint32_t kSize = 160;  // not a multiple of the internal panels

RowMatrix Inputs(uint32_t rows, uint32_t seed) {
  Weights weights(seed);
  RowMatrix x(rows, kSize);
  for (uint32_t r = 0; r < rows; ++r) {
    const float common = weights.Normal();
    for (uint32_t c = 0; c < kSize; ++c) x(r, c) = common + (1 + 0.1f * static_cast<float>(c % 7)) * weights.Normal();
  }
  return x;
}
RowsView View(const RowMatrix& x) { return RowsView(x.data(), x.rows(), x.cols()); }

// Mean of x_i x_j.
Eigen::MatrixXd NaiveMoments(const RowMatrix& x) {
  Eigen::MatrixXd h = Eigen::MatrixXd::Zero(kSize, kSize);
  for (Eigen::Index r = 0; r < x.rows(); ++r) {
    for (uint32_t i = 0; i < kSize; ++i) {
      for (uint32_t j = 0; j < kSize; ++j) {
        h(i, j) += static_cast<double>(x(r, i)) * static_cast<double>(x(r, j)) / static_cast<double>(x.rows());
      }
    }
  }
  return h;
}

FactoredMoments Factored(InputMoments&& moments, float damping, float shrinkage = 0) {
  FactoredMoments factored;
  const tools::Error error = factored.Factor(std::move(moments), shrinkage, damping);
  INFO(error.text());
  REQUIRE(error.ok());
  return factored;
}

// Of H + added on the diagonal, and of its factor.
void CheckAgainst(const FactoredMoments& factored, const Eigen::MatrixXd& h, double added) {
  double worst_h = 0, worst_l = 0;
  for (uint32_t i = 0; i < kSize; ++i) {
    for (uint32_t j = 0; j < kSize; ++j) {
      const double wanted = h(i, j) + (i == j ? added : 0);
      double product = 0;
      for (uint32_t k = 0; k <= std::min(i, j); ++k) {
        product += static_cast<double>(factored.L(i, k)) * static_cast<double>(factored.L(j, k));
      }
      worst_h = std::max(worst_h, std::fabs(static_cast<double>(factored.H(i, j)) - wanted));
      worst_l = std::max(worst_l, std::fabs(product - wanted));
    }
  }
  CHECK(worst_h <= 1e-5 * h.diagonal().maxCoeff());
  CHECK(worst_l <= 1e-5 * h.diagonal().maxCoeff());
}

}  // namespace

TEST_CASE("the moments are the mean of x x^T, and the factor is that of the damped ones") {
  const RowMatrix first = Inputs(300, 1), second = Inputs(77, 2);
  RowMatrix both(377, kSize);
  both << first, second;
  InputMoments moments(kSize);
  moments.Add(View(first), View(first), nullptr, nullptr);
  moments.Add(View(second), View(second), nullptr, nullptr);
  CHECK(moments.inputs() == 377);
  const Eigen::MatrixXd h = NaiveMoments(both);
  CheckAgainst(Factored(std::move(moments), 0.03f), h, 0.03 * h.diagonal().mean());
}

TEST_CASE("shrinking reduces the elements off the diagonal, and leaves the diagonal") {
  const RowMatrix x = Inputs(300, 11);
  InputMoments moments(kSize);
  moments.Add(View(x), View(x), nullptr, nullptr);
  const Eigen::MatrixXd all = NaiveMoments(x);
  Eigen::MatrixXd h = all * 0.4;
  h.diagonal() = all.diagonal();
  CheckAgainst(Factored(std::move(moments), 0.1f, 0.6f), h, 0.1 * all.diagonal().mean());
}

TEST_CASE("SquaredLength is the sum of e M e^T, without shrinkage and damping") {
  const RowMatrix x = Inputs(400, 3), e = Inputs(9, 4);
  const Eigen::MatrixXd h = NaiveMoments(x);
  double wanted = 0;
  for (Eigen::Index r = 0; r < e.rows(); ++r) {
    for (uint32_t i = 0; i < kSize; ++i) {
      for (uint32_t j = 0; j < kSize; ++j) {
        wanted += static_cast<double>(e(r, i)) * h(i, j) * static_cast<double>(e(r, j));
      }
    }
  }
  InputMoments moments(kSize);
  moments.Add(View(x), View(x), nullptr, nullptr);
  const FactoredMoments factored = Factored(std::move(moments), 0.5f, 0.3f);
  CHECK(factored.SquaredLength(e, nullptr) == doctest::Approx(wanted).epsilon(1e-4));
  CHECK(factored.SquaredLength(RowMatrix::Zero(3, kSize), nullptr) == 0);
}

TEST_CASE("a prior has the weight of so many inputs, and does not count as inputs") {
  const RowMatrix few = Inputs(5, 5), many = Inputs(500, 6);
  InputMoments moments(kSize), other(kSize), alone(kSize);
  moments.Add(View(few), View(few), nullptr, nullptr);
  other.Add(View(many), View(many), nullptr, nullptr);
  moments.AddPrior(other, 15);
  alone.AddPrior(other, 15);
  CHECK(moments.inputs() == 5);
  CHECK(alone.inputs() == 0);
  const Eigen::MatrixXd theirs = NaiveMoments(many), h = NaiveMoments(few) * 0.25 + theirs * 0.75;
  CheckAgainst(Factored(std::move(moments), 0.1f), h, 0.1 * h.diagonal().mean());
  CheckAgainst(Factored(std::move(alone), 0.1f), theirs, 0.1 * theirs.diagonal().mean());
}

TEST_CASE("an input of weight 3 counts as three") {
  const RowMatrix x = Inputs(40, 12);
  RowMatrix repeated(120 - 2 * 20, kSize);
  std::vector<float> weights(40);
  Eigen::Index row = 0;
  for (Eigen::Index i = 0; i < 40; ++i) {
    weights[static_cast<size_t>(i)] = i < 20 ? 0.5f : 1.5f;  // one and three, with a mean of 1
    for (int copy = 0; copy < (i < 20 ? 1 : 3); ++copy) repeated.row(row++) = x.row(i);
  }
  InputMoments moments(kSize);
  moments.Add(View(x), View(x), weights.data(), nullptr);
  CHECK(moments.inputs() == 40);
  const Eigen::MatrixXd h = NaiveMoments(repeated);
  CheckAgainst(Factored(std::move(moments), 0.05f), h, 0.05 * h.diagonal().mean());
}

TEST_CASE("corrected weights with the drifted inputs give nearly the outputs of the weights with the exact inputs") {
  // The reference solves the normal equations of |t x - w f|^2 in double.
  const RowMatrix x = Inputs(900, 13), w = Inputs(70, 14);  // more rows than one task handles
  const RowMatrix f = x + 0.1f * Inputs(900, 15) + 0.05f * x * Inputs(kSize, 16) / std::sqrt(1.0f * kSize);
  std::vector<float> weights(900);
  for (size_t i = 0; i < 900; ++i) weights[i] = i % 2 == 0 ? 0.25f : 1.75f;
  InputMoments moments(kSize);
  moments.Add(View(x), View(f), weights.data(), nullptr);
  const FactoredMoments factored = Factored(std::move(moments), 1e-6f);
  RowMatrix corrected = w;
  const double length = factored.Correct(0, &corrected, nullptr);
  // The same from the drift of outputs, in two parts.
  InputMoments outputs(w);
  outputs.Add(View(x), View(f), weights.data(), nullptr);
  const FactoredMoments of_outputs = Factored(std::move(outputs), 1e-6f);
  RowMatrix above = w.topRows(30), below = w.bottomRows(40), both(70, kSize);
  of_outputs.Correct(0, &above, nullptr);
  of_outputs.Correct(30, &below, nullptr);
  both << above, below;
  const Eigen::VectorXd scale = Eigen::Map<const Eigen::VectorXf>(weights.data(), 900).cast<double>();
  const Eigen::MatrixXd xd = x.cast<double>(), fd = f.cast<double>(), weighted = scale.asDiagonal() * xd;
  const Eigen::MatrixXd wanted =
      (xd.transpose() * weighted).ldlt().solve(weighted.transpose() * fd * w.cast<double>().transpose()).transpose();
  const double moved = (wanted - w.cast<double>()).norm();
  CHECK(moved > 0.01 * w.cast<double>().norm());
  CHECK((corrected.cast<double>() - wanted).norm() <= 0.01 * moved);
  CHECK((both.cast<double>() - wanted).norm() <= 0.01 * moved);
  // The value in the report.
  const RowMatrix added = corrected - w;
  CHECK(factored.Undamped(length, added) == doctest::Approx(factored.SquaredLength(added, nullptr)).epsilon(1e-3));
}

TEST_CASE("without any inputs, or with inputs of zero, all columns are equal") {
  InputMoments zeros(kSize);
  const RowMatrix nothing = RowMatrix::Zero(10, kSize);
  zeros.Add(View(nothing), View(nothing), nullptr, nullptr);
  const RowMatrix e = Inputs(2, 7);
  for (const FactoredMoments& f : {Factored(InputMoments(kSize), 0.03f), Factored(std::move(zeros), 0.03f)}) {
    CheckAgainst(f, Eigen::MatrixXd::Identity(kSize, kSize), 0);
    CHECK(f.SquaredLength(e, nullptr) <= 1e-4 * e.cast<double>().squaredNorm());
  }
}

TEST_CASE("inputs that are not finite are refused, and inputs of rank one still have a factor") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f}) {
    RowMatrix x = Inputs(20, 8);
    x(11, kSize - 1) = bad;
    InputMoments moments(kSize);
    moments.Add(View(x), View(x), nullptr, nullptr);
    FactoredMoments factored;
    CHECK(factored.Factor(std::move(moments), 0, 0.03f).text().find("not finite") != std::string::npos);
    if (std::isfinite(bad)) continue;
    const RowMatrix good = Inputs(20, 8);
    InputMoments drifting(kSize);
    drifting.Add(View(good), View(x), nullptr, nullptr);
    CHECK(factored.Factor(std::move(drifting), 0, 0.03f).text().find("not finite") != std::string::npos);
  }
  InputMoments same(kSize);
  const RowMatrix x = RowMatrix::Constant(1000, kSize, 100.0f);
  same.Add(View(x), View(x), nullptr, nullptr);
  // Almost no damping, so that float rounding leaves a negative pivot.
  const FactoredMoments factored = Factored(std::move(same), 1e-9f);
  for (uint32_t i = 0; i < kSize; ++i) CHECK(factored.L(i, i) > 0);
}

TEST_CASE("any number of threads gives the same bits") {
  posix::ThreadPool pool;
  REQUIRE(pool.Open(4).ok());
  const RowMatrix x = Inputs(600, 9), e = Inputs(40, 10);
  InputMoments one(kSize), four(kSize);
  one.Add(View(x), View(x), nullptr, nullptr);
  four.Add(View(x), View(x), nullptr, pool.executor());
  const FactoredMoments a = Factored(std::move(one), 0.03f), b = Factored(std::move(four), 0.03f);
  uint32_t different = 0;
  for (uint32_t i = 0; i < kSize; ++i) {
    for (uint32_t j = 0; j <= i; ++j) different += a.H(i, j) != b.H(i, j) || a.L(i, j) != b.L(i, j) ? 1 : 0;
  }
  CHECK(different == 0);
  CHECK(a.SquaredLength(e, nullptr) == b.SquaredLength(e, pool.executor()));
}

}  // namespace lfm2::test
