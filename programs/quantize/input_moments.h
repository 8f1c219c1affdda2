// Second moments of a matrix's inputs, and their triangular factor.
#ifndef LFM2_PROGRAMS_QUANTIZE_INPUT_MOMENTS_H_
#define LFM2_PROGRAMS_QUANTIZE_INPUT_MOMENTS_H_

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/base/error.h"

namespace lfm2::tools {

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// A view of x[rows, cols] in memory of the caller.
using RowsView = Eigen::Map<const RowMatrix>;

// Accumulates, over inputs x[size] that the quantised layers give, the sum of x x^T, in the lower triangle of a square
// matrix, and the sum of d x^T, the drift. d is f - x, f being the input that the unquantised layers give in place of
// x; or, if w is the only matrix with these inputs, w (f - x), which takes less memory if w has fewer rows than
// columns.
class InputMoments {
 public:
  explicit InputMoments(uint32_t size)
      : sum_(Eigen::MatrixXf::Zero(size, size)), drift_(Eigen::MatrixXf::Zero(size, size)) {}
  // w[rows, size] outlives every Add.
  explicit InputMoments(const RowMatrix& w)
      : only_(&w), sum_(Eigen::MatrixXf::Zero(w.cols(), w.cols())), drift_(Eigen::MatrixXf::Zero(w.rows(), w.cols())) {}

  uint32_t size() const { return static_cast<uint32_t>(sum_.rows()); }
  // Inputs that were added individually, without those of a prior.
  uint64_t inputs() const { return inputs_; }
  // x[inputs, size] and exact[inputs, size]. weights[inputs]: the weight of each input, positive and with a mean of 1
  // over all that are added; nullptr: 1. The sums do not depend on the executor.
  void Add(const RowsView& x, const RowsView& exact, const float* weights, const Executor* executor);
  // Adds the moments of `other`, which has inputs and no w, with the weight of `weight` inputs: a prior for experts
  // that see few inputs.
  void AddPrior(const InputMoments& other, float weight);

 private:
  friend class FactoredMoments;
  const RowMatrix* only_ = nullptr;
  Eigen::MatrixXf sum_;
  Eigen::MatrixXf drift_;
  double weight_ = 0;
  uint64_t inputs_ = 0;
};

// With M = mean of x x^T: H = (1 - shrinkage) * M + shrinkage * diagonal of M + damping * mean diagonal of M * I = L
// L^T; H = I without any inputs. The diagonal generalises to other texts, the correlations less so.
class FactoredMoments {
 public:
  // Takes over the memory of the moments. shrinkage: 0 to less than 1. damping is positive and is raised if the
  // factorisation fails with it. The Error says that inputs were not finite; no other function may be called then.
  Error Factor(InputMoments&& moments, float shrinkage, float damping);

  uint32_t size() const { return static_cast<uint32_t>(square_.rows()); }
  float H(uint32_t i, uint32_t j) const { return i == j ? diagonal_[i] : i < j ? square_(i, j) : square_(j, i); }
  // i >= j
  float L(uint32_t i, uint32_t j) const { return square_(i, j); }
  // Replaces w[rows, size], the rows from `first` on of a matrix (of the moments' own matrix, if they have one), by the
  // weights whose products with x are nearest to the products of w with f: w + w D H^-1, D being the mean of (f - x)
  // x^T. Rounding these compensates for part of the errors of the layers before (GPTAQ, arXiv 2504.02692). Returns the
  // sum of c H c^T = c (w D)^T over the rows c of the correction.
  double Correct(uint32_t first, RowMatrix* w, const Executor* executor) const;
  // Frees the memory of D; Correct must not be called any more.
  void ReleaseDrift() { drift_.resize(0, 0); }
  // Sum of e M e^T over the rows e of E[rows, size].
  double SquaredLength(const RowMatrix& e, const Executor* executor) const;
  // The same if the sum of e H e^T is already known.
  double Undamped(double squared_length, const RowMatrix& e) const;

 private:
  Eigen::MatrixXf square_;       // H above the diagonal, L below and on it
  Eigen::MatrixXf drift_;        // D, or w D
  bool has_weights_ = false;     // whether drift_ is w D
  std::vector<float> diagonal_;  // of H
  float shrinkage_ = 0;
  float added_ = 0;  // by damping, to each element of the diagonal
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_INPUT_MOMENTS_H_
