// FolderSource: which tensors of the files hold each tensor of the model.
#include "programs/pack/folder_names.h"
#include "programs/pack/folder_source.h"

namespace lfm2::tools {

namespace {

bool ImageTypeOf(SafeType type, TensorType* out) {
  switch (type) {
    case SafeType::kF32: *out = TensorType::kF32; return true;
    case SafeType::kF16: *out = TensorType::kF16; return true;
    case SafeType::kBF16: *out = TensorType::kBF16; return true;
    case SafeType::kU32:
    case SafeType::kU8:
    case SafeType::kOther: break;
  }
  return false;
}

Error Misshapen(const std::string& name, const SafeTensor& t, const std::string& want) {
  return Error::Of("the tensor ", name, " has the shape ", ShapeText(t.shape), ", expected ", want);
}

}  // namespace

const SafeTensor* FolderSource::Find(const std::string& name) {
  const auto at = found_.find(name);
  if (at == found_.end()) return nullptr;
  used_.insert(name);
  return at->second.tensor;
}

Error FolderSource::MatchTensors() {
  for (uint32_t group = 0; group < TensorGroups(config_); ++group) {
    const TensorSpecs specs = TensorGroup(config_, group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const TensorSpec& spec = specs.spec[i];
      LFM2_RETURN_IF_FAILED(spec.layout == TensorLayout::kPlain ? MatchPlain(spec) : MatchMatrix(spec));
    }
  }
  for (const auto& [name, found] : found_) {
    const bool tied_copy = config_.tied_embedding && name == "lm_head.weight";
    if (used_.count(name) == 0 && !tied_copy) {
      return Error::Of("the tensor ", name, " has no place in a model of this architecture");
    }
  }
  return Error();
}

Error FolderSource::MatchPlain(const TensorSpec& spec) {
  tensors_.push_back({spec, TensorType::kF32});
  places_.emplace_back(1);
  if (spec.role == TensorRole::kExpertBias && !expert_bias_) return Error();  // zeros
  const std::string name = PlainName(spec);
  const SafeTensor* const t = Find(name);
  if (t == nullptr) return Error::Of("the tensor ", name, " is missing");
  TensorType type;
  if (!ImageTypeOf(t->type, &type)) {
    return Error::Of("the tensor ", name, " has the dtype ", t->type_name,
                     "; only F32, F16 and BF16 are supported for it");
  }
  const uint64_t rows = spec.rows, cols = spec.cols;
  // Convolutions store the taps of a channel together; the position of the axis of length 1 differs between publishers.
  const bool fits = spec.role == TensorRole::kConvKernel ? t->shape == std::vector<uint64_t>{cols, 1, rows} ||
                                                               t->shape == std::vector<uint64_t>{cols, rows, 1}
                                                         : t->shape == std::vector<uint64_t>{cols};
  if (!fits)
    return Misshapen(name, *t, spec.role == TensorRole::kConvKernel ? ShapeText({cols, 1, rows}) : ShapeText({cols}));
  places_.back()[0].weight = t;
  return Error();
}

// Fills the last of places_ from the tensor `weight`, which holds `matrices` matrices of `rows` rows each, beginning
// with the ones that the spec describes.
Error FolderSource::MatchPlace(const TensorSpec& spec, const std::string& base, const std::string& weight,
                               uint64_t matrices, uint64_t rows, TensorType* type) {
  FolderMatrix place;
  place.weight = Find(weight);
  const SafeTensor& w = *place.weight;
  const bool packed = w.type == SafeType::kU32;
  std::vector<uint64_t> shape = {rows, spec.cols};
  if (matrices > 1 || w.shape.size() == 3) shape.insert(shape.begin(), matrices);
  if (!packed) {
    if (!ImageTypeOf(w.type, type)) {
      return Error::Of("the tensor ", weight, " has the dtype ", w.type_name,
                       "; only F32, F16, BF16 and MLX's U32 are supported");
    }
    if (w.shape != shape) return Misshapen(weight, w, ShapeText(shape));
  } else {
    if (!quantization_.any())
      return Error::Of("the tensor ", weight, " is quantised, but config.json has no quantization");
    // The config has the names of tensors in the file.
    const std::string& in_file = found_.at(weight).name;
    const MlxType mlx = quantization_.Of(in_file.substr(0, in_file.size() - (weight.size() - base.size())));
    if (spec.cols % mlx.group != 0)
      return Error::Of("the tensor ", weight, " has rows of ", spec.cols, " values, which is not a multiple of ",
                       mlx.group);
    std::vector<uint64_t> packed_shape = shape, scales_shape = shape;
    packed_shape.back() = uint64_t{spec.cols} * mlx.bits / 32;
    scales_shape.back() = spec.cols / mlx.group;
    if (w.shape != packed_shape) return Misshapen(weight, w, ShapeText(packed_shape));
    place.scales = Find(base + ".scales");
    if (place.scales == nullptr) return Error::Of("the tensor ", base, ".scales is missing");
    if (mlx.has_biases()) place.biases = Find(base + ".biases");
    for (const SafeTensor* part : {place.scales, place.biases}) {
      const std::string name = base + (part == place.scales ? ".scales" : ".biases");
      if (part == nullptr) {
        if (!mlx.has_biases()) continue;
        return Error::Of("the tensor ", name, " is missing");
      }
      const bool fits = mlx.has_biases() ? part->type == SafeType::kBF16 || part->type == SafeType::kF16
                                         : part->type == SafeType::kU8;
      if (!fits) {
        return Error::Of("the tensor ", name, " has the dtype ", part->type_name, "; only ",
                         mlx.has_biases() ? "BF16 and F16 are" : "U8 is", " supported");
      }
      if (mlx.has_biases() && part->type != place.scales->type)
        return Error::Of("the tensor ", name, " has another dtype than the scales");
      if (part->shape != scales_shape) return Misshapen(name, *part, ShapeText(scales_shape));
    }
    place.packed = mlx.ImageType(place.scales->type == SafeType::kF16);
    // The choice of experts is discrete, so, as in MLX, routers get activations that are not rounded: their few weights
    // are stored as floats.
    *type = spec.role == TensorRole::kRouter ? TensorType::kF32 : place.packed;
  }
  places_.back().push_back(place);
  return Error();
}

Error FolderSource::MatchMatrix(const TensorSpec& spec) {
  places_.emplace_back();
  TensorType type = TensorType::kF32;
  const uint32_t experts = spec.layout == TensorLayout::kExpert ? config_.experts : 1;
  std::string first_choice;
  for (const MatrixName& name : MatrixNames(spec)) {
    if (first_choice.empty()) first_choice = name.Weight(0);
    if (found_.count(name.Weight(0)) == 0) continue;
    const uint64_t stacked_rows = uint64_t{spec.rows} * name.parts;
    for (uint32_t e = 0; e < (name.per_expert ? experts : 1); ++e) {
      const std::string weight = name.Weight(e);
      if (found_.count(weight) == 0) return Error::Of("the tensor ", weight, " is missing");
      TensorType own = TensorType::kF32;
      LFM2_RETURN_IF_FAILED(MatchPlace(spec, name.Base(e), weight, name.per_expert ? 1 : experts, stacked_rows, &own));
      if (e > 0 && own != type)
        return Error::Of("the tensor ", weight, " has another type than those of other experts");
      type = own;
    }
    std::vector<FolderMatrix>& places = places_.back();
    if (!name.per_expert) {
      places.resize(experts, places[0]);
      for (uint32_t e = 0; e < experts; ++e) places[e].first_row = e * stacked_rows + uint64_t{name.part} * spec.rows;
    }
    if (!TypeFits(spec, type)) {
      return Error::Of("the tensor ", name.Weight(0), " has rows of ", spec.cols,
                       " values, which its type cannot hold");
    }
    tensors_.push_back({spec, type});
    return Error();
  }
  return Error::Of("the tensor ", first_choice, " is missing");
}

}  // namespace lfm2::tools
