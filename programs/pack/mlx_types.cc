#include "programs/pack/mlx_types.h"

#include <cstring>

#include "programs/files/strict_json.h"
#include "programs/pack/interleave.h"

namespace lfm2::tools {

namespace {

// Properties of a mode other than affine, whose bits and groups vary.
struct KnownMode {
  const char* name;
  MlxType type;
};
constexpr KnownMode kModes[] = {{"mxfp4", {MlxType::Mode::kMxfp4, 4, 32}},
                                {"mxfp8", {MlxType::Mode::kMxfp8, 8, 32}},
                                {"nvfp4", {MlxType::Mode::kNvfp4, 4, 16}}};

bool IsAffineOfImages(uint32_t bits, uint32_t group) {
  return bits >= 2 && bits <= 8 && bits != 7 && (group == 32 || group == 64 || group == 128);
}

// what: whose type this is, for messages.
Error ReadType(const nlohmann::json& json, const std::string& what, MlxType* type) {
  JsonMembers members(json);
  uint32_t bits = 0, group = 0;
  std::string mode = "affine";
  members.U32("bits", &bits);
  members.U32("group_size", &group);
  members.OptionalText("mode", &mode);
  if (!members.error().ok()) return Error::Of("the quantization of ", what, ": ", members.error().text());
  for (const KnownMode& known : kModes) {
    if (mode != known.name || bits != known.type.bits || group != known.type.group) continue;
    *type = known.type;
    return Error();
  }
  if (mode == "affine" && IsAffineOfImages(bits, group)) {
    *type = {MlxType::Mode::kAffine, bits, group};
    return Error();
  }
  return Error::Of("the quantization of ", what, " is ", mode, ", ", bits, " bits in groups of ", group,
                   "; supported are affine with 2, 3, 4, 5, 6 and 8 bits in groups of 32, 64 and 128, mxfp4 and mxfp8 "
                   "in groups of 32, and nvfp4 in groups of 16");
}

// Integers of one group of 32 columns: a stream from the lowest bit on.
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

template <Integers kind>
void RepackAffine(TensorType type, const uint8_t* weight, const uint8_t* scales, const uint8_t* biases, uint32_t rows,
                  uint32_t cols, uint8_t* blocks) {
  constexpr uint32_t kBits = BitsOf(kind);
  const TensorTypeTraits traits = TraitsOf(type);
  const uint32_t groups = traits.columns / kGroupColumns, count = cols / traits.columns;
  for (uint32_t b = 0; b < count; ++b, blocks += traits.bytes) {
    uint8_t* const numbers = blocks + groups * IntegerBytes(kind);
    for (uint32_t row = 0; row < rows; ++row) {
      const size_t at = size_t{row} * count + b;
      std::memcpy(numbers + row * 2, scales + at * 2, 2);
      std::memcpy(numbers + (kBlockRows + row) * 2, biases + at * 2, 2);
      for (uint32_t g = 0; g < groups; ++g) {
        GroupIntegers v = Unpack(weight + (at * groups + g) * (kGroupColumns * kBits / 8), kBits);
        if constexpr (kind == Integers::kBytes) {
          for (uint8_t& value : v.column) value ^= 0x80u;  // stored less 128
        }
        PutIntegers<kind>(v, row, blocks + g * IntegerBytes(kind));
      }
    }
  }
}

// Types of one group of 32 columns without biases: one(block, row, group of the source) returns false for a NaN.
template <class Block, class One>
bool RepackGroups(uint32_t rows, uint32_t cols, uint8_t* blocks, const One& one) {
  const uint32_t count = cols / kGroupColumns;
  bool numbers = true;
  for (uint32_t b = 0; b < count; ++b) {
    Block* const block = reinterpret_cast<Block*>(blocks) + b;
    for (uint32_t row = 0; row < rows; ++row) numbers = one(block, row, size_t{row} * count + b) && numbers;
  }
  return numbers;
}

bool RepackMxfp4(const uint8_t* weight, const uint8_t* scales, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  return RepackGroups<BlockMxfp4>(rows, cols, blocks, [&](BlockMxfp4* block, uint32_t row, size_t at) {
    block->exponent[row] = scales[at];
    PutIntegers<Integers::kMxfp4>(Unpack(weight + at * 16, 4), row, block->nibbles);
    return true;
  });
}

bool RepackNvfp4(const uint8_t* weight, const uint8_t* scales, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  return RepackGroups<BlockNvfp4>(rows, cols, blocks, [&](BlockNvfp4* block, uint32_t row, size_t at) {
    for (uint32_t h = 0; h < 2; ++h) block->scale[h][row] = scales[at * 2 + h];
    PutIntegers<Integers::kMxfp4>(Unpack(weight + at * 16, 4), row, block->nibbles);
    return scales[at * 2] < 0x7f && scales[at * 2 + 1] < 0x7f;
  });
}

bool RepackMxfp8(const uint8_t* weight, const uint8_t* scales, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  return RepackGroups<BlockMxfp8>(rows, cols, blocks, [&](BlockMxfp8* block, uint32_t row, size_t at) {
    bool numbers = true;
    block->exponent[row] = scales[at];
    for (uint32_t c = 0; c < kGroupColumns; ++c) {
      block->values[c][row] = weight[at * kGroupColumns + c];
      numbers = numbers && (weight[at * kGroupColumns + c] & 0x7f) != 0x7f;
    }
    return numbers;
  });
}

}  // namespace

TensorType MlxType::ImageType(bool half) const {
  switch (mode) {
    case Mode::kAffine: return AffineTypeOf({bits, group / kGroupColumns, half});
    case Mode::kMxfp4: return TensorType::kMxfp4;
    case Mode::kMxfp8: return TensorType::kMxfp8;
    case Mode::kNvfp4: return TensorType::kNvfp4;
  }
  return TensorType::kF32;
}

Error MlxQuantization::Read(const nlohmann::json& config) {
  JsonMembers members(config);
  const nlohmann::json* const json = members.Find(members.Has("quantization") ? "quantization" : "quantization_config");
  if (json == nullptr) return Error();
  if (!json->is_object()) return Error::Of("the key quantization is ", Shown(*json), ", not an object");
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

bool RepackMlxRowBlock(TensorType type, const uint8_t* weight, const uint8_t* scales, const uint8_t* biases,
                       uint32_t rows, uint32_t cols, uint8_t* blocks) {
  std::memset(blocks, 0, static_cast<size_t>(MatrixBytes(type, kBlockRows, cols)));
  switch (FamilyOf(type)) {
#define LFM2_AFFINE(bits, kind) \
  case TensorType::kA##bits##G32: return RepackAffine<kind>(type, weight, scales, biases, rows, cols, blocks), true;
    LFM2_AFFINE(2, Integers::kTwo)
    LFM2_AFFINE(3, Integers::kThree)
    LFM2_AFFINE(4, Integers::kNibbles)
    LFM2_AFFINE(5, Integers::kFive)
    LFM2_AFFINE(6, Integers::kSix)
    LFM2_AFFINE(8, Integers::kBytes)
#undef LFM2_AFFINE
    case TensorType::kMxfp4: return RepackMxfp4(weight, scales, rows, cols, blocks);
    case TensorType::kMxfp8: return RepackMxfp8(weight, scales, rows, cols, blocks);
    case TensorType::kNvfp4: return RepackNvfp4(weight, scales, rows, cols, blocks);
    default: return true;  // Read returns no other
  }
}

}  // namespace lfm2::tools
