// The SIMD kernels behind one interface, which kernels/reference.h has as well.
#if defined(LFM2_KERNELS_KERNELS_INL_H_) == (defined(HWY_TARGET_TOGGLE) != defined(LFM2_ROW_TOGGLE))
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

LFM2_BEFORE_NAMESPACE();
namespace lfm2 {
namespace LFM2_TARGET {

// The name in options of the instruction set that this pass compiles for.
inline constexpr CpuTarget kCpuTarget = HWY_TARGET == HWY_SSE4                         ? CpuTarget::kSse4
                                        : HWY_TARGET == HWY_AVX2 && LFM2_HAVE_AVX_VNNI ? CpuTarget::kAvxVnni
                                        : HWY_TARGET == HWY_AVX2                       ? CpuTarget::kAvx2
                                        : HWY_TARGET == HWY_AVX3_DL                    ? CpuTarget::kAvx3Dl
                                        : HWY_TARGET == HWY_SVE2 && LFM2_HAVE_I8MM     ? CpuTarget::kSve2
                                        : HWY_TARGET_IS_NEON && LFM2_HAVE_I8MM         ? CpuTarget::kNeonI8mm
                                        : HWY_TARGET_IS_NEON && LFM2_HAVE_DOTPROD      ? CpuTarget::kNeonDotprod
                                                                                       : CpuTarget::kBaseline;

// Each function is documented where it is defined, and as a formula in ReferenceKernels.
struct SimdKernels {
  // The instruction set, such as "AVX2": Highway's name where that is unambiguous.
  static const char* name() {
    switch (kCpuTarget) {
      case CpuTarget::kAvxVnni: return "AVX2_VNNI";
      case CpuTarget::kNeonDotprod: return "NEON_DOTPROD";
      case CpuTarget::kNeonI8mm: return "NEON_I8MM";
      default: return HWY_TARGET_IS_NEON ? "NEON" : hwy::TargetName(HWY_TARGET);
    }
  }
  static constexpr uint32_t kMaxTile = LFM2_TARGET::kMaxTile;
  static constexpr uint32_t max_tile() { return kMaxTile; }

  static void PackPanel(const MatMulInput& in, uint32_t cols, uint32_t tile_begin, uint32_t tile_end, uint8_t* panel) {
    LFM2_TARGET::PackPanel(in, cols, tile_begin, tile_end, panel);
  }
  static void MatMul(const Matrix& w, const MatMulInput& in, uint32_t block_begin, uint32_t block_end, float* out,
                     size_t out_stride) {
    LFM2_TARGET::MatMul(w, in, block_begin, block_end, out, out_stride);
  }
  static void MatMulSwiGlu(const Matrix& gate, const Matrix& up, const MatMulInput& in, uint32_t block_begin,
                           uint32_t block_end, float* out, size_t out_stride) {
    LFM2_TARGET::MatMulSwiGlu(gate, up, in, block_begin, block_end, out, out_stride);
  }
  static float RmsNorm(const float* x, const float* weight, uint32_t n, float eps, float* out) {
    return LFM2_TARGET::RmsNorm(x, weight, n, eps, out);
  }
  static void Rope(float* head, uint32_t head_dim, const float* cos_sin) { LFM2_TARGET::Rope(head, head_dim, cos_sin); }
  static void StoreKv(const KvCache& kv, uint32_t kv_head, uint32_t position, const float* key, const float* value) {
    LFM2_TARGET::StoreKv(kv, kv_head, position, key, value);
  }
  static void AttendPart(const float* q, uint32_t queries, uint32_t begin, uint32_t end, const KvCache& kv,
                         uint32_t kv_head, float* out, AttentionSum* sums) {
    LFM2_TARGET::AttendPart(q, queries, begin, end, kv, kv_head, out, sums);
  }
  static void JoinPart(const float* part, const AttentionSum* part_sums, uint32_t queries, uint32_t head_dim,
                       float* out, AttentionSum* sums) {
    LFM2_TARGET::JoinPart(part, part_sums, queries, head_dim, out, sums);
  }
  static void EndAttention(const AttentionSum* sums, uint32_t queries, uint32_t head_dim, float* out) {
    LFM2_TARGET::EndAttention(sums, queries, head_dim, out);
  }
  static void ShortConv(const float* bcx, uint32_t tokens, uint32_t hidden, uint32_t begin, uint32_t end,
                        const float* kernel, uint32_t taps, float* state, float* out) {
    LFM2_TARGET::ShortConv(bcx, tokens, hidden, begin, end, kernel, taps, state, out);
  }
  static void AddScaled(float* x, const float* y, float scale, uint32_t n) { LFM2_TARGET::AddScaled(x, y, scale, n); }
};

inline constexpr KernelTable kKernelTable = MakeKernelTable<SimdKernels>(kCpuTarget);

}  // namespace LFM2_TARGET
}  // namespace lfm2
LFM2_AFTER_NAMESPACE();

#endif  // LFM2_KERNELS_KERNELS_INL_H_
