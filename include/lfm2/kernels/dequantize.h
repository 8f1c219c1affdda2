// Weights as floats, one group at a time: the definition of every type. Used for embeddings and by the scalar oracle.
#ifndef LFM2_KERNELS_DEQUANTIZE_H_
#define LFM2_KERNELS_DEQUANTIZE_H_

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_type.h"
#include "lfm2/kernels/formats.h"

namespace lfm2 {

namespace dequantize_internal {

template <class Format>
inline float ScaleOf(const typename Format::Block& b, uint32_t g, uint32_t row, [[maybe_unused]] uint32_t half) {
  if constexpr (Format::kHalves) return Format::Scale(b, g, row, half);
  if constexpr (!Format::kHalves) return Format::Scale(b, g, row);
}

template <class Format>
inline void Group(const Matrix& m, uint32_t row, uint32_t group, float* out) {
  typename Format::Blocks blocks(m.type, m.data);
  const size_t groups = m.cols / kGroupColumns;
  blocks.Skip((row / kBlockRows * groups + group) / blocks.groups());
  const auto& b = *blocks;
  const uint32_t g = group % blocks.groups(), lane = row % kBlockRows;
  const uint8_t* const integers = Format::Data(b, g);
  for (uint32_t i = 0; i < kGroupColumns; ++i) {
    const float value = static_cast<float>(IntegerOf<Format::kIntegers>(integers, lane, i) - Format::kZero);
    const float scale = ScaleOf<Format>(b, g, lane, i / 16);
    if constexpr (Format::kHasMin && Format::kHalves) {
      out[i] = value * scale + Format::Min(b, g, lane, i / 16);
    } else if constexpr (Format::kHasMin) {
      out[i] = value * scale + Format::Min(b, g, lane);
    } else {
      out[i] = value * scale;
    }
  }
}

template <class Block, float (*Convert)(uint16_t)>
inline void Halves(const Matrix& m, uint32_t row, uint32_t group, float* out) {
  const size_t blocks = m.cols / kGroupColumns;
  const Block& b = reinterpret_cast<const Block*>(m.data)[row / kBlockRows * blocks + group];
  for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = Convert(b.values[i][row % kBlockRows]);
}

inline void Floats(const Matrix& m, uint32_t row, uint32_t group, float* out) {
  const size_t blocks = m.cols / kGroupColumns;
  const BlockF32& b = reinterpret_cast<const BlockF32*>(m.data)[row / kBlockRows * blocks + group];
  for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = b.values[i][row % kBlockRows];
}

inline void EightBitFloats(const Matrix& m, uint32_t row, uint32_t group, float* out) {
  const size_t blocks = m.cols / kGroupColumns;
  const BlockMxfp8& b = reinterpret_cast<const BlockMxfp8*>(m.data)[row / kBlockRows * blocks + group];
  const float scale = F32FromE8M0(b.exponent[row % kBlockRows]);
  for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = F32FromE4M3(b.values[i][row % kBlockRows]) * scale;
}

}  // namespace dequantize_internal

// out[0..31] = m[row, 32 * group .. 32 * group + 31]. Group g of every row lies within its cols.
inline void DequantizeGroup(const Matrix& m, uint32_t row, uint32_t group, float* out) {
  LFM2_ASSERT(row < m.rows && group < m.cols / kGroupColumns && IsCompiled(m.type));
  namespace di = dequantize_internal;
  switch (FamilyOf(m.type)) {
    case TensorType::kF32: di::Floats(m, row, group, out); break;
    case TensorType::kF16: di::Halves<BlockF16, F32FromF16>(m, row, group, out); break;
    case TensorType::kBF16: di::Halves<BlockF16, F32FromBF16>(m, row, group, out); break;
#define LFM2_GROUP(name, Format)                                                          \
  case TensorType::k##name:                                                               \
    if constexpr (IsCompiled(TensorType::k##name)) di::Group<Format>(m, row, group, out); \
    break;
      LFM2_FOR_EACH_QUANTIZED(LFM2_GROUP)
#undef LFM2_GROUP
    case TensorType::kMxfp8:
      if constexpr (IsCompiled(TensorType::kMxfp8)) di::EightBitFloats(m, row, group, out);
      break;
    default: break;
  }
}

// out[cols] = m[row, :].
inline void DequantizeRow(const Matrix& m, uint32_t row, float* out) {
  for (uint32_t g = 0; g < m.cols / kGroupColumns; ++g) DequantizeGroup(m, row, g, out + g * kGroupColumns);
}

}  // namespace lfm2

#endif  // LFM2_KERNELS_DEQUANTIZE_H_
