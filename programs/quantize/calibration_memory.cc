#include "programs/quantize/calibration_memory.h"

#include <algorithm>
#include <vector>

#include "programs/quantize/calibrator.h"
#include "programs/quantize/layer_runner.h"

namespace lfm2::tools {

namespace {

// Whether other matrices of a layer have the same inputs.
bool Shares(TensorRole role) {
  return role != TensorRole::kAttnOut && role != TensorRole::kConvIn && role != TensorRole::kConvOut &&
         role != TensorRole::kFfnDown && role != TensorRole::kExpertDown;
}

}  // namespace

uint64_t CalibrationBytes(const QuantizedSource& source, uint64_t tokens, uint32_t sequence) {
  const ModelConfig& config = source.config();
  const std::vector<bool> held = HeldTensors(source);
  const uint64_t hidden = config.hidden_size;
  std::vector<uint64_t> loaded(config.layers), work(config.layers);  // bytes of each layer; of its largest matrix
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const ImageTensor& t = source.tensors()[i];
    const uint64_t cols = t.spec.cols, weights = uint64_t{t.spec.rows} * cols;
    if (BelongsToNoLayer(t.spec.role) || t.spec.layout == TensorLayout::kPlain) continue;
    loaded[t.spec.layer] += MatrixBytes(source.base().tensors()[i].type, t.spec.rows, t.spec.cols);
    if (!held[i]) continue;
    loaded[t.spec.layer] += MatrixBytes(t.type, t.spec.rows, t.spec.cols);
    // In addition to the square of the moments. While inputs are added: the drift, the weights if the drift is of
    // outputs, and a copy of a sequence's inputs. While the matrix is rounded: its values, integers, steps and stored
    // blocks, and the drift if it is needed for another matrix.
    const bool shares = Shares(t.spec.role);
    const uint64_t drift = 4 * cols * (shares ? cols : std::min<uint64_t>(cols, t.spec.rows));
    const uint64_t copies = t.spec.layout == TensorLayout::kExpert ? 3 : 2;
    const uint64_t adding = drift + 4 * weights + 4 * copies * sequence * cols;
    const uint64_t rounding = 9 * weights + (shares ? drift : 0);
    work[t.spec.layer] = std::max(work[t.spec.layer], 4 * cols * cols + std::max(adding, rounding));
  }
  uint64_t most = 0;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    uint64_t bytes = loaded[layer] + work[layer];
    // The inputs and routes of both sides, a piece of them, and the moments of all experts.
    if (config.is_moe_layer(layer)) {
      bytes += tokens * (8 * hidden + 12 * config.experts_per_token) + 4 * hidden * sequence + 8 * hidden * hidden;
    }
    most = std::max(most, bytes);
  }
  most += 8 * tokens * hidden + LayerRunner::MemoryBytes(config, sequence);
  // Panels of matrices, memory that the allocator has not returned to the system, and the program itself.
  return most + most / 10 + (uint64_t{16} << 20);
}

}  // namespace lfm2::tools
