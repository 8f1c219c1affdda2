#include "programs/quantize/quantized_source.h"

#include <cmath>
#include <string>

#include "lfm2/kernels/dequantize.h"
#include "programs/quantize/block_codec.h"

namespace lfm2::tools {

Error FiniteValues(const Matrix& matrix, const TensorSpec& spec, uint32_t expert, uint32_t row, float* values) {
  for (uint32_t i = 0; i < matrix.rows; ++i) {
    float* const out = values + size_t{i} * matrix.cols;
    DequantizeRow(matrix, i, out);
    for (uint32_t c = 0; c < matrix.cols; ++c) {
      if (std::isfinite(out[c])) continue;
      const std::string of = spec.layout == TensorLayout::kExpert ? " of expert " + std::to_string(expert) : "";
      return Error::Of("the tensor ", TensorName(spec), of, " has a weight that is not a finite number, in row ",
                       row + i, ", column ", c);
    }
  }
  return Error();
}

Error QuantizedSource::Open(const ModelSource& base, const Recipe& recipe, const Executor* executor) {
  base_ = &base;
  executor_ = executor;
  config_ = base.config();
  name_ = base.name();
  description_ = base.description();
  vocab_ = base.vocab();
  sampling_ = base.sampling();
  notes_ = base.notes();
  files_ = base.files();
  bytes_ = base.bytes();
  LFM2_RETURN_IF_FAILED(recipe.Apply(base, &tensors_));
  reports_.resize(tensors_.size());
  return Error();
}

Error QuantizedSource::ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const {
  if (!IsQuantizedHere(tensor)) return base_->ReadBlocks(tensor, expert, row, rows, blocks);
  if (store_ != nullptr && store_->Holds(tensor)) return store_->Read(tensor, expert, row, rows, blocks);
  const ImageTensor& t = tensors_[tensor];
  const BlockCodec codec(t.type);
  const uint32_t cols = t.spec.cols;
  const size_t row_bytes = RowBytes(codec, cols);
  values_.resize(size_t{rows} * cols);
  stored_.resize(rows * row_bytes);
  const TensorType type = base_->tensors()[tensor].type;
  blocks_.resize(static_cast<size_t>(MatrixBytes(type, rows, cols)));
  LFM2_RETURN_IF_FAILED(base_->ReadBlocks(tensor, expert, row, rows, blocks_.data()));
  LFM2_RETURN_IF_FAILED(FiniteValues({blocks_.data(), rows, cols, type}, t.spec, expert, row, values_.data()));
  const std::vector<float> importance(cols, 1.0f);
  std::vector<double> errors(rows), powers(rows);
  ParallelFor(executor_, rows, [&](uint32_t i) {
    const float* const x = values_.data() + size_t{i} * cols;
    QuantizeRow(codec, x, importance.data(), cols, stored_.data() + i * row_bytes, nullptr, &errors[i]);
    for (uint32_t c = 0; c < cols; ++c) powers[i] += static_cast<double>(x[c]) * static_cast<double>(x[c]);
  });
  for (uint32_t i = 0; i < rows; ++i) {
    reports_[tensor].weight_error += errors[i];
    reports_[tensor].weight_power += powers[i];
  }
  BlocksOfRows(codec, stored_.data(), rows, cols, blocks);
  return Error();
}

}  // namespace lfm2::tools
