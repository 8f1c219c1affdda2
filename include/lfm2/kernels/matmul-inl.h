// Products of weight matrices with a few or many tokens, over the tiles of tile-inl.h.
#if defined(LFM2_KERNELS_MATMUL_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_MATMUL_INL_H_
#undef LFM2_KERNELS_MATMUL_INL_H_
#else
#define LFM2_KERNELS_MATMUL_INL_H_
#endif

#include "lfm2/base/assert.h"
#include "lfm2/kernels/tile-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

template <TensorType Family, class Format, uint32_t T>
HWY_INLINE void TileOf(TensorType type, const uint8_t* weights, size_t groups, const uint8_t* panel, bool stream,
                       float* out) {
  if constexpr (!IsCompiled(Family)) {
    LFM2_ASSERT(false);  // Image::Open has refused it
  } else {
    IntegerTileOf<Format, T>(typename Format::Blocks(type, weights), groups, panel, stream, out);
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

#if LFM2_GOES_BY_PAIRS
// The same for one token and two row blocks, `weights` and `far`, with results in out and far_out.
template <TensorType Family, class Format>
HWY_INLINE void PairOf(TensorType type, const uint8_t* weights, const uint8_t* far, size_t groups, const uint8_t* panel,
                       float* out, float* far_out) {
  using Blocks = typename Format::Blocks;
  if constexpr (!IsCompiled(Family)) {
    LFM2_ASSERT(false);  // Image::Open has refused it
  } else {
    IntegerPairOf<Format>({Blocks(type, weights), Blocks(type, far), out, far_out}, groups, panel);
  }
}
inline void IntegerPair(TensorType type, const uint8_t* weights, const uint8_t* far, size_t groups,
                        const uint8_t* panel, float* out, float* far_out) {
  switch (FamilyOf(type)) {
#define LFM2_PAIR(name, Format) \
  case TensorType::k##name: return PairOf<TensorType::k##name, Format>(type, weights, far, groups, panel, out, far_out);
    LFM2_FOR_EACH_QUANTIZED(LFM2_PAIR)
#undef LFM2_PAIR
    default: LFM2_ASSERT(false);  // FloatTile's
  }
}
#endif

// `type` is not quantised.
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

// The most tokens that are multiplied with a row block together: a whole chunk would need too much stack.
#if HWY_TARGET == HWY_SCALAR
inline constexpr uint32_t kMaxPass = kMaxTile;  // the stack of a microcontroller is small
#else
inline constexpr uint32_t kMaxPass = 32;
#endif
// Results of a pass, [token][row].
struct PassOutput {
  alignas(64) float values[kMaxPass * kBlockRows];
};

// out[tokens, 16] = row block `block` of w times tokens [begin, end) of the input, which are whole tiles of its panel.
// The first tile reads the weights from memory, later ones from cache.
inline void DirectPass(const Matrix& w, uint32_t block, const MatMulInput& in, uint32_t begin, uint32_t end,
                       PassOutput* out) {
  const uint8_t* weights = w.data + block * w.row_block_bytes();
  const size_t groups = w.cols / kGroupColumns;
  if (!IsQuantized(w.type)) return FloatTile(w.type, weights, groups, in, begin, end - begin, out->values);
  const uint8_t* panel = in.panel + size_t{begin} * groups * kPanelGroupBytes;
  const bool stream = begin == 0;
  switch (end - begin) {
#if LFM2_GOES_BY_PAIRS
    case 1: {
      // Paired with itself: gate and up matrices of different types are not each other's pair.
      alignas(64) float same[kBlockRows];
      return IntegerPair(w.type, weights, weights, groups, panel, out->values, same);
    }
#else
    case 1: return IntegerTile<1>(w.type, weights, groups, panel, stream, out->values);
#endif
    case 2: return IntegerTile<2>(w.type, weights, groups, panel, stream, out->values);
    case 3: return IntegerTile<3>(w.type, weights, groups, panel, stream, out->values);
    case 4: return IntegerTile<4>(w.type, weights, groups, panel, stream, out->values);
    default: break;
  }
  LFM2_ASSERT(false);  // ForPasses makes no larger ones
}

#if LFM2_GOES_BY_PAIRS
// out[16] and far_out[16] = row blocks `block` of w and `far_block` of far_w times the one token of the input. Both
// matrices have the same type and columns.
inline void PairPass(const Matrix& w, uint32_t block, const Matrix& far_w, uint32_t far_block, const MatMulInput& in,
                     PassOutput* out, PassOutput* far_out) {
  const size_t bytes = w.row_block_bytes();
  IntegerPair(w.type, w.data + block * bytes, far_w.data + far_block * bytes, w.cols / kGroupColumns, in.panel,
              out->values, far_out->values);
}
inline bool GoesByPairs(const Matrix& w, const MatMulInput& in) { return in.tokens == 1 && IsQuantized(w.type); }
#endif

#if HWY_TARGET != HWY_SCALAR
// The same for more tokens than DirectPass accepts. The weights are unpacked a few groups at a time, which stay in the
// first-level cache while all tiles of the pass use them.
inline void UnpackedPass(const Matrix& w, uint32_t block, const MatMulInput& in, const Tiling& tiling,
                         uint32_t tile_begin, uint32_t tile_end, PassOutput* out) {
  alignas(64) uint8_t unpacked[kLargestSliceBytes];
  const uint8_t* weights = w.data + block * w.row_block_bytes();
  const size_t groups = w.cols / kGroupColumns;
  const uint32_t first_token = tiling.Begin(tile_begin), pass_tokens = tiling.Begin(tile_end) - first_token;
  if (!IsQuantized(w.type)) return FloatTile(w.type, weights, groups, in, first_token, pass_tokens, out->values);
  const UnpackedType type = UnpackedTypeOf(w.type);
  for (size_t g = 0; g < groups; g += kSliceGroups) {
    const size_t count = Min(kSliceGroups, groups - g);
    type.unpack(w.type, weights, g, count, tile_begin == 0, unpacked);
    for (uint32_t i = tile_begin; i < tile_end; ++i) {
      const uint32_t begin = tiling.Begin(i), tokens = tiling.Begin(i + 1) - begin;
      const uint8_t* panel = in.panel + (begin * groups + g * tokens) * kPanelGroupBytes;
      type.tile(unpacked, count, panel, tokens, g != 0, out->values + (begin - first_token) * kBlockRows);
    }
  }
}
#endif

// Calls pass(begin, end, compute) for the tokens of the input, a few tiles at a time; compute(w, block, out) stores
// their products with a row block in a PassOutput.
template <class Pass>
HWY_INLINE void ForPasses(const MatMulInput& in, Pass pass) {
  const Tiling tiling(in.tokens, kMaxTile);
#if HWY_TARGET != HWY_SCALAR
  if (in.tokens > kMaxDirectTokens) {
    constexpr uint32_t kTiles = kMaxPass / kMaxTile;
    for (uint32_t i = 0; i < tiling.tiles(); i += kTiles) {
      const uint32_t end = Min(i + kTiles, tiling.tiles());
      pass(tiling.Begin(i), tiling.Begin(end),
           [&](const Matrix& w, uint32_t block, PassOutput* out) { UnpackedPass(w, block, in, tiling, i, end, out); });
    }
    return;
  }
#endif
  for (uint32_t i = 0; i < tiling.tiles(); ++i) {
    const uint32_t begin = tiling.Begin(i), end = tiling.Begin(i + 1);
    pass(begin, end,
         [&](const Matrix& w, uint32_t block, PassOutput* out) { DirectPass(w, block, in, begin, end, out); });
  }
}

// Copies the rows of a block for tokens [begin, end); the last block of w may have fewer than kBlockRows.
inline void StoreRows(const PassOutput& from, const Matrix& w, uint32_t block, uint32_t begin, uint32_t end, float* out,
                      size_t out_stride) {
  const uint32_t row = block * kBlockRows;
  const uint32_t rows = Min(kBlockRows, w.rows - row);
  for (uint32_t t = begin; t < end; ++t) {
    std::memcpy(out + t * out_stride + row, from.values + (t - begin) * kBlockRows, rows * sizeof(float));
  }
}

// out[t, row] = w[row, :] . x[t, :] for the rows of blocks [block_begin, block_end). The loop over blocks is the outer
// one: each block is read from memory once, and from cache in later passes.
inline void MatMul(const Matrix& w, const MatMulInput& in, uint32_t block_begin, uint32_t block_end, float* out,
                   size_t out_stride) {
  PassOutput products;
#if LFM2_GOES_BY_PAIRS
  if (GoesByPairs(w, in)) {
    PassOutput far_products;
    const uint32_t pairs = DivideUp(block_end - block_begin, 2u);
    for (uint32_t block = block_begin; block < block_begin + pairs; ++block) {
      // With an odd number of blocks the middle one is paired with itself.
      const uint32_t far = block + pairs < block_end ? block + pairs : block;
      PairPass(w, block, w, far, in, &products, &far_products);
      StoreRows(products, w, block, 0, 1, out, out_stride);
      StoreRows(far_products, w, far, 0, 1, out, out_stride);
    }
    return;
  }
#endif
  for (uint32_t block = block_begin; block < block_end; ++block) {
    ForPasses(in, [&](uint32_t begin, uint32_t end, auto compute) {
      compute(w, block, &products);
      StoreRows(products, w, block, begin, end, out, out_stride);
    });
  }
}

// out[t, row] = silu(gate[row, :] . x[t, :]) * (up[row, :] . x[t, :]); gate and up have the same shape.
inline void MatMulSwiGlu(const Matrix& gate, const Matrix& up, const MatMulInput& in, uint32_t block_begin,
                         uint32_t block_end, float* out, size_t out_stride) {
  const DF df;
  PassOutput g, u;
  const auto store = [&](uint32_t block, uint32_t begin, uint32_t end) {
    for (size_t j = 0; j < (end - begin) * kBlockRows; j += hn::Lanes(df)) {
      hn::StoreU(hn::Mul(Silu(hn::LoadU(df, g.values + j)), hn::LoadU(df, u.values + j)), df, g.values + j);
    }
    StoreRows(g, gate, block, begin, end, out, out_stride);
  };
  for (uint32_t block = block_begin; block < block_end; ++block) {
#if LFM2_GOES_BY_PAIRS
    if (GoesByPairs(gate, in) && gate.type == up.type) {
      PairPass(gate, block, up, block, in, &g, &u);
      store(block, 0, 1);
      continue;
    }
#endif
    ForPasses(in, [&](uint32_t begin, uint32_t end, auto compute) {
      compute(gate, block, &g);
      compute(up, block, &u);
      store(block, begin, end);
    });
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#undef LFM2_GOES_BY_PAIRS

#endif  // LFM2_KERNELS_MATMUL_INL_H_
