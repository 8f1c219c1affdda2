// Memory, weights and kernels for a layer outside a session.
#ifndef LFM2_TESTS_LAYERS_TEST_LAYER_H_
#define LFM2_TESTS_LAYERS_TEST_LAYER_H_

#include <doctest/doctest.h>

#include <vector>

#include "lfm2.h"
#include "lfm2/layers/workspace.h"
#include "lfm2/model/weights.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

// The workspace of a chunk, full of NaNs, so that reads before the first write have an effect.
class LayerMemory {
 public:
  // context_length: as long as the chunk if that is longer.
  LayerMemory(const ModelConfig& config, uint32_t chunk, uint32_t context_length = 0)
      : memory_(Bytes(config, chunk, Max(chunk, context_length))) {
    std::memset(memory_.data(), 0xff, memory_.size());
    Arena arena({memory_.data(), memory_.size()});
    workspace_.Carve(config, chunk, Max(chunk, context_length), arena);
  }
  const Workspace& workspace() const { return workspace_; }

 private:
  static size_t Bytes(const ModelConfig& config, uint32_t chunk, uint32_t context_length) {
    Arena counting = Arena::Counting();
    Workspace workspace;
    workspace.Carve(config, chunk, context_length, counting);
    return static_cast<size_t>(counting.used());
  }
  AlignedBuffer<std::byte> memory_;
  Workspace workspace_;
};

struct BoundWeights {
  explicit BoundWeights(const Image& image) : layers(image.config().layers) {
    weights.layers = layers.data();
    weights.Bind(image);
  }
  std::vector<LayerWeights> layers;
  Weights weights;
};

inline const KernelTable& Simd() {
  const KernelTable* kernels = nullptr;
  REQUIRE(ChooseKernels(CpuTarget::kAutomatic, &kernels).ok());
  return *kernels;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_LAYERS_TEST_LAYER_H_
