// Products of weight matrices with a few or many tokens, over the tiles of tile-inl.h.
#if defined(LFM2_KERNELS_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_MATMUL_INL_H_
#undef LFM2_KERNELS_MATMUL_INL_H_
#else
#define LFM2_KERNELS_MATMUL_INL_H_
#endif

#include "lfm2/base/assert.h"
#include "lfm2/kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Results of one tile, [token][row].
struct TileOutput {
  alignas(64) float values[kMaxTile * kBlockRows];
};

template <TensorType Family, class Format, uint32_t T>
HWY_INLINE void TileOf(TensorType type, const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream,
                       float* out) {
  constexpr Integers kKind = Format::kIntegers;
  if constexpr (!IsCompiled(Family)) {
    LFM2_ASSERT(false);  // Image::Open has refused it
  } else if constexpr (kKind == Integers::kNibbles) {
    TileOfNibbles<Format, T>(typename Format::Blocks(type, weights), groups, panel, stream, out);
  } else if constexpr (kGoesByBytes<kKind>) {
    TileOfBytes<Format, T>(typename Format::Blocks(type, weights), groups, panel, stream, out);
  } else {
    TileOfPairs<Format, T>(typename Format::Blocks(type, weights), groups, panel, stream, out);
  }
}

template <uint32_t T>
HWY_INLINE void IntegerTile(TensorType type, const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream,
                            float* out) {
  switch (FamilyOf(type)) {
#define LFM2_TILE(name, Format) \
  case TensorType::k##name: return TileOf<TensorType::k##name, Format, T>(type, weights, groups, panel, stream, out);
    LFM2_FOR_EACH_QUANTIZED(LFM2_TILE)
#undef LFM2_TILE
    default: LFM2_ASSERT(false);  // FloatTile's
  }
}

// `type` is none of the quantised ones.
inline void FloatTile(TensorType type, const uint8_t* weights, size_t groups, const MatMulInput& in, uint32_t begin,
                      uint32_t tokens, float* out) {
  for (uint32_t t = 0; t < tokens; t += 4) {
    const uint32_t n = Min<uint32_t>(tokens - t, 4u);
    const uint32_t last = begin + t + n - 1;
    const float* x[4];
    for (uint32_t i = 0; i < 4; ++i) x[i] = in.Row(Min(begin + t + i, last));
    float* to = out + t * kBlockRows;
    if (IsCompiled(TensorType::kF32) && type == TensorType::kF32) {
      TileFloat<TensorType::kF32>(weights, groups, x[0], x[1], x[2], x[3], n, to);
    } else if (IsCompiled(TensorType::kF16) && type == TensorType::kF16) {
      TileFloat<TensorType::kF16>(weights, groups, x[0], x[1], x[2], x[3], n, to);
    } else if (IsCompiled(TensorType::kMxfp8) && type == TensorType::kMxfp8) {
      TileFloat<TensorType::kMxfp8>(weights, groups, x[0], x[1], x[2], x[3], n, to);
    } else if (IsCompiled(TensorType::kBF16)) {
      TileFloat<TensorType::kBF16>(weights, groups, x[0], x[1], x[2], x[3], n, to);
    }
  }
}

// out[tokens, 16] = row block `block` of w times tokens [begin, end) of the input; the two are one tile of its panel.
// The first tile finds the weights in memory.
inline void ComputeTile(const Matrix& w, uint32_t block, const MatMulInput& in, uint32_t begin, uint32_t end,
                        TileOutput* out) {
  const uint8_t* weights = w.data + block * w.row_block_bytes();
  const size_t groups = w.cols / kGroupColumns;
  if (!IsQuantized(w.type)) return FloatTile(w.type, weights, groups, in, begin, end - begin, out->values);
  const uint8_t* panel = in.panel + size_t{begin} * groups * kPanelGroupBytes;
  const bool stream = begin == 0;
  switch (end - begin) {
    case 1: return IntegerTile<1>(w.type, weights, groups, panel, stream, out->values);
    case 2: return IntegerTile<2>(w.type, weights, groups, panel, stream, out->values);
    case 3: return IntegerTile<3>(w.type, weights, groups, panel, stream, out->values);
    case 4: return IntegerTile<4>(w.type, weights, groups, panel, stream, out->values);
    case 5:
      if constexpr (kMaxTile > 4) return IntegerTile<5>(w.type, weights, groups, panel, stream, out->values);
      break;
    case 6:
      if constexpr (kMaxTile > 4) return IntegerTile<6>(w.type, weights, groups, panel, stream, out->values);
      break;
    case 7:
      if constexpr (kMaxTile > 4) return IntegerTile<7>(w.type, weights, groups, panel, stream, out->values);
      break;
    case 8:
      if constexpr (kMaxTile > 4) return IntegerTile<8>(w.type, weights, groups, panel, stream, out->values);
      break;
    default: break;
  }
  LFM2_ASSERT(false);  // Tiling makes no larger tiles
}

// out[t, row] = w[row, :] . x[t, :] for the rows of blocks [block_begin, block_end). Weights outermost: each block is
// read from memory once and from cache for the other tiles.
inline void MatMul(const Matrix& w, const MatMulInput& in, uint32_t block_begin, uint32_t block_end, float* out,
                   size_t out_stride) {
  const Tiling tiling(in.tokens, kMaxTile);
  TileOutput tile;
  for (uint32_t block = block_begin; block < block_end; ++block) {
    const uint32_t row = block * kBlockRows;
    const uint32_t rows = Min(kBlockRows, w.rows - row);
    for (uint32_t i = 0; i < tiling.tiles(); ++i) {
      const uint32_t begin = tiling.Begin(i), end = tiling.Begin(i + 1);
      ComputeTile(w, block, in, begin, end, &tile);
      for (uint32_t t = begin; t < end; ++t) {
        std::memcpy(out + t * out_stride + row, tile.values + (t - begin) * kBlockRows, rows * sizeof(float));
      }
    }
  }
}

// out[t, row] = silu(gate[row, :] . x[t, :]) * (up[row, :] . x[t, :]); gate and up have the same shape.
inline void MatMulSwiGlu(const Matrix& gate, const Matrix& up, const MatMulInput& in, uint32_t block_begin,
                         uint32_t block_end, float* out, size_t out_stride) {
  const DF df;
  const Tiling tiling(in.tokens, kMaxTile);
  TileOutput g, u;
  for (uint32_t block = block_begin; block < block_end; ++block) {
    const uint32_t row = block * kBlockRows;
    const uint32_t rows = Min(kBlockRows, gate.rows - row);
    for (uint32_t i = 0; i < tiling.tiles(); ++i) {
      const uint32_t begin = tiling.Begin(i), end = tiling.Begin(i + 1);
      ComputeTile(gate, block, in, begin, end, &g);
      ComputeTile(up, block, in, begin, end, &u);
      for (size_t j = 0; j < (end - begin) * kBlockRows; j += hn::Lanes(df)) {
        hn::StoreU(hn::Mul(Silu(hn::LoadU(df, g.values + j)), hn::LoadU(df, u.values + j)), df, g.values + j);
      }
      for (uint32_t t = begin; t < end; ++t) {
        std::memcpy(out + t * out_stride + row, g.values + (t - begin) * kBlockRows, rows * sizeof(float));
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_MATMUL_INL_H_
