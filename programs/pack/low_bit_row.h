// ggml's types below four bits, and others with blocks of more than integers and a scale: one row of a block, as the
// numbers that an image stores (lfm2/format/tensor_blocks.h).
#ifndef LFM2_PROGRAMS_PACK_LOW_BIT_ROW_H_
#define LFM2_PROGRAMS_PACK_LOW_BIT_ROW_H_

#include <cstddef>
#include <cstdint>

#include "lfm2/format/tensor_type.h"

namespace lfm2::tools {

// Integers as the image's type stores them. Scales and mins of each half of a group of 32 columns, those of a group
// without halves at its first half. IQ1_S has the sign of a group in bit 3 of its scale.
struct LowBitRow {
  uint8_t bits[256];
  uint8_t scale[16];
  uint8_t min[16];
  uint16_t delta;
  uint16_t min_delta;
};

// Whether the type is read through a LowBitRow.
bool IsLowBit(TensorType type);

// ggml's block of one row, GgmlRowBytes(type, columns of the type) bytes, to its numbers. Every block is valid.
// Where several encodings have the same value (TQ1_0: bytes that no encoder writes; NVFP4: the sign of a scale, and a
// NaN), only the value is kept.
void ReadLowBits(TensorType type, const uint8_t* from, LowBitRow* row);

// The inverse. Returns false for a row without a block in ggml: values that are not in the codebook of the type.
bool WriteLowBits(TensorType type, const LowBitRow& row, uint8_t* to);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_LOW_BIT_ROW_H_
