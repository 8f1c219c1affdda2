// A model source whose weights are rounded to other types on their way into the image.
#ifndef LFM2_TOOLS_QUANTIZE_QUANTIZED_SOURCE_H_
#define LFM2_TOOLS_QUANTIZE_QUANTIZED_SOURCE_H_

#include <memory>
#include <vector>

#include "lfm2/base/executor.h"
#include "tools/common/error.h"
#include "tools/pack/model_source.h"
#include "tools/quantize/recipe.h"
#include "tools/quantize/tensor_report.h"
#include "tools/quantize/weight_store.h"

namespace lfm2::tools {

// The rows [row, row + rows) of a matrix as floats, values[rows, cols]. Refuses what is not finite.
Error ReadFloats(const ModelSource& source, size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, float* values);

// ggml's rows of a matrix to blocks of 16 rows. blocks: MatrixBytes(type, rows, cols).
void RepackRows(TensorType type, const uint8_t* ggml, uint32_t rows, uint32_t cols, uint8_t* blocks);

// base, executor and store outlive this.
class QuantizedSource final : public ModelSource {
 public:
  // store: what calibration has quantised; nullptr: every block is rounded by itself.
  Error Open(const ModelSource& base, const Recipe& recipe, const Executor* executor);
  void UseStore(const WeightStore* store) { store_ = store; }

  Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const override;
  Error ReadPlain(size_t tensor, float* values) const override { return base_->ReadPlain(tensor, values); }

  const ModelSource& base() const { return *base_; }
  bool IsQuantizedHere(size_t tensor) const { return tensors_[tensor].type != base_->tensors()[tensor].type; }
  // Of what ReadBlocks has rounded so far; of tensors from the store the store's.
  const std::vector<TensorReport>& reports() const { return reports_; }
  std::vector<TensorReport>* mutable_reports() { return &reports_; }

 private:
  const ModelSource* base_ = nullptr;
  const Executor* executor_ = nullptr;
  const WeightStore* store_ = nullptr;
  mutable std::vector<TensorReport> reports_;  // as tensors()
  mutable std::vector<float> values_;          // of one read
  mutable std::vector<uint8_t> ggml_;
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_QUANTIZE_QUANTIZED_SOURCE_H_
