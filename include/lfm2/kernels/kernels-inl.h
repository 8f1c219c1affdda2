// The SIMD kernels under one name: what a session computes with. kernels/reference.h has the same interface.
#if defined(LFM2_KERNELS_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_KERNELS_KERNELS_INL_H_
#undef LFM2_KERNELS_KERNELS_INL_H_
#else
#define LFM2_KERNELS_KERNELS_INL_H_
#endif

#include "lfm2/base/cpu_target.h"
#include "lfm2/kernels/attention-inl.h"
#include "lfm2/kernels/elementwise-inl.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/kernels/matmul-inl.h"
#include "lfm2/kernels/quantize-inl.h"
#include "lfm2/kernels/store_kv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// What this pass over the kernels is called in options.
inline constexpr CpuTarget kCpuTarget = HWY_TARGET == HWY_SSE4      ? CpuTarget::kSse4
                                        : HWY_TARGET == HWY_AVX2    ? CpuTarget::kAvx2
                                        : HWY_TARGET == HWY_AVX3_DL ? CpuTarget::kAvx3Dl
                                                                    : CpuTarget::kBaseline;

// Each is documented where it is defined, and as a formula in ReferenceKernels.
struct SimdKernels {
  // Highway's name of the instruction set, such as "AVX2".
  static const char* name() { return hwy::TargetName(HWY_TARGET); }
  static constexpr uint32_t kMaxTile = HWY_NAMESPACE::kMaxTile;
  static constexpr uint32_t max_tile() { return kMaxTile; }

  static void PackPanel(const MatMulInput& in, uint32_t cols, uint32_t tile_begin, uint32_t tile_end, uint8_t* panel) {
    HWY_NAMESPACE::PackPanel(in, cols, tile_begin, tile_end, panel);
  }
  static void MatMul(const Matrix& w, const MatMulInput& in, uint32_t block_begin, uint32_t block_end, float* out,
                     size_t out_stride) {
    HWY_NAMESPACE::MatMul(w, in, block_begin, block_end, out, out_stride);
  }
  static void MatMulSwiGlu(const Matrix& gate, const Matrix& up, const MatMulInput& in, uint32_t block_begin,
                           uint32_t block_end, float* out, size_t out_stride) {
    HWY_NAMESPACE::MatMulSwiGlu(gate, up, in, block_begin, block_end, out, out_stride);
  }
  static float RmsNorm(const float* x, const float* weight, uint32_t n, float eps, float* out) {
    return HWY_NAMESPACE::RmsNorm(x, weight, n, eps, out);
  }
  static void Rope(float* head, uint32_t head_dim, const float* cos_sin) {
    HWY_NAMESPACE::Rope(head, head_dim, cos_sin);
  }
  static void StoreKv(const KvCache& kv, uint32_t kv_head, uint32_t position, const float* key, const float* value) {
    HWY_NAMESPACE::StoreKv(kv, kv_head, position, key, value);
  }
  static void Attend(const float* q, uint32_t queries, uint32_t position, const KvCache& kv, uint32_t kv_head,
                     float* out) {
    HWY_NAMESPACE::Attend(q, queries, position, kv, kv_head, out);
  }
  static void ShortConv(const float* bcx, uint32_t tokens, uint32_t hidden, uint32_t begin, uint32_t end,
                        const float* kernel, uint32_t taps, float* state, float* out) {
    HWY_NAMESPACE::ShortConv(bcx, tokens, hidden, begin, end, kernel, taps, state, out);
  }
  static void AddScaled(float* x, const float* y, float scale, uint32_t n) { HWY_NAMESPACE::AddScaled(x, y, scale, n); }
};

inline constexpr KernelTable kKernelTable = MakeKernelTable<SimdKernels>(kCpuTarget);

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_KERNELS_INL_H_
