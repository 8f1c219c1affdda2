// From ggml's rows to the blocks of 16 rows that an image holds (lfm2/format/tensor_type.h). Nothing is rounded: every
// bit of the source has its place in the block; entries of codebooks become the values that they stand for.
#ifndef LFM2_PROGRAMS_PACK_REPACK_H_
#define LFM2_PROGRAMS_PACK_REPACK_H_

#include <cstddef>
#include <cstdint>

#include "lfm2/format/tensor_type.h"
#include "programs/pack/gguf_reader.h"

namespace lfm2::tools {

// The image type for ggml's type; false if there is none.
bool TensorTypeFromGgml(uint32_t ggml_type, TensorType* out);

// ggml's number for an image type; false for MLX's types and table types, which ggml does not have.
bool GgmlFromTensorType(TensorType type, uint32_t* out);

// ggml's block of an image type; nullptr for those.
const GgmlTypeInfo* GgmlInfoOf(TensorType type);

// Bytes of one row of `cols` values in a GGUF file. cols is a multiple of the type's block; ggml has the type.
size_t GgmlRowBytes(TensorType type, uint32_t cols);

// Rows of a matrix, 16 of which take `block_bytes`, that are repacked at a time, a multiple of 16: few enough that they
// are still in the cache when they are written.
uint32_t WindowRows(size_t block_bytes);

// One row block: `rows` (1..16) source rows, one after another, to blocks[cols / columns of the type]. Rows beyond
// `rows` become zeros. The ranges do not overlap.
void RepackRowBlock(TensorType type, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks);

// The same for all rows of a matrix, or any of them that begin with a row block. blocks: MatrixBytes(type, rows, cols).
void RepackRows(TensorType type, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_REPACK_H_
