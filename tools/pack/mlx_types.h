// MLX's quantised weights: which type a tensor has, and its rows as the blocks of an image.
#ifndef LFM2_TOOLS_PACK_MLX_TYPES_H_
#define LFM2_TOOLS_PACK_MLX_TYPES_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "lfm2/format/tensor_type.h"
#include "tools/common/error.h"

namespace lfm2::tools {

struct MlxType {
  TensorType type = TensorType::kA4G32;
  uint32_t bits = 4;
  uint32_t group = 32;  // columns that share a scale

  bool has_biases() const { return type != TensorType::kMxfp4; }
};

// "quantization" in config.json: one type for all, and others for some tensors.
class MlxQuantization {
 public:
  // A config without it has no quantised tensors. Refuses types that an image does not have, by name.
  Error Read(const nlohmann::json& config);
  bool any() const { return any_; }
  // base: a tensor's name without ".weight".
  MlxType Of(const std::string& base) const;

 private:
  bool any_ = false;
  MlxType usual_;
  std::map<std::string, MlxType> special_;
};

// One row block of 1..16 source rows, as MLX stores them one behind the other: packed integers, scales, and biases
// unless the type is MXFP4. Rows beyond `rows` become zeros.
void RepackMlxRowBlock(const MlxType& type, const uint8_t* weight, const uint8_t* scales, const uint8_t* biases,
                       uint32_t rows, uint32_t cols, uint8_t* blocks);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_PACK_MLX_TYPES_H_
