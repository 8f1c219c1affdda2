// MLX's quantised weights: which type a tensor has, and its rows as the blocks of an image.
#ifndef LFM2_PROGRAMS_PACK_MLX_TYPES_H_
#define LFM2_PROGRAMS_PACK_MLX_TYPES_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "lfm2/format/tensor_type.h"
#include "programs/base/error.h"

namespace lfm2::tools {

struct MlxType {
  enum class Mode : uint8_t { kAffine, kMxfp4, kMxfp8, kNvfp4 };
  Mode mode = Mode::kAffine;
  uint32_t bits = 4;
  uint32_t group = 32;  // columns that share a scale

  bool has_biases() const { return mode == Mode::kAffine; }
  // half: whether the scales are half-floats; otherwise they are bfloat16 numbers. The other modes have bytes.
  TensorType ImageType(bool half) const;
};

// "quantization" in config.json: one type for all, and others for some tensors.
class MlxQuantization {
 public:
  // A config without this key has no quantised tensors. Refuses types that an image does not have, by name.
  Error Read(const nlohmann::json& config);
  bool any() const { return any_; }
  // base: a tensor's name without ".weight".
  MlxType Of(const std::string& base) const;

 private:
  bool any_ = false;
  MlxType usual_;
  std::map<std::string, MlxType> special_;
};

// One row block of 1..16 source rows, which MLX stores one after another: packed integers, scales, and biases
// where the type has them. type: what ImageType says. Rows beyond `rows` become zeros. False for a number that is none:
// NaN among MXFP8's values, a negative or NaN among NVFP4's scales.
bool RepackMlxRowBlock(TensorType type, const uint8_t* weight, const uint8_t* scales, const uint8_t* biases,
                       uint32_t rows, uint32_t cols, uint8_t* blocks);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_MLX_TYPES_H_
