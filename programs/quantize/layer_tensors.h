// The tensors of the layer that is at work, as the source has them and as they are quantised, shown to a LayerRunner.
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

  // What the layer has but its experts: both sides have it as the source does.
  Error Load(uint32_t layer);
  // The matrices of one of its experts, in place of the last one's.
  Error LoadExpert(uint32_t expert);
  // From here on Side::kQuantized computes with these blocks.
  void Replace(TensorRole role, std::vector<uint8_t> blocks);

  // The layer's tensor of a role, among the source's; the layer has it.
  size_t IndexOf(TensorRole role) const;
  const ImageTensor& tensor(TensorRole role) const { return source_.tensors()[IndexOf(role)]; }
  // As the source has it; of a matrix that is loaded.
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
