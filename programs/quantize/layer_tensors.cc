#include "programs/quantize/layer_tensors.h"

#include <algorithm>
#include <utility>

#include "programs/quantize/recipe.h"

namespace lfm2::tools {

Error LayerTensors::Load(uint32_t layer) {
  index_.clear();
  plain_.clear();
  exact_.clear();
  quantized_.clear();
  runner_.Clear();
  for (size_t i = 0; i < source_.tensors().size(); ++i) {
    const TensorSpec& spec = source_.tensors()[i].spec;
    if (BelongsToNoLayer(spec.role) || spec.layer != layer) continue;
    index_.push_back(i);
    if (spec.layout == TensorLayout::kPlain) {
      plain_.emplace_back(size_t{spec.rows} * spec.cols);
      LFM2_RETURN_IF_FAILED(source_.ReadPlain(i, plain_.back().data()));
      const uint8_t* const data = reinterpret_cast<const uint8_t*>(plain_.back().data());
      for (const Side side : kSides) runner_.Show(side, spec.role, {data, spec.rows, spec.cols, TensorType::kF32});
    } else if (spec.layout == TensorLayout::kMatrix) {
      LFM2_RETURN_IF_FAILED(LoadMatrix(i, 0));
    }
  }
  return Error();
}

Error LayerTensors::LoadExpert(uint32_t expert) {
  for (const TensorRole role : {TensorRole::kExpertGate, TensorRole::kExpertUp, TensorRole::kExpertDown}) {
    LFM2_RETURN_IF_FAILED(LoadMatrix(IndexOf(role), expert));
  }
  return Error();
}

Error LayerTensors::LoadMatrix(size_t tensor, uint32_t expert) {
  const TensorSpec& spec = source_.tensors()[tensor].spec;
  const TensorType type = source_.base().tensors()[tensor].type;
  HeldMatrix& held = exact_[spec.role];
  held.blocks.resize(static_cast<size_t>(MatrixBytes(type, spec.rows, spec.cols)));
  LFM2_RETURN_IF_FAILED(source_.base().ReadBlocks(tensor, expert, 0, spec.rows, held.blocks.data()));
  held.view = {held.blocks.data(), spec.rows, spec.cols, type};
  for (const Side side : kSides) runner_.Show(side, spec.role, held.view);
  return Error();
}

void LayerTensors::Replace(TensorRole role, std::vector<uint8_t> blocks) {
  const ImageTensor& t = tensor(role);
  HeldMatrix& held = quantized_[role];
  held.blocks = std::move(blocks);
  held.view = {held.blocks.data(), t.spec.rows, t.spec.cols, t.type};
  runner_.Show(Side::kQuantized, role, held.view);
}

size_t LayerTensors::IndexOf(TensorRole role) const {
  return *std::find_if(index_.begin(), index_.end(), [&](size_t i) { return source_.tensors()[i].spec.role == role; });
}

}  // namespace lfm2::tools
