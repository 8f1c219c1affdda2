// What a matrix is multiplied by: second moments of its inputs, and their triangular factor.
#ifndef LFM2_PROGRAMS_QUANTIZE_INPUT_MOMENTS_H_
#define LFM2_PROGRAMS_QUANTIZE_INPUT_MOMENTS_H_

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/base/error.h"

namespace lfm2::tools {

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// x[rows, cols] in memory of somebody else.
using RowsView = Eigen::Map<const RowMatrix>;

// Over inputs x[size] that quantised layers give: the sum of x x^T, in the part of a square below and on the diagonal,
// and of d x^T, the drift. d is f - x, f being what the layers before quantisation give in place of x; or w (f - x), w
// being the only matrix that meets these inputs: less memory where it has fewer rows than columns.
class InputMoments {
 public:
  explicit InputMoments(uint32_t size)
      : sum_(Eigen::MatrixXf::Zero(size, size)), drift_(Eigen::MatrixXf::Zero(size, size)) {}
  // w[rows, size] outlives every Add.
  explicit InputMoments(const RowMatrix& w)
      : only_(&w), sum_(Eigen::MatrixXf::Zero(w.cols(), w.cols())), drift_(Eigen::MatrixXf::Zero(w.rows(), w.cols())) {}

  uint32_t size() const { return static_cast<uint32_t>(sum_.rows()); }
  // That were added one by one: a prior's are not among them.
  uint64_t inputs() const { return inputs_; }
  // x[inputs, size] and exact[inputs, size]. weights[inputs]: what each counts, positive and with a mean of 1 over all
  // that are added; nullptr: 1. The same sums whatever the executor.
  void Add(const RowsView& x, const RowsView& exact, const float* weights, const Executor* executor);
  // Adds `weight` inputs that are distributed as those of `other`, which has some and no w, like these: where inputs
  // are few, those of their kind are better than none.
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
// L^T, and without any inputs H = I. Which inputs are large holds for any text, how they go together less so.
class FactoredMoments {
 public:
  // Takes the moments' memory. shrinkage: 0 to less than 1. damping is positive; where arithmetic finds no factor with
  // it, it becomes larger. The Error says that inputs were not finite; nothing else may be called then.
  Error Factor(InputMoments&& moments, float shrinkage, float damping);

  uint32_t size() const { return static_cast<uint32_t>(square_.rows()); }
  float H(uint32_t i, uint32_t j) const { return i == j ? diagonal_[i] : i < j ? square_(i, j) : square_(j, i); }
  // i >= j
  float L(uint32_t i, uint32_t j) const { return square_(i, j); }
  // Makes of w[rows, size], which are those from row `first` on of a matrix (of the moments' own, where they have one),
  // the weights whose products with x are nearest to those of w with f: w + w D H^-1, D being the mean of (f - x) x^T.
  // What is rounded from these makes up for some of what rounding the layers before has changed (GPTAQ, arXiv
  // 2504.02692). Returns the sum over rows c of what it adds of c H c^T = c (w D)^T.
  double Correct(uint32_t first, RowMatrix* w, const Executor* executor) const;
  // Gives D's memory back; Correct may not be called any more.
  void ReleaseDrift() { drift_.resize(0, 0); }
  // Sum over rows e of E[rows, size] of e M e^T.
  double SquaredLength(const RowMatrix& e, const Executor* executor) const;
  // The same where the sum of e H e^T is known.
  double Undamped(double squared_length, const RowMatrix& e) const;

 private:
  Eigen::MatrixXf square_;       // H above the diagonal, L below and on it
  Eigen::MatrixXf drift_;        // D, or w D
  bool has_weights_ = false;     // the latter
  std::vector<float> diagonal_;  // of H
  float shrinkage_ = 0;
  float added_ = 0;  // by damping, to each of the diagonal
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_INPUT_MOMENTS_H_
