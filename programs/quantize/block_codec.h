// Encodes one block of a row at a time in the types that weights are quantised to: chooses the steps and stores them.
#ifndef LFM2_PROGRAMS_QUANTIZE_BLOCK_CODEC_H_
#define LFM2_PROGRAMS_QUANTIZE_BLOCK_CODEC_H_

#include <cstddef>
#include <cstdint>

#include "lfm2/format/tensor_type.h"

namespace lfm2::tools {

// Columns that share a step.
inline constexpr uint32_t kStepColumns = 16;
inline constexpr uint32_t kMaxBlockColumns = 256;

// The parameters of a block in addition to its integers.
struct BlockSteps {
  // weight = level of the integer * step, one step for each 16 columns
  float step[kMaxBlockColumns / kStepColumns] = {};
  uint16_t delta = 0;                                  // half-float, as stored
  int8_t scale[kMaxBlockColumns / kStepColumns] = {};  // Q6_K only
};

// Q4_0, IQ4_NL, Q6_K, Q8_0 and the table types.
class BlockCodec {
 public:
  static bool Supports(TensorType type);
  // type: a supported one.
  explicit BlockCodec(TensorType type);

  TensorType type() const { return type_; }
  uint32_t columns() const { return TraitsOf(type_).columns; }
  // Bytes of one block of one row as Store writes it: ggml's layout; for a table type, its scale and a byte for each
  // integer.
  size_t bytes() const;

  // The steps for which rounding target[columns] to the nearest values has the smallest sum of importance * error^2;
  // importance is positive.
  void ChooseSteps(const float* target, const float* importance, BlockSteps* out) const;
  // The integer whose value is nearest, and that value, bit-equal to what the kernels compute from it. A target may be
  // anything, even NaN.
  int8_t Nearest(const BlockSteps& steps, uint32_t column, float target, float* value) const;
  // The value of an integer that Nearest has returned.
  float Level(int8_t integer) const;
  // Replaces the step of a type that has one step per block by the nearest one that can be stored.
  void SetStep(float step, BlockSteps* out) const;
  bool has_one_step() const { return grid_ != Grid::kSixBits; }
  // Writes integers[columns] to out[bytes()].
  void Store(const BlockSteps& steps, const int8_t* integers, uint8_t* out) const;

 private:
  // The values of the integers.
  enum class Grid : uint8_t { kFourBits, kNonLinear, kFourBitTable, kThreeBitTable, kTwoBitTable, kSixBits, kBytes };

  TensorType type_;
  Grid grid_;
};

// Bytes of a row of blocks as Store writes them. cols is a multiple of the type's columns.
size_t RowBytes(const BlockCodec& codec, uint32_t cols);
// source: `rows` rows of RowBytes. blocks[MatrixBytes(type, rows, cols)]: in the layout of an image.
void BlocksOfRows(const BlockCodec& codec, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks);

// Encodes whole rows without feedback: x[cols] to a row of blocks. importance[cols]. cols is a multiple of the type's
// columns. misses: receives x - value of every column, unless it is nullptr. error: the sum of their squares is added
// to it.
void QuantizeRow(const BlockCodec& codec, const float* x, const float* importance, uint32_t cols, uint8_t* out,
                 float* misses, double* error);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_BLOCK_CODEC_H_
