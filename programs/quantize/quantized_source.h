// A model source whose weights are rounded to other types on their way into the image.
#ifndef LFM2_PROGRAMS_QUANTIZE_QUANTIZED_SOURCE_H_
#define LFM2_PROGRAMS_QUANTIZE_QUANTIZED_SOURCE_H_

#include <utility>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/base/error.h"
#include "programs/pack/model_source.h"
#include "programs/quantize/recipe.h"
#include "programs/quantize/tensor_report.h"
#include "programs/quantize/weight_store.h"

namespace lfm2::tools {

// Reads values[rows, cols] of a matrix of a tensor, of expert `expert` if it is an expert tensor, from row `row` on.
// Refuses values that are not finite; the Error names the tensor.
Error FiniteValues(const Matrix& matrix, const TensorSpec& spec, uint32_t expert, uint32_t row, float* values);

// base, executor and store outlive this.
class QuantizedSource final : public ModelSource {
 public:
  // Every block is rounded independently.
  Error Open(const ModelSource& base, const Recipe& recipe, const Executor* executor);
  // From here on, tensors that the store holds are read from it. reports: the store's, of those tensors.
  void UseStore(const WeightStore* store, std::vector<TensorReport> reports) {
    store_ = store;
    reports_ = std::move(reports);
  }

  Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const override;
  Error ReadPlain(size_t tensor, float* values) const override { return base_->ReadPlain(tensor, values); }

  const ModelSource& base() const { return *base_; }
  bool IsQuantizedHere(size_t tensor) const { return tensors_[tensor].type != base_->tensors()[tensor].type; }
  // Reports of the tensors that ReadBlocks has rounded so far, and of the store's.
  const std::vector<TensorReport>& reports() const { return reports_; }

 private:
  const ModelSource* base_ = nullptr;
  const Executor* executor_ = nullptr;
  const WeightStore* store_ = nullptr;
  mutable std::vector<TensorReport> reports_;  // in the order of tensors()
  mutable std::vector<uint8_t> blocks_;        // of the base, of one read
  mutable std::vector<float> values_;          // of the same rows
  mutable std::vector<uint8_t> stored_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_QUANTIZED_SOURCE_H_
