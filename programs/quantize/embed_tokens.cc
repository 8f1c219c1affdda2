#include "programs/quantize/embed_tokens.h"

#include <algorithm>

#include "lfm2/kernels/dequantize.h"

namespace lfm2::tools {

Error EmbedTokens(const ModelSource& source, const std::vector<std::vector<int32_t>>& sequences, float* stream) {
  const TensorSpec& spec = source.tensors()[0].spec;
  const TensorType type = source.tensors()[0].type;
  constexpr uint32_t kWindow = 1024;
  std::vector<uint8_t> blocks;
  for (uint32_t row = 0; row < spec.rows; row += kWindow) {
    const uint32_t rows = std::min(kWindow, spec.rows - row);
    const auto in_window = [&](int32_t id) {
      return static_cast<uint32_t>(id) >= row && static_cast<uint32_t>(id) - row < rows;
    };
    const bool used = std::any_of(sequences.begin(), sequences.end(), [&](const std::vector<int32_t>& ids) {
      return std::any_of(ids.begin(), ids.end(), in_window);
    });
    if (!used) continue;
    blocks.resize(static_cast<size_t>(MatrixBytes(type, rows, spec.cols)));
    LFM2_RETURN_IF_FAILED(source.ReadBlocks(0, 0, row, rows, blocks.data()));
    const Matrix matrix{blocks.data(), rows, spec.cols, type};
    float* out = stream;
    for (const auto& ids : sequences) {
      for (const int32_t id : ids) {
        if (in_window(id)) DequantizeRow(matrix, static_cast<uint32_t>(id) - row, out);
        out += spec.cols;
      }
    }
  }
  return Error();
}

}  // namespace lfm2::tools
