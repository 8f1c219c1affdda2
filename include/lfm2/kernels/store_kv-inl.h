// Writes keys and values into the cache.
#if defined(LFM2_KERNELS_STORE_KV_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
#ifdef LFM2_KERNELS_STORE_KV_INL_H_
#undef LFM2_KERNELS_STORE_KV_INL_H_
#else
#define LFM2_KERNELS_STORE_KV_INL_H_
#endif

#include <cmath>

#include "lfm2/kernels/kv_cache.h"
#include "lfm2/kernels/target-inl.h"

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// out[i * stride] = round(x[i] * 127 / max |x|), ties to even; returns max |x| / 127. Where max |x| is below 1e-30,
// values and scale are 0; where it is an infinity or a NaN, values are 0 and the scale is NaN. n is a multiple of 32.
inline float QuantizeHead(const float* HWY_RESTRICT x, uint32_t n, int8_t* HWY_RESTRICT out, size_t stride) {
  const DF df;
  const DI32 di;
  const size_t lanes = hn::Lanes(df);
  // The bits of floats without a sign are ordered like integers, with NaNs above everything.
  VI32 highest = hn::Zero(di);
  for (size_t i = 0; i < n; i += lanes) highest = hn::Max(highest, hn::BitCast(di, hn::Abs(hn::LoadU(df, x + i))));
  const float max = BitCast<float>(hn::ReduceMax(di, highest));
  const bool usable = max > 1e-30f && IsFinite(max);
  const VF inverse = hn::Set(df, usable ? 127.0f / max : 0.0f);
  for (size_t i = 0; i < n; i += lanes) {
    HWY_ALIGN int8_t values[16] = {};
    if (usable) {
      const VI32 q = RoundToEven(hn::Mul(hn::LoadU(df, x + i), inverse));
      hn::StoreU(hn::DemoteTo(hn::Rebind<int8_t, DI32>(), q), hn::Rebind<int8_t, DI32>(), values);
    }
    for (size_t j = 0; j < lanes; ++j) out[(i + j) * stride] = values[j];
  }
  if (!IsFinite(max)) return NAN;
  return usable ? max / 127.0f : 0.0f;
}

// Writes one head's key and value [head_dim] of a position. A number that is not finite, or too large for a half float,
// makes results of attention that are not finite.
inline void StoreKv(const KvCache& kv, uint32_t kv_head, uint32_t position, const float* key, const float* value) {
  const size_t k = kv.HeadOffset(kv_head) + kv.KeyOffset(position);
  const size_t v = kv.HeadOffset(kv_head) + kv.ValueOffset(position);
  switch (kv.type) {
    case KvCacheType::kF16:
      for (size_t d = 0; d < kv.head_dim; ++d) {
        static_cast<uint16_t*>(kv.keys)[k + d * kKeyBlock] = F16FromF32(key[d]);
        static_cast<uint16_t*>(kv.values)[v + d] = F16FromF32(value[d]);
      }
      break;
    case KvCacheType::kF32:
      for (size_t d = 0; d < kv.head_dim; ++d) static_cast<float*>(kv.keys)[k + d * kKeyBlock] = key[d];
      std::memcpy(static_cast<float*>(kv.values) + v, value, kv.head_dim * sizeof(float));
      break;
    case KvCacheType::kInt8: {
      const size_t s = kv.ScaleOffset(kv_head, position);
      kv.key_scales[s] = QuantizeHead(key, kv.head_dim, static_cast<int8_t*>(kv.keys) + k, kKeyBlock);
      kv.value_scales[s] = QuantizeHead(value, kv.head_dim, static_cast<int8_t*>(kv.values) + v, 1);
      break;
    }
  }
}

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_STORE_KV_INL_H_
