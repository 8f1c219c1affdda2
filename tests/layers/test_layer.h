// Memory for a layer outside a session.
#ifndef LFM2_TESTS_LAYERS_TEST_LAYER_H_
#define LFM2_TESTS_LAYERS_TEST_LAYER_H_

#include <vector>

#include "lfm2/base/arena.h"
#include "lfm2/format/model_config.h"
#include "lfm2/layers/workspace.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

// The workspace of a chunk, full of NaNs: whatever is read before it is written shows.
class LayerMemory {
 public:
  LayerMemory(const ModelConfig& config, uint32_t chunk) : memory_(Bytes(config, chunk)) {
    std::memset(memory_.data(), 0xff, memory_.size());
    Arena arena({memory_.data(), memory_.size()});
    workspace_.Carve(config, chunk, chunk, arena);
  }
  const Workspace& workspace() const { return workspace_; }

 private:
  static size_t Bytes(const ModelConfig& config, uint32_t chunk) {
    Arena counting = Arena::Counting();
    Workspace workspace;
    workspace.Carve(config, chunk, chunk, counting);
    return static_cast<size_t>(counting.used());
  }
  AlignedBuffer<std::byte> memory_;
  Workspace workspace_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_LAYERS_TEST_LAYER_H_
