#include "tools/quantize/input_moments.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kPanel = 64;

}  // namespace

void InputMoments::Add(const RowsView& x, const Executor* executor) {
  const uint32_t n = size();
  ParallelFor(executor, DivideUp(n, kPanel), [&](uint32_t i) {
    const Eigen::Index first = i * kPanel, width = std::min(kPanel, n - i * kPanel), height = n - first;
    sum_.block(first, first, height, width).noalias() +=
        x.middleCols(first, height).transpose() * x.middleCols(first, width);
  });
  inputs_ += static_cast<uint64_t>(x.rows());
  weight_ += static_cast<double>(x.rows());
}

void InputMoments::AddPrior(const InputMoments& other, float weight) {
  sum_ += other.sum_ * (weight / static_cast<float>(other.weight_));
  weight_ += static_cast<double>(weight);
}

std::vector<float> InputMoments::Importance() const {
  std::vector<float> out(size(), 1.0f);
  if (!(weight_ > 0)) return out;
  for (uint32_t i = 0; i < size(); ++i) out[i] = sum_(i, i) / static_cast<float>(weight_);
  return out;
}

FactoredMoments::FactoredMoments(InputMoments&& moments, float damping) : square_(std::move(moments.sum_)) {
  if (moments.weight_ > 0) square_ /= static_cast<float>(moments.weight_);
  const float mean = square_.diagonal().mean();
  // Inputs that are all zero have no say; any positive number serves.
  added_ = mean > 0 ? mean * damping : 1.0f;
  square_.diagonal().array() += added_;
  square_.triangularView<Eigen::StrictlyUpper>() = square_.transpose();
  diagonal_.assign(square_.diagonal().begin(), square_.diagonal().end());
  Eigen::LLT<Eigen::Ref<Eigen::MatrixXf>, Eigen::Lower> factor(square_);
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
  double sum = 0;
  for (const double s : sums) sum += s;
  return std::max(sum - static_cast<double>(added_) * e.cast<double>().squaredNorm(), 0.0);
}

}  // namespace lfm2::tools
