// One layer of a model at work on sequences of tokens, with weights in memory: the library's own layers, one at a time.
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
// Whose weights: the model's before it is quantised, or what has been made of them so far.
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
  // What Open allocates.
  static uint64_t MemoryBytes(const ModelConfig& config, uint32_t tokens);

  // The tensors of the layer that is at work, each where its role has its place: Show one after the other on each side,
  // which outlive their use, begun by Clear. An expert's matrices stand as those of a dense feed forward. A plain
  // tensor's data are floats. The model's own roles, such as the embedding, have no place here.
  void Clear() {
    for (LayerWeights& weights : weights_) weights = LayerWeights();
  }
  void Show(Side side, TensorRole role, const Matrix& matrix);
  // The side whose weights all calls from here on compute with.
  void Use(Side side) { side_ = side; }

  // These take one sequence x[tokens, hidden_size] from position 0 on; attention or convolution is what `layer` has.
  // What they return, [tokens, cols], is valid until the next call: the normalised x; what attention or convolution
  // hands to its output matrix; silu(gate) * up.
  const float* Normed(Input input, const float* x, uint32_t tokens);
  const float* OperatorOut(uint32_t layer, const float* x, uint32_t tokens);
  // x += operator(x).
  void AddOperator(uint32_t layer, float* x, uint32_t tokens);
  const float* DenseActivation(const float* x, uint32_t tokens);
  // x += feed_forward(x), of a dense layer.
  void AddDense(float* x, uint32_t tokens);
  // chosen[tokens, experts_per_token] and their shares of the token, from normalised inputs.
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
