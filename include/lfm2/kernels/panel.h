// Quantised activations as the integer kernels read them, and the description of a product's input.
#ifndef LFM2_KERNELS_PANEL_H_
#define LFM2_KERNELS_PANEL_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

// A panel holds tokens in tiles of up to kMaxTile (a property of the instruction set), tiles one behind the other. A
// tile of T tokens holds, for each group of 32 columns:
//   int8  quad[8][T][4]  columns 4q .. 4q + 3 of token t
//   int32 bias[T]        -8 * sum of the 32 values: what the offset of 4-bit weights costs
//   int32 bias_low[T]    -8 * sum of the first 16
//   float scale[T]       value = quad * scale
//   float sum[T]         sum of the 32 activations before they were rounded, for weights with an offset
// Or, where the instruction set multiplies matrices (tile_matrix-inl.h) and the input has more tokens than are
// multiplied directly:
//   int8  oct[4][T][8]   columns 8o .. 8o + 7 of token t
//   float scale[T][2]    twice
//   float sum[T]
//   int16 bias[T][2]     -8 * sum of the first 16 values, and of the last 16
inline constexpr size_t kPanelGroupBytes = kGroupColumns + 4 * 4;

// Bytes of a panel of tokens x cols, whatever the tiling.
constexpr uint64_t PanelBytes(uint64_t tokens, uint64_t cols) {
  return tokens * (cols / kGroupColumns) * kPanelGroupBytes;
}

// The right-hand side of a product: x[tokens, cols], given as floats and, for quantised weights, as a panel of the
// same.
struct MatMulInput {
  const float* x = nullptr;
  size_t stride = 0;               // floats from one row to the next
  const uint32_t* rows = nullptr;  // token t is row rows[t]; nullptr: row t
  uint32_t tokens = 0;
  const uint8_t* panel = nullptr;

  const float* Row(uint32_t t) const { return x + size_t{rows == nullptr ? t : rows[t]} * stride; }
};

// Tokens split evenly over the fewest tiles of at most max_tile: 13 tokens at 8 are tiles of 7 and 6.
class Tiling {
 public:
  constexpr Tiling(uint32_t tokens, uint32_t max_tile) : tokens_(tokens), tiles_(DivideUp(tokens, max_tile)) {}
  constexpr uint32_t tiles() const { return tiles_; }
  // First token of tile i; Begin(tiles()) == tokens.
  constexpr uint32_t Begin(uint32_t i) const {
    return tiles_ == 0 ? 0 : static_cast<uint32_t>(uint64_t{tokens_} * i / tiles_);
  }

 private:
  uint32_t tokens_;
  uint32_t tiles_;
};

}  // namespace lfm2

#endif  // LFM2_KERNELS_PANEL_H_
