// out[T, 16] = 16 rows of weights times T tokens. SIMD lanes are rows, so there are no horizontal sums, and the
// additions for each (row, token) have the same order whatever T is: results do not depend on how many tokens are
// computed together.
#if defined(LFM2_KERNELS_TILE_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_TILE_INL_H_
#undef LFM2_KERNELS_TILE_INL_H_
#else
#define LFM2_KERNELS_TILE_INL_H_
#endif

#include "lfm2/kernels/tile_float-inl.h"
#include "lfm2/kernels/tile_integer-inl.h"
#include "lfm2/kernels/tile_mve-inl.h"
#include "lfm2/kernels/tile_scalar-inl.h"
#include "lfm2/kernels/tile_unpacked-inl.h"

#undef LFM2_FOR_EACH_SLOT
#undef LFM2_HAVE_MVE
#undef LFM2_TOKEN
#undef LFM2_ROW
#undef LFM2_OF
#undef LFM2_ZERO
#undef LFM2_STORE
#undef LFM2_ROWS
#undef LFM2_PICK
#undef LFM2_INLINE_RUN
#undef LFM2_PIN
#undef LFM2_DOT_PAIRS
#undef LFM2_DOT_WIDEN
#undef LFM2_DOT_MATRIX

#endif  // LFM2_KERNELS_TILE_INL_H_
