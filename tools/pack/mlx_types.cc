#include "tools/pack/mlx_types.h"

#include <cstring>

#include "tools/common/strict_json.h"
#include "tools/pack/interleave.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::json;

constexpr MlxType kAffine[] = {
    {TensorType::kA4G32, 4, 32}, {TensorType::kA4G64, 4, 64}, {TensorType::kA6G32, 6, 32},
    {TensorType::kA6G64, 6, 64}, {TensorType::kA8G32, 8, 32}, {TensorType::kA8G64, 8, 64},
};

// what: whose type this is, for messages.
Error ReadType(const Json& json, const std::string& what, MlxType* type) {
  JsonMembers members(json);
  uint32_t bits = 0, group = 0;
  std::string mode = "affine";
  members.U32("bits", &bits);
  members.U32("group_size", &group);
  members.OptionalText("mode", &mode);
  if (!members.error().ok()) return Error::Of("the quantization of ", what, ": ", members.error().text());
  if (mode == "mxfp4" && bits == 4 && group == 32) {
    *type = {TensorType::kMxfp4, 4, 32};
    return Error();
  }
  for (const MlxType& known : kAffine) {
    if (mode == "affine" && known.bits == bits && known.group == group) {
      *type = known;
      return Error();
    }
  }
  return Error::Of("the quantization of ", what, " is ", mode, ", ", bits, " bits in groups of ", group,
                   "; supported are affine with 4, 6 and 8 bits in groups of 32 and 64, and mxfp4");
}

// Integers of one group of 32 columns; four and eight bits lie as they are, six as a stream from the lowest bit on.
GroupIntegers Unpack(const uint8_t* packed, uint32_t bits) {
  GroupIntegers out;
  for (uint32_t c = 0; c < kGroupColumns; ++c) {
    const uint32_t bit = c * bits, byte = bit / 8;
    uint32_t word = packed[byte];
    if (bit % 8 + bits > 8) word |= uint32_t{packed[byte + 1]} << 8;
    out.column[c] = static_cast<uint8_t>(word >> bit % 8 & ((1u << bits) - 1));
  }
  return out;
}

// Scales and biases are the last two arrays of a block.
template <class Block, Integers kind, uint32_t groups>
void RepackAffine(const uint8_t* weight, const uint8_t* scales, const uint8_t* biases, uint32_t bits, uint32_t rows,
                  uint32_t cols, uint8_t* blocks) {
  const uint32_t count = cols / (kGroupColumns * groups);
  for (uint32_t b = 0; b < count; ++b) {
    Block* const block = reinterpret_cast<Block*>(blocks) + b;
    for (uint32_t row = 0; row < rows; ++row) {
      const size_t at = size_t{row} * count + b;
      std::memcpy(&block->scale[row], scales + at * 2, 2);
      std::memcpy(&block->bias[row], biases + at * 2, 2);
      for (uint32_t g = 0; g < groups; ++g) {
        GroupIntegers v = Unpack(weight + (at * groups + g) * (kGroupColumns * bits / 8), bits);
        if constexpr (kind == Integers::kBytes) {
          for (uint8_t& value : v.column) value ^= 0x80u;  // stored less 128
        }
        PutIntegers<kind>(v, row, reinterpret_cast<uint8_t*>(&block->groups[g]));
      }
    }
  }
}

void RepackMxfp4(const uint8_t* weight, const uint8_t* scales, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  const uint32_t count = cols / kGroupColumns;
  for (uint32_t b = 0; b < count; ++b) {
    BlockMxfp4* const block = reinterpret_cast<BlockMxfp4*>(blocks) + b;
    for (uint32_t row = 0; row < rows; ++row) {
      const size_t at = size_t{row} * count + b;
      block->exponent[row] = scales[at];
      PutIntegers<Integers::kMxfp4>(Unpack(weight + at * 16, 4), row, block->nibbles);
    }
  }
}

}  // namespace

Error MlxQuantization::Read(const Json& config) {
  JsonMembers members(config);
  const Json* const json = members.Find(members.Has("quantization") ? "quantization" : "quantization_config");
  if (json == nullptr) return Error();
  if (!json->is_object()) return Error::Of("the key quantization is ", Shown(*json), ", no object");
  LFM2_RETURN_IF_FAILED(ReadType(*json, "the model", &usual_));
  any_ = true;
  for (const auto& [name, own] : json->items()) {
    if (own.is_object()) LFM2_RETURN_IF_FAILED(ReadType(own, name, &special_[name]));
  }
  return Error();
}

MlxType MlxQuantization::Of(const std::string& base) const {
  const auto found = special_.find(base);
  return found == special_.end() ? usual_ : found->second;
}

void RepackMlxRowBlock(const MlxType& type, const uint8_t* weight, const uint8_t* scales, const uint8_t* biases,
                       uint32_t rows, uint32_t cols, uint8_t* blocks) {
  std::memset(blocks, 0, static_cast<size_t>(MatrixBytes(type.type, kBlockRows, cols)));
  switch (type.type) {
#define LFM2_AFFINE(name, kind, groups) \
  case TensorType::k##name:             \
    return RepackAffine<Block##name, kind, groups>(weight, scales, biases, type.bits, rows, cols, blocks);
    LFM2_AFFINE(A4G32, Integers::kNibbles, 1)
    LFM2_AFFINE(A4G64, Integers::kNibbles, 2)
    LFM2_AFFINE(A6G32, Integers::kSix, 1)
    LFM2_AFFINE(A6G64, Integers::kSix, 2)
    LFM2_AFFINE(A8G32, Integers::kBytes, 1)
    LFM2_AFFINE(A8G64, Integers::kBytes, 2)
#undef LFM2_AFFINE
    case TensorType::kMxfp4: return RepackMxfp4(weight, scales, rows, cols, blocks);
    default: return;  // Read gives out no other
  }
}

}  // namespace lfm2::tools
