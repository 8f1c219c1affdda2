// Quantised activations as the integer kernels read them, and the description of a product's input.
#ifndef LFM2_KERNELS_PANEL_H_
#define LFM2_KERNELS_PANEL_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_type.h"

namespace lfm2 {

// A panel holds tokens in tiles of up to kMaxTile (a property of the instruction set), one tile after another. A tile
// of T tokens has, for each group of 32 columns, the parts below, each for all T tokens. Part k begins T * k bytes from
// the start of the group. A value is its integer times scale.
struct PanelLayout {
  static constexpr size_t kQuads = 0;                              // int8 [8][T][4]: columns 4q .. 4q + 3 of token t
  static constexpr size_t kMinusEightSum = kGroupColumns;          // int32 [T]: -8 * the sum of the 32 integers
  static constexpr size_t kMinusEightSumLow = kMinusEightSum + 4;  // int32 [T]: -8 * the sum of the first 16
  static constexpr size_t kScale = kMinusEightSumLow + 4;          // float [T]
  static constexpr size_t kSum = kScale + 4;                       // float [T]: sum of the activations before rounding
  static constexpr size_t kGroupBytes = kSum + 4;
};
// The same where the instruction set multiplies matrices (tile_matrix-inl.h) and the input has more tokens than are
// multiplied directly.
struct MatrixPanelLayout {
  static constexpr size_t kOcts = 0;                   // int8 [4][T][8]: columns 8o .. 8o + 7 of token t
  static constexpr size_t kScales = kGroupColumns;     // float [T][2]: the scale twice
  static constexpr size_t kSum = kScales + 2 * 4;      // float [T]
  static constexpr size_t kMinusEightSums = kSum + 4;  // int16 [T][2]: -8 * the sum of the first 16, of the last 16
  static constexpr size_t kGroupBytes = kMinusEightSums + 2 * 2;
};
// For each token; the same in both layouts, so that the size of a panel does not depend on the instruction set.
inline constexpr size_t kPanelGroupBytes = PanelLayout::kGroupBytes;
static_assert(kPanelGroupBytes == MatrixPanelLayout::kGroupBytes);

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
