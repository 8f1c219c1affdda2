// From the blocks of 16 rows that an image holds to ggml's rows: the inverse of repack.h, bit for bit.
#ifndef LFM2_PROGRAMS_PACK_UNPACK_H_
#define LFM2_PROGRAMS_PACK_UNPACK_H_

#include <cstdint>

#include "lfm2/format/tensor_type.h"

namespace lfm2::tools {

// The first `rows` (1..16) rows of one row block, one after another, each GgmlRowBytes(type, cols) long. blocks: as
// RepackRowBlock writes them. ggml has the type. The ranges do not overlap. False where the blocks have what no rows of
// ggml's stand for: values that are not in the type's codebook.
bool UnpackRowBlock(TensorType type, const uint8_t* blocks, uint32_t rows, uint32_t cols, uint8_t* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_UNPACK_H_
