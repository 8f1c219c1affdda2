// Loads the tensors of the current layer, from the source and quantised, and shows them to a LayerRunner.
#ifndef LFM2_PROGRAMS_QUANTIZE_LAYER_TENSORS_H_
#define LFM2_PROGRAMS_QUANTIZE_LAYER_TENSORS_H_

#include <cstdint>
#include <map>
#include <vector>

#include "programs/base/error.h"
#include "programs/quantize/layer_runner.h"
#include "programs/quantize/quantized_source.h"

namespace lfm2::tools {

// source and runner outlive this.
class LayerTensors {
 public:
  LayerTensors(const QuantizedSource& source, LayerRunner* runner) : source_(source), runner_(*runner) {}

  // Loads everything but the experts: both sides use the source's tensors.
  Error Load(uint32_t layer);
  // Loads the matrices of one of its experts, which replace those of the expert before.
  Error LoadExpert(uint32_t expert);
  // From here on Side::kQuantized uses these blocks.
  void Replace(TensorRole role, std::vector<uint8_t> blocks);

  // The layer's tensor of a role, from the source; the layer has one.
  size_t IndexOf(TensorRole role) const;
  const ImageTensor& tensor(TensorRole role) const { return source_.tensors()[IndexOf(role)]; }
  // A loaded matrix as it is in the source.
  const Matrix& exact(TensorRole role) const { return exact_.at(role).view; }

 private:
  struct HeldMatrix {
    std::vector<uint8_t> blocks;
    Matrix view;
  };
  Error LoadMatrix(size_t tensor, uint32_t expert);

  const QuantizedSource& source_;
  LayerRunner& runner_;
  std::vector<size_t> index_;  // in the source's tensors
  std::vector<std::vector<float>> plain_;
  std::map<TensorRole, HeldMatrix> exact_, quantized_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_LAYER_TENSORS_H_
