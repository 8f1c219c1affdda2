// Weights as floats, one group at a time: the definition of every type, for embeddings and for the scalar oracle.
#ifndef LFM2_KERNELS_DEQUANTIZE_H_
#define LFM2_KERNELS_DEQUANTIZE_H_

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

namespace dequantize_internal {

inline float At(const BlockQ4_0& b, uint32_t row, uint32_t col) {
  const uint32_t q = col / 4;
  const uint32_t byte = b.nibbles[(q % 4) * 64 + row * 4 + col % 4];
  const int value = static_cast<int>(q < 4 ? byte & 15u : byte >> 4) - 8;
  return static_cast<float>(value) * F32FromF16(b.scale[row]);
}

inline float At(const BlockQ8_0& b, uint32_t row, uint32_t col) {
  return static_cast<float>(b.values[(col / 4) * 64 + row * 4 + col % 4]) * F32FromF16(b.scale[row]);
}

inline float At(const BlockQ6_K& b, uint32_t row, uint32_t col) {
  const GroupQ6_K& g = b.groups[col / kGroupColumns];
  const uint32_t c = col % kGroupColumns;
  const uint32_t q = c / 4 % 4, half = c / 16;
  const uint32_t low = (g.low[q * 64 + row * 4 + c % 4] >> (4 * half)) & 15u;
  const uint32_t high = (g.high[(q / 2) * 64 + row * 4 + c % 4] >> (4 * (q % 2) + 2 * half)) & 3u;
  const int value = (static_cast<int>(low | (high << 4)) - 32) * g.scale[half][row];
  return static_cast<float>(value) * F32FromF16(b.delta[row]);
}

template <class Block>
inline void Group(const Matrix& m, uint32_t row, uint32_t group, uint32_t block_columns, float* out) {
  const size_t block = size_t{row / kBlockRows} * (m.cols / block_columns) + group * kGroupColumns / block_columns;
  const Block& b = *reinterpret_cast<const Block*>(m.data + block * sizeof(Block));
  const uint32_t first = group * kGroupColumns % block_columns;
  for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = At(b, row % kBlockRows, first + i);
}

}  // namespace dequantize_internal

// out[0..31] = m[row, 32 * group .. 32 * group + 31]. Group g of every row lies within its cols.
inline void DequantizeGroup(const Matrix& m, uint32_t row, uint32_t group, float* out) {
  LFM2_ASSERT(row < m.rows && group < m.cols / kGroupColumns);
  namespace di = dequantize_internal;
  const size_t block = size_t{row / kBlockRows} * (m.cols / kGroupColumns) + group;
  const uint32_t lane = row % kBlockRows;
  switch (m.type) {
    case TensorType::kQ4_0: di::Group<BlockQ4_0>(m, row, group, 32, out); break;
    case TensorType::kQ8_0: di::Group<BlockQ8_0>(m, row, group, 32, out); break;
    case TensorType::kQ6_K: di::Group<BlockQ6_K>(m, row, group, 256, out); break;
    case TensorType::kF32: {
      const BlockF32& b = reinterpret_cast<const BlockF32*>(m.data)[block];
      for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = b.values[i][lane];
      break;
    }
    case TensorType::kF16: {
      const BlockF16& b = reinterpret_cast<const BlockF16*>(m.data)[block];
      for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = F32FromF16(b.values[i][lane]);
      break;
    }
    case TensorType::kBF16: {
      const BlockF16& b = reinterpret_cast<const BlockF16*>(m.data)[block];
      for (uint32_t i = 0; i < kGroupColumns; ++i) out[i] = F32FromBF16(b.values[i][lane]);
      break;
    }
  }
}

// out[cols] = m[row, :].
inline void DequantizeRow(const Matrix& m, uint32_t row, float* out) {
  for (uint32_t g = 0; g < m.cols / kGroupColumns; ++g) DequantizeGroup(m, row, g, out + g * kGroupColumns);
}

}  // namespace lfm2

#endif  // LFM2_KERNELS_DEQUANTIZE_H_
