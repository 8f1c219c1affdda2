// Rows of ggml's codebook types: IQ3_XXS, IQ3_S, IQ2_XXS, IQ2_XS, IQ2_S, IQ1_S and IQ1_M (low_bit_row.h).
#ifndef LFM2_PROGRAMS_PACK_CODEBOOK_ROW_H_
#define LFM2_PROGRAMS_PACK_CODEBOOK_ROW_H_

#include <cstdint>

#include "programs/pack/low_bit_row.h"

namespace lfm2::tools {

// As ReadLowBits and WriteLowBits. For other types they do nothing and return false.
void ReadCodebookRow(TensorType type, const uint8_t* from, LowBitRow* row);
bool WriteCodebookRow(TensorType type, const LowBitRow& row, uint8_t* to);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_CODEBOOK_ROW_H_
