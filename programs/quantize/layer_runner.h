// Runs one layer of a model on sequences of tokens, with the library's own layers and weights in memory.
#ifndef LFM2_PROGRAMS_QUANTIZE_LAYER_RUNNER_H_
#define LFM2_PROGRAMS_QUANTIZE_LAYER_RUNNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "lfm2/base/executor.h"
#include "lfm2/format/model_config.h"
#include "lfm2/format/tensor_list.h"
#include "lfm2/model/weights.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// Which of a layer's two norms.
enum class Input { kOperator, kFeedForward };
// Which weights: those of the model before it is quantised, or the ones quantised so far.
enum class Side : uint32_t { kExact, kQuantized };
inline constexpr Side kSides[] = {Side::kExact, Side::kQuantized};

class LayerRunner {
 public:
  LayerRunner();
  LayerRunner(const LayerRunner&) = delete;
  LayerRunner& operator=(const LayerRunner&) = delete;
  ~LayerRunner();

  // tokens: of the longest sequence. executor outlives this.
  Error Open(const ModelConfig& config, uint32_t tokens, const Executor* executor);
  // Bytes that Open allocates.
  static uint64_t MemoryBytes(const ModelConfig& config, uint32_t tokens);

  // Sets the tensors of the current layer by role. Each side starts with Clear, followed by a Show for each tensor; the
  // data outlive their use. An expert's matrices take the places of a dense feed forward's. The data of a plain tensor
  // are floats. Roles of the whole model, such as the embedding, are not supported.
  void Clear() {
    for (LayerWeights& weights : weights_) weights = LayerWeights();
  }
  void Show(Side side, TensorRole role, const Matrix& matrix);
  // Selects the side whose weights all following calls use.
  void Use(Side side) { side_ = side; }

  // These process one sequence x[tokens, hidden_size] from position 0 on; `layer` decides between attention and
  // convolution. The result, [tokens, cols], is valid until the next call: the normalised x; the input of the output
  // matrix of attention or convolution; silu(gate) * up.
  const float* Normed(Input input, const float* x, uint32_t tokens);
  const float* OperatorOut(uint32_t layer, const float* x, uint32_t tokens);
  // x += operator(x).
  void AddOperator(uint32_t layer, float* x, uint32_t tokens);
  const float* DenseActivation(const float* x, uint32_t tokens);
  // x += feed_forward(x), of a dense layer.
  void AddDense(float* x, uint32_t tokens);
  // chosen[tokens, experts_per_token] and the weights of the chosen experts, from normalised inputs.
  void Route(const float* normed, uint32_t tokens, uint16_t* chosen, float* shares);
  // normed[tokens, hidden_size] of tokens that are routed to one expert: its activation, and its output.
  const float* ExpertActivation(const float* normed, uint32_t tokens);
  const float* ExpertOut(const float* normed, uint32_t tokens);

 private:
  struct Machine;
  LayerWeights& weights() { return weights_[static_cast<uint32_t>(side_)]; }

  LayerWeights weights_[2];  // of each side
  Side side_ = Side::kQuantized;
  std::unique_ptr<Machine> machine_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_LAYER_RUNNER_H_
