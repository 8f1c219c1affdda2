// The scalar oracle: every operation of the model written as its formula, with float activations and sums in double. It
// is slow; the fast kernels are compared with it.
#ifndef LFM2_KERNELS_REFERENCE_H_
#define LFM2_KERNELS_REFERENCE_H_

#include <cmath>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/model_config.h"
#include "lfm2/format/tensor_type.h"
#include "lfm2/kernels/dequantize.h"
#include "lfm2/kernels/kv_cache.h"
#include "lfm2/kernels/panel.h"

namespace lfm2 {

// The same interface as the SIMD kernels (kernels/kernels-inl.h), so that a session runs on either.
struct ReferenceKernels {
  static const char* name() { return "REFERENCE"; }
  static constexpr uint32_t kMaxTile = 1;
  static constexpr uint32_t max_tile() { return kMaxTile; }

  // Float activations need no panel.
  static void PackPanel(const MatMulInput&, uint32_t, uint32_t, uint32_t, uint8_t*) {}

  // out[t, row] = sum over columns of w[row, :] . x[t, :] for the rows of blocks [block_begin, block_end).
  static void MatMul(const Matrix& w, const MatMulInput& in, uint32_t block_begin, uint32_t block_end, float* out,
                     size_t out_stride) {
    const uint32_t row_end = Min(w.rows, block_end * kBlockRows);
    for (uint32_t row = block_begin * kBlockRows; row < row_end; ++row) {
      for (uint32_t t = 0; t < in.tokens; ++t) out[t * out_stride + row] = Dot(w, row, in.Row(t));
    }
  }

  // out[t, row] = silu(gate[row, :] . x[t, :]) * (up[row, :] . x[t, :]), silu(v) = v / (1 + exp(-v)).
  static void MatMulSwiGlu(const Matrix& gate, const Matrix& up, const MatMulInput& in, uint32_t block_begin,
                           uint32_t block_end, float* out, size_t out_stride) {
    const uint32_t row_end = Min(gate.rows, block_end * kBlockRows);
    for (uint32_t row = block_begin * kBlockRows; row < row_end; ++row) {
      for (uint32_t t = 0; t < in.tokens; ++t) {
        const float g = Dot(gate, row, in.Row(t));
        out[t * out_stride + row] = g / (1.0f + std::exp(-g)) * Dot(up, row, in.Row(t));
      }
    }
  }

  // out[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]; out may be x. Returns mean(x^2). Where that is not finite,
  // because of an infinity or a NaN in x or squares that are too large for a float, all of out is NaN.
  static float RmsNorm(const float* x, const float* weight, uint32_t n, float eps, float* out) {
    double sum = 0;
    for (uint32_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const float mean = static_cast<float>(sum / n);
    const double inverse =
        IsFinite(mean) ? 1.0 / std::sqrt(sum / n + static_cast<double>(eps)) : static_cast<double>(NAN);
    for (uint32_t i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(x[i]) * inverse) * weight[i];
    return mean;
  }

  // Rotates pairs (i, i + head_dim / 2) of one head; cos_sin[2][head_dim / 2]: cosines, then sines.
  static void Rope(float* head, uint32_t head_dim, const float* cos_sin) {
    const uint32_t half = head_dim / 2;
    for (uint32_t i = 0; i < half; ++i) {
      const float a = head[i], b = head[i + half], c = cos_sin[i], s = cos_sin[half + i];
      head[i] = a * c - b * s;
      head[i + half] = b * c + a * s;
    }
  }

  // Writes one head's key and value [head_dim] of a position. kInt8: round(x * 127 / max |x|), ties to even, and the
  // scale max |x| / 127; both are 0 where max |x| is below 1e-30; where it is an infinity or a NaN, values are 0 and
  // the scale is NaN.
  static void StoreKv(const KvCache& kv, uint32_t kv_head, uint32_t position, const float* key, const float* value) {
    const size_t k = kv.HeadOffset(kv_head) + kv.KeyOffset(position);
    const size_t v = kv.HeadOffset(kv_head) + kv.ValueOffset(position);
    const size_t s = kv.ScaleOffset(kv_head, position);
    for (uint32_t d = 0; d < kv.head_dim; ++d) {
      switch (kv.type) {
        case KvCacheType::kF16:
          static_cast<uint16_t*>(kv.keys)[k + d * kKeyBlock] = F16FromF32(key[d]);
          static_cast<uint16_t*>(kv.values)[v + d] = F16FromF32(value[d]);
          break;
        case KvCacheType::kF32:
          static_cast<float*>(kv.keys)[k + d * kKeyBlock] = key[d];
          static_cast<float*>(kv.values)[v + d] = value[d];
          break;
        case KvCacheType::kInt8:
          if (d == 0) {
            kv.key_scales[s] = Largest(key, kv.head_dim) / 127.0f;
            kv.value_scales[s] = Largest(value, kv.head_dim) / 127.0f;
          }
          static_cast<int8_t*>(kv.keys)[k + d * kKeyBlock] = Int8Of(key[d], Largest(key, kv.head_dim));
          static_cast<int8_t*>(kv.values)[v + d] = Int8Of(value[d], Largest(value, kv.head_dim));
          break;
      }
    }
  }

  // out[h, :] = sum over positions j from begin to end - 1 of exp(score[j] - sums[h].highest) * value[j], where
  // score[j] = q[h, :] . key[j] / sqrt(head_dim), for each of `queries` heads that share kv_head; sums[h]: the highest
  // score, and the sum of the exponentials. q and out are [queries, head_dim]. Scores are computed twice, which needs
  // no scratch memory. A score that is an infinity or a NaN makes the sum NaN.
  static void AttendPart(const float* q, uint32_t queries, uint32_t begin, uint32_t end, const KvCache& kv,
                         uint32_t kv_head, float* out, AttentionSum* sums) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(kv.head_dim));
    for (uint32_t h = 0; h < queries; ++h) {
      const float* query = q + h * kv.head_dim;
      float highest = -INFINITY;
      double sum = 0;
      for (uint32_t j = begin; j < end; ++j) {
        const float score = Score(query, kv, kv_head, j) * scale;
        highest = std::fmax(highest, score);
        if (!IsFinite(score)) sum = static_cast<double>(NAN);
      }
      double acc[kMaxHeadDim] = {};
      for (uint32_t j = begin; j < end; ++j) {
        const double p = std::exp(static_cast<double>(Score(query, kv, kv_head, j) * scale - highest));
        sum += p;
        for (uint32_t d = 0; d < kv.head_dim; ++d) {
          acc[d] += p * static_cast<double>(Value(kv, kv_head, j, d));
        }
      }
      sums[h] = {highest, static_cast<float>(sum)};
      for (uint32_t d = 0; d < kv.head_dim; ++d) out[h * kv.head_dim + d] = static_cast<float>(acc[d]);
    }
  }
  // Joins two parts: with H the higher of the two highest scores, out = out * exp(own - H) + part * exp(its - H), and
  // the same for the sums.
  static void JoinPart(const float* part, const AttentionSum* part_sums, uint32_t queries, uint32_t head_dim,
                       float* out, AttentionSum* sums) {
    for (uint32_t h = 0; h < queries; ++h) {
      const float highest = std::fmax(sums[h].highest, part_sums[h].highest);
      const double fade = std::exp(static_cast<double>(sums[h].highest - highest));
      const double part_fade = std::exp(static_cast<double>(part_sums[h].highest - highest));
      const auto join = [&](float own, float its) {
        return static_cast<float>(static_cast<double>(own) * fade + static_cast<double>(its) * part_fade);
      };
      for (uint32_t d = h * head_dim; d < (h + 1) * head_dim; ++d) out[d] = join(out[d], part[d]);
      sums[h] = {highest, join(sums[h].sum, part_sums[h].sum)};
    }
  }
  // out[h, :] /= sums[h].sum: softmax(scores) . values.
  static void EndAttention(const AttentionSum* sums, uint32_t queries, uint32_t head_dim, float* out) {
    for (uint32_t h = 0; h < queries; ++h) {
      for (uint32_t d = h * head_dim; d < (h + 1) * head_dim; ++d) out[d] /= sums[h].sum;
    }
  }

  // Gated short convolution of channels [begin, end): with u = B * x, out[t] = C[t] * sum over k of kernel[k] * u[t -
  // taps + 1 + k]. bcx[tokens, 3 * hidden] holds B, C, x; state[taps - 1, hidden] the last u, oldest first, and is
  // updated.
  static void ShortConv(const float* bcx, uint32_t tokens, uint32_t hidden, uint32_t begin, uint32_t end,
                        const float* kernel, uint32_t taps, float* state, float* out) {
    for (uint32_t t = 0; t < tokens; ++t) {
      const float* row = bcx + size_t{t} * 3 * hidden;
      for (uint32_t c = begin; c < end; ++c) {
        const float u = row[c] * row[2 * hidden + c];
        double sum = static_cast<double>(kernel[size_t{taps - 1} * hidden + c]) * static_cast<double>(u);
        for (uint32_t k = 0; k + 1 < taps; ++k) {
          sum +=
              static_cast<double>(kernel[size_t{k} * hidden + c]) * static_cast<double>(state[size_t{k} * hidden + c]);
          state[size_t{k} * hidden + c] = k + 2 < taps ? state[size_t{k + 1} * hidden + c] : u;
        }
        out[size_t{t} * hidden + c] = row[hidden + c] * static_cast<float>(sum);
      }
    }
  }

  // x[n] += scale * y[n].
  static void AddScaled(float* x, const float* y, float scale, uint32_t n) {
    for (uint32_t i = 0; i < n; ++i) x[i] += scale * y[i];
  }

 private:
  static float Dot(const Matrix& w, uint32_t row, const float* x) {
    double sum = 0;
    float group[kGroupColumns];
    for (uint32_t g = 0; g < w.cols / kGroupColumns; ++g) {
      DequantizeGroup(w, row, g, group);
      for (uint32_t i = 0; i < kGroupColumns; ++i) {
        sum += static_cast<double>(group[i]) * static_cast<double>(x[g * kGroupColumns + i]);
      }
    }
    return static_cast<float>(sum);
  }

  // 0 where all of x[n] is too small to be quantised, NaN where a number is an infinity or a NaN.
  static float Largest(const float* x, uint32_t n) {
    float largest = 0.0f;
    for (uint32_t i = 0; i < n; ++i) {
      if (!IsFinite(x[i])) return NAN;
      largest = std::fmax(largest, std::fabs(x[i]));
    }
    return largest > 1e-30f ? largest : 0.0f;
  }

  static int8_t Int8Of(float x, float largest) {
    return largest > 0.0f ? static_cast<int8_t>(std::nearbyint(x * (127.0f / largest))) : int8_t{0};
  }

  // Element i of `data`, with scale scales[s] if the type has scales.
  static float Element(KvCacheType type, const void* data, size_t i, const float* scales, size_t s) {
    switch (type) {
      case KvCacheType::kF16: return F32FromF16(static_cast<const uint16_t*>(data)[i]);
      case KvCacheType::kF32: return static_cast<const float*>(data)[i];
      case KvCacheType::kInt8: return static_cast<float>(static_cast<const int8_t*>(data)[i]) * scales[s];
    }
    return 0.0f;
  }
  static float Key(const KvCache& kv, uint32_t kv_head, uint32_t position, uint32_t d) {
    return Element(kv.type, kv.keys, kv.HeadOffset(kv_head) + kv.KeyOffset(position) + d * kKeyBlock, kv.key_scales,
                   kv.ScaleOffset(kv_head, position));
  }
  static float Value(const KvCache& kv, uint32_t kv_head, uint32_t position, uint32_t d) {
    return Element(kv.type, kv.values, kv.HeadOffset(kv_head) + kv.ValueOffset(position) + d, kv.value_scales,
                   kv.ScaleOffset(kv_head, position));
  }

  static float Score(const float* query, const KvCache& kv, uint32_t kv_head, uint32_t position) {
    double sum = 0;
    for (uint32_t d = 0; d < kv.head_dim; ++d) {
      sum += static_cast<double>(query[d]) * static_cast<double>(Key(kv, kv_head, position, d));
    }
    return static_cast<float>(sum);
  }
};

}  // namespace lfm2

#endif  // LFM2_KERNELS_REFERENCE_H_
