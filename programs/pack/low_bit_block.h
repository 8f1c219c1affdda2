// Rows of the types of low_bit_row.h, into and out of an image's blocks of 16 rows.
#ifndef LFM2_PROGRAMS_PACK_LOW_BIT_BLOCK_H_
#define LFM2_PROGRAMS_PACK_LOW_BIT_BLOCK_H_

#include <cstdint>

#include "programs/pack/low_bit_row.h"

namespace lfm2::tools {

// Writes the numbers of one row to a run of blocks with as many columns as ggml's block: one block, or two for NVFP4.
// The run is zero before its first row.
void PutLowBits(TensorType type, const LowBitRow& numbers, uint32_t row, uint8_t* blocks);

// The inverse.
void GetLowBits(TensorType type, const uint8_t* blocks, uint32_t row, LowBitRow* numbers);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_LOW_BIT_BLOCK_H_
