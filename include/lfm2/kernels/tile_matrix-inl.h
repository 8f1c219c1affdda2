// Tiles of unpacked weights (unpack-inl.h) for instructions that multiply matrices of int8 (i8mm of NEON and SVE): 2
// tokens times 2 rows over 8 columns in 128 bits.
#if defined(LFM2_KERNELS_TILE_MATRIX_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_MATRIX_INL_H_
#undef LFM2_KERNELS_TILE_MATRIX_INL_H_
#else
#define LFM2_KERNELS_TILE_MATRIX_INL_H_
#endif

#include "lfm2/kernels/unpack-inl.h"

#if LFM2_DOT_MATRIX

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

HWY_INLINE VI32 MultiplyMatrices(VI32 sum, VI8 x, VI8 w) {
#if HWY_TARGET_IS_SVE
  return svmmla_s32(sum, x, w);
#else
  return VI32(vmmlaq_s32(sum.raw, x.raw, w.raw));
#endif
}

// Converts the results of the instruction for row vectors a and b to out[2, rows] of two tokens, and back. A vector
// has, in every 128 bits, two rows of the first token and the same two of the second.
HWY_INLINE VF FirstToken(VF a, VF b) {
  return hn::BitCast(DF(), hn::ConcatEven(DU64(), hn::BitCast(DU64(), b), hn::BitCast(DU64(), a)));
}
HWY_INLINE VF SecondToken(VF a, VF b) {
  return hn::BitCast(DF(), hn::ConcatOdd(DU64(), hn::BitCast(DU64(), b), hn::BitCast(DU64(), a)));
}
HWY_INLINE VF FirstRows(VF first, VF second) {
  return hn::BitCast(DF(), hn::InterleaveWholeLower(DU64(), hn::BitCast(DU64(), first), hn::BitCast(DU64(), second)));
}
HWY_INLINE VF SecondRows(VF first, VF second) {
  return hn::BitCast(DF(), hn::InterleaveWholeUpper(DU64(), hn::BitCast(DU64(), first), hn::BitCast(DU64(), second)));
}

// Adjacent numbers of two tokens, each repeated for two rows. The last token of an odd tile is used as both.
template <bool two>
HWY_INLINE VU64 ForBothRows(const float* p) {
  const uint8_t* const numbers = reinterpret_cast<const uint8_t*>(p);
  const VI32 first = hn::Set(DI32(), LoadNumber<int32_t>(numbers));
  const VI32 second = two ? hn::Set(DI32(), LoadNumber<int32_t>(numbers + 4)) : first;
  return hn::InterleaveLower(DU64(), hn::BitCast(DU64(), first), hn::BitCast(DU64(), second));
}

// A slot is a pair of tokens and one of two row vectors. The last pair of an odd tile has only one token: what is read
// for the other is still within the panel, and its results are discarded.
template <Scaling scaling>
struct RowsOfMatrices {
  template <uint32_t T>
  static LFM2_INLINE_RUN void Run(size_t r, const uint8_t* HWY_RESTRICT weights, size_t groups,
                                  const uint8_t* HWY_RESTRICT panel, bool adds, float* HWY_RESTRICT out) {
    constexpr uint32_t kPairs = (T + 1) / 2;
    constexpr bool kHalves = scaling == Scaling::kHalves || scaling == Scaling::kHalvesAndMins;
    const DF df;
    const DU8 du8;
    const size_t lanes = hn::Lanes(df);
#define LFM2_FIRST_OF(k) (out + k / 2 * 2 * kBlockRows + r)
#define LFM2_SECOND_OF(k) (out + Min<uint32_t>(k / 2 * 2 + 1, T - 1) * kBlockRows + r)
#define LFM2_CONTINUE(k)                                                                           \
  VF f##k = hn::Zero(df);                                                                          \
  if constexpr (k < 2 * kPairs) {                                                                  \
    if (adds) {                                                                                    \
      const VF first = hn::LoadU(df, LFM2_FIRST_OF(k)), second = hn::LoadU(df, LFM2_SECOND_OF(k)); \
      f##k = k % 2 == 0 ? FirstRows(first, second) : SecondRows(first, second);                    \
    }                                                                                              \
  }
    LFM2_FOR_EACH_SLOT(LFM2_CONTINUE)
    // Two rows of an oct take 16 bytes, and so do their numbers: a row has the same offset in all of them.
    weights += r * 8;
    for (; groups != 0; --groups, panel += T * kPanelGroupBytes, weights += UnpackedBytes(scaling)) {
      const MatrixPanelGroup p(panel, T);
      const float* const numbers = reinterpret_cast<const float*>(weights + kUnpackedIntegerBytes);
#define LFM2_BEGIN(k)           \
  VI32 a##k = hn::Zero(DI32()); \
  [[maybe_unused]] VI32 b##k = hn::Zero(DI32());
      LFM2_FOR_EACH_SLOT(LFM2_BEGIN)
#define LFM2_TOKENS(pair) hn::LoadDup128(du8, p.octs + (o * T + (pair < kPairs ? pair : 0) * 2) * 8)
#define LFM2_DOT(k)                                                     \
  if constexpr (k < 2 * kPairs) {                                       \
    const VI8 x = AsSigned(Pick<k / 2>(x0, x1, x2, x3));                \
    if constexpr (kHalves && o >= 2) {                                  \
      b##k = MultiplyMatrices(b##k, x, AsSigned(k % 2 == 0 ? w0 : w1)); \
    } else {                                                            \
      a##k = MultiplyMatrices(a##k, x, AsSigned(k % 2 == 0 ? w0 : w1)); \
    }                                                                   \
  }
#define LFM2_OCT(number)                                                                          \
  {                                                                                               \
    constexpr size_t o = number;                                                                  \
    const VU8 w0 = hn::LoadU(du8, weights + o * 2 * kUnpackedQuadBytes);                          \
    const VU8 w1 = hn::LoadU(du8, weights + o * 2 * kUnpackedQuadBytes + lanes * 4);              \
    const VU8 x0 = LFM2_TOKENS(0), x1 = LFM2_TOKENS(1), x2 = LFM2_TOKENS(2), x3 = LFM2_TOKENS(3); \
    LoadTogether<kPairs>(x0, x1, x2, x3);                                                         \
    LoadTogether<4>(w0, w1, w0, w1);                                                              \
    LFM2_FOR_EACH_SLOT(LFM2_DOT)                                                                  \
  }
      LFM2_OCT(0)
      LFM2_OCT(1)
      LFM2_OCT(2)
      LFM2_OCT(3)
#define LFM2_FOR_BOTH_ROWS(k, of) ForBothRows<(k / 2 * 2 + 1 < T)>(of + k / 2 * 2)
#define LFM2_NUMBER(k, i) hn::LoadU(df, numbers + i * kUnpackedNumbers + k % 2 * lanes)
#define LFM2_ADD(k)                                                                                           \
  if constexpr (k < 2 * kPairs) {                                                                             \
    VF dot = hn::ConvertTo(df, a##k);                                                                         \
    if constexpr (kHalves) {                                                                                  \
      dot = hn::MulAdd(dot, LFM2_NUMBER(k, 1), hn::Mul(hn::ConvertTo(df, b##k), LFM2_NUMBER(k, 2)));          \
    }                                                                                                         \
    const VF scale = hn::LoadDup128(df, p.scales + k / 2 * 4);                                                \
    f##k = hn::MulAdd(dot, hn::Mul(LFM2_NUMBER(k, 0), scale), f##k);                                          \
    if constexpr (scaling == Scaling::kOffset) {                                                              \
      f##k = hn::MulAdd(LFM2_NUMBER(k, 1), hn::BitCast(df, LFM2_FOR_BOTH_ROWS(k, p.sum)), f##k);              \
    }                                                                                                         \
    if constexpr (scaling == Scaling::kHalvesAndMins) {                                                       \
      const VI16 sums = hn::BitCast(DI16(), LFM2_FOR_BOTH_ROWS(k, p.minus_eight_sums));                       \
      const VF of_mins =                                                                                      \
          hn::MulAdd(FirstOfPairs(sums), LFM2_NUMBER(k, 4), hn::Mul(SecondOfPairs(sums), LFM2_NUMBER(k, 5))); \
      f##k = hn::MulAdd(of_mins, hn::Mul(LFM2_NUMBER(k, 3), scale), f##k);                                    \
    }                                                                                                         \
  }
      LFM2_FOR_EACH_SLOT(LFM2_ADD)
    }
#define LFM2_STORE_PAIR(k, next)                                                            \
  if constexpr (k < 2 * kPairs) {                                                           \
    hn::StoreU(FirstToken(f##k, f##next), df, LFM2_FIRST_OF(k));                            \
    if constexpr (k + 1 < T) hn::StoreU(SecondToken(f##k, f##next), df, LFM2_SECOND_OF(k)); \
  }
    LFM2_STORE_PAIR(0, 1) LFM2_STORE_PAIR(2, 3) LFM2_STORE_PAIR(4, 5) LFM2_STORE_PAIR(6, 7)
#undef LFM2_FIRST_OF
#undef LFM2_SECOND_OF
#undef LFM2_CONTINUE
#undef LFM2_BEGIN
#undef LFM2_TOKENS
#undef LFM2_DOT
#undef LFM2_OCT
#undef LFM2_FOR_BOTH_ROWS
#undef LFM2_NUMBER
#undef LFM2_ADD
#undef LFM2_STORE_PAIR
  }
};

template <Scaling scaling, uint32_t T>
HWY_INLINE void TileOfMatrices(const uint8_t* weights, size_t groups, const uint8_t* panel, bool adds, float* out) {
  for (size_t r = 0; r < kBlockRows; r += hn::Lanes(DF()))
    RowsOfMatrices<scaling>::template Run<T>(r, weights, groups, panel, adds, out);
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_DOT_MATRIX
#endif  // LFM2_KERNELS_TILE_MATRIX_INL_H_
