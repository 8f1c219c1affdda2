#include "programs/quantize/input_moments.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kPanel = 64;
// Below this, squares of single values underflow.
constexpr float kLeastMean = 1e-30f;
// 0.03 of the mean, tenfold each time: with the last, H is almost diagonal.
constexpr uint32_t kAttempts = 6;

}  // namespace

void InputMoments::Add(const RowsView& x, const RowsView& exact, const float* weights, const Executor* executor) {
  const uint32_t n = size();
  RowMatrix scaled;
  if (weights != nullptr) scaled = Eigen::Map<const Eigen::VectorXf>(weights, x.rows()).asDiagonal() * x;
  const RowsView weighted(weights != nullptr ? scaled.data() : x.data(), x.rows(), n);
  const Eigen::Index drifts = drift_.rows();
  RowMatrix drift = exact - x;
  if (only_ != nullptr) {
    RowMatrix of_outputs(x.rows(), drifts);
    ParallelFor(executor, DivideUp(static_cast<uint32_t>(drifts), kPanel), [&](uint32_t i) {
      const Eigen::Index first = i * kPanel, width = std::min<Eigen::Index>(kPanel, drifts - first);
      of_outputs.middleCols(first, width).noalias() = drift * only_->middleRows(first, width).transpose();
    });
    drift.swap(of_outputs);
  }
  ParallelFor(executor, DivideUp(n, kPanel), [&](uint32_t i) {
    const Eigen::Index first = i * kPanel, width = std::min(kPanel, n - i * kPanel), height = n - first;
    sum_.block(first, first, height, width).noalias() +=
        x.middleCols(first, height).transpose() * weighted.middleCols(first, width);
    drift_.middleCols(first, width).noalias() += drift.transpose() * weighted.middleCols(first, width);
  });
  inputs_ += static_cast<uint64_t>(x.rows());
  weight_ += static_cast<double>(x.rows());
}

void InputMoments::AddPrior(const InputMoments& other, float weight) {
  const float share = weight / static_cast<float>(other.weight_);
  sum_ += other.sum_ * share;
  drift_ += other.drift_ * share;
  weight_ += static_cast<double>(weight);
}

Error FactoredMoments::Factor(InputMoments&& moments, float shrinkage, float damping) {
  square_ = std::move(moments.sum_);
  drift_ = std::move(moments.drift_);
  has_weights_ = moments.only_ != nullptr;
  const uint32_t n = size();
  if (moments.weight_ > 0) {
    square_ /= static_cast<float>(moments.weight_);
    drift_ /= static_cast<float>(moments.weight_);
  }
  const float mean = square_.diagonal().mean();
  // |H_ij| is at most the larger of H_ii and H_jj.
  if (!std::isfinite(mean) || !drift_.allFinite()) return Error::Of("are not finite, or too large for floats");
  const Eigen::VectorXf diagonal = square_.diagonal();
  shrinkage_ = shrinkage;
  square_ *= 1 - shrinkage;
  for (uint32_t j = 1; j < n; ++j) {
    for (uint32_t i = 0; i < j; ++i) square_(i, j) = square_(j, i);
  }
  // Almost zero inputs do not influence the result: any positive number works.
  added_ = mean > kLeastMean ? mean * damping : 1.0f;
  diagonal_.resize(n);
  for (uint32_t attempt = 0; attempt < kAttempts; ++attempt, added_ *= 10) {
    for (uint32_t i = 0; i < n; ++i) square_(i, i) = diagonal_[i] = diagonal[i] + added_;
    if (Eigen::LLT<Eigen::Ref<Eigen::MatrixXf>, Eigen::Lower>(square_).info() == Eigen::Success) return Error();
    for (uint32_t j = 0; j < n; ++j) {
      for (uint32_t i = j + 1; i < n; ++i) square_(i, j) = square_(j, i);
    }
  }
  return Error::Of("are too far apart for floats");
}

double FactoredMoments::Correct(uint32_t first, RowMatrix* w, const Executor* executor) const {
  const uint32_t rows = static_cast<uint32_t>(w->rows());
  std::vector<double> sums(DivideUp(rows, kPanel));
  ParallelFor(executor, DivideUp(rows, kPanel), [&](uint32_t i) {
    const Eigen::Index from = i * kPanel, height = std::min(kPanel, rows - i * kPanel);
    Eigen::MatrixXf moved;
    if (has_weights_) {
      moved = drift_.middleRows(first + from, height).transpose();
    } else {
      moved = drift_.transpose() * w->middleRows(from, height).transpose();
    }
    const Eigen::MatrixXf wanted = moved;
    square_.triangularView<Eigen::Lower>().solveInPlace(moved);
    square_.transpose().triangularView<Eigen::Upper>().solveInPlace(moved);
    w->middleRows(from, height) += moved.transpose();
    sums[i] = moved.cast<double>().cwiseProduct(wanted.cast<double>()).sum();
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

double FactoredMoments::SquaredLength(const RowMatrix& e, const Executor* executor) const {
  const uint32_t n = size();
  std::vector<double> sums(DivideUp(n, kPanel));
  ParallelFor(executor, DivideUp(n, kPanel), [&](uint32_t i) {
    const Eigen::Index first = i * kPanel, width = std::min(kPanel, n - i * kPanel), height = n - first;
    Eigen::MatrixXf panel = square_.block(first, first, height, width);
    panel.topRows(width).triangularView<Eigen::StrictlyUpper>().setZero();
    const RowMatrix product = e.middleCols(first, height) * panel;
    sums[i] = product.cast<double>().squaredNorm();
  });
  return Undamped(std::accumulate(sums.begin(), sums.end(), 0.0), e);
}

// Removes what was added to the diagonal: the damping, and the effect of the shrinkage.
double FactoredMoments::Undamped(double squared_length, const RowMatrix& e) const {
  const double shrinkage = static_cast<double>(shrinkage_), added = static_cast<double>(added_);
  // Row by row, as e is stored.
  Eigen::RowVectorXd squares = Eigen::RowVectorXd::Zero(e.cols());
  for (Eigen::Index row = 0; row < e.rows(); ++row) squares += e.row(row).cast<double>().cwiseAbs2();
  for (uint32_t i = 0; i < size(); ++i) {
    const double own = static_cast<double>(diagonal_[i]) - added;
    squared_length -= (added + shrinkage * own) * squares[i];
  }
  return std::max(squared_length / (1 - shrinkage), 0.0);
}

}  // namespace lfm2::tools
