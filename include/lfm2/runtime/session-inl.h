// The public Session: tokens in, logits out.
#if defined(LFM2_RUNTIME_SESSION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_RUNTIME_SESSION_INL_H_
#undef LFM2_RUNTIME_SESSION_INL_H_
#else
#define LFM2_RUNTIME_SESSION_INL_H_
#endif

#include <cmath>

#include "lfm2/base/executor.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/kernels/kernels-inl.h"
#include "lfm2/kernels/reference.h"
#include "lfm2/layers/attention_operator-inl.h"
#include "lfm2/layers/feed_forward-inl.h"
#include "lfm2/layers/short_conv-inl.h"
#include "lfm2/runtime/plan.h"
#include "lfm2/storage/read_all.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// A model at work on one sequence of tokens. Everything it writes lies in the arena it is opened with. Not thread-safe:
// one call at a time. The image, its storage, the arena, the executor and the observer outlive it.
template <class Kernels>
class BasicSession {
 public:
  // arena: aligned to kAlignment and at least MakePlan(image.config(), options).total_bytes long. Where experts are
  // read, it is what Image::Open has left of an arena of MakePlan(config, options, StreamShapeOf(image)).total_bytes.
  // executor: may be null. Errors: kFailedPrecondition if open already or the image is not; kInvalidArgument for bad
  // options or a misaligned arena; kUnsupported for options.cpu_target; kArenaTooSmall, where limit() is what is
  // needed; kTimeout where reads of an earlier session have still not ended.
  Status Open(const Image& image, const SessionOptions& options, Span<std::byte> arena,
              const Executor* executor = nullptr) {
    if (is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Open", "the session is open already");
    if (!image.is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Open", "the image is not open");
    const ModelConfig& config = image.config();
    const SessionOptions normalized = Normalized(config, options);
    LFM2_RETURN_IF_ERROR(CheckOptions(config, options));
    LFM2_RETURN_IF_ERROR(kernels_.Select(options.cpu_target));
    const StreamShape shape = StreamShapeOf(image);
    if (reinterpret_cast<uintptr_t>(arena.data()) % (shape.is_streamed() ? kRecordAlignment : kAlignment) != 0) {
      return Status(StatusCode::kInvalidArgument, "arena", "is not aligned: multiple needed",
                    reinterpret_cast<uintptr_t>(arena.data()), shape.is_streamed() ? kRecordAlignment : kAlignment);
    }
    const Plan plan = MakePlan(config, normalized, shape);
    if (shape.is_streamed() && normalized.arena_bytes > 0 && normalized.arena_bytes < plan.least_bytes) {
      return Status(StatusCode::kArenaTooSmall, "options.arena_bytes", "does not hold one expert at a time",
                    normalized.arena_bytes, plan.least_bytes);
    }
    const uint64_t needed = plan.total_bytes - plan.front_bytes;
    if (arena.size() < needed) {
      return Status(StatusCode::kArenaTooSmall, "arena", "does not hold the plan", arena.size(), needed);
    }
    // An earlier session's reads, of a call that timed out, end before their memory is used anew.
    if (shape.is_streamed()) LFM2_RETURN_IF_ERROR(CollectAll(*image.storage().queue()));
    Arena carver(arena);
    memory_.Carve(config, normalized, shape, plan.slots, carver, nullptr);
    memory_.weights.Bind(image);
    if (shape.is_streamed()) memory_.experts.Bind(image, shape, plan.slots, normalized);
    options_ = normalized;
    executor_ = executor;
    image_ = &image;
    for (uint32_t i = 0; i < config.head_dim / 2; ++i) {
      const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
      rope_frequency_[i] = 1.0f / std::pow(config.rope_theta, exponent);
    }
    Reset();
    return Status();
  }

  bool is_open() const { return image_ != nullptr; }
  // Only valid once open.
  const Image& image() const { return *image_; }
  const ModelConfig& config() const { return image_->config(); }
  // The options it runs with, defaults filled in.
  const SessionOptions& options() const { return options_; }
  // The instruction set of its kernels, by Highway's name: "AVX2".
  const char* kernels_name() const { return kernels_.name(); }
  // Positions used so far, of options().context_length.
  uint32_t position() const { return position_; }
  // The ids at those positions.
  Span<const int32_t> tokens() const { return {memory_.tokens, position_}; }
  // Room for the ids of the positions that are left: a place to encode the next prompt in. Prefill may be given it.
  Span<int32_t> token_room() const { return {memory_.tokens + position_, options_.context_length - position_}; }
  // Memory that text/ may use between two calls of the session.
  Span<std::byte> text_scratch() const {
    return {memory_.text_scratch, static_cast<size_t>(memory_.text_scratch_bytes)};
  }

  // Forgets the sequence: the next token is at position 0.
  void Reset() {
    memory_.state.Reset();
    position_ = 0;
    has_logits_ = false;
  }

  // nullptr: none.
  void SetObserver(const Observer* observer) { observer_ = observer; }

  // Where experts are read: how that went since Open.
  bool is_streamed() const { return image_->is_streamed(); }
  StreamStatistics statistics() const { return is_streamed() ? memory_.experts.TotalStatistics() : StreamStatistics(); }
  // moe_layer = layer - dense_layers; only where is_streamed().
  const StreamStatistics& layer_statistics(uint32_t moe_layer) const {
    return memory_.experts.layer_statistics(moe_layer);
  }

  // Appends tokens to the sequence, options().prefill_chunk at a time, and computes the logits of the last one.
  // Errors: kFailedPrecondition if not open; kInvalidArgument for no tokens or an id outside the vocabulary (index() is
  // its place); kContextFull; where experts are read, kIo, kTimeout and kCorrupt, with the number of the record
  // (moe_layer * experts + expert) as index() and the byte of the storage as limit(). None of the tokens is remembered
  // then: the same call may be made again, and gives what it would have given. logits() are empty until it does.
  Status Prefill(Span<const int32_t> tokens) {
    LFM2_RETURN_IF_ERROR(CheckTokens(tokens));
    const uint32_t start = Save();
    for (size_t begin = 0; begin < tokens.size();) {
      const size_t count = Min<size_t>(tokens.size() - begin, options_.prefill_chunk);
      LFM2_RETURN_IF_ERROR(OrGoBack(RunChunk(tokens.subspan(begin, count)), start));
      begin += count;
      if (begin == tokens.size()) ComputeLogits(static_cast<uint32_t>(count) - 1, 1);
    }
    return Status();
  }

  // Appends one token. The same as Prefill of that token.
  Status Decode(int32_t token) { return Prefill({&token, 1}); }

  // As Prefill, and calls sink(position, Span<const float> logits) for every one of the tokens, in order. Where it
  // fails half way, sink has been called for the tokens before.
  template <class Sink>
  Status PrefillLogits(Span<const int32_t> tokens, Sink&& sink) {
    LFM2_RETURN_IF_ERROR(CheckTokens(tokens));
    const uint32_t start = Save();
    for (size_t begin = 0; begin < tokens.size();) {
      const uint32_t first = position_;
      const uint32_t count = static_cast<uint32_t>(Min<size_t>(tokens.size() - begin, options_.prefill_chunk));
      LFM2_RETURN_IF_ERROR(OrGoBack(RunChunk(tokens.subspan(begin, count)), start));
      begin += count;
      for (uint32_t row = 0; row < count;) {
        const uint32_t rows = Min(count - row, options_.logits_rows);
        ComputeLogits(row, rows);
        for (uint32_t i = 0; i < rows; ++i, ++row) {
          logits_row_ = i;
          sink(first + row, logits());
        }
      }
    }
    return Status();
  }

  // logits[vocab_size] of the last token, overwritten by the next call; empty before the first and behind a call that
  // failed while reading.
  Span<const float> logits() const {
    const size_t size = config().vocab_size;
    return {memory_.logits + logits_row_ * size, has_logits_ ? size : 0};
  }

 private:
  Status CheckTokens(Span<const int32_t> tokens) const {
    if (!is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Prefill", "the session is not open");
    if (tokens.empty()) return Status(StatusCode::kInvalidArgument, "tokens", "are none");
    if (tokens.size() > options_.context_length - position_) {
      return Status(StatusCode::kContextFull, "tokens", "do not fit the context: positions needed",
                    uint64_t{position_} + tokens.size(), options_.context_length);
    }
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= config().vocab_size) {
        return Status(StatusCode::kInvalidArgument, "token", "is not in the vocabulary",
                      static_cast<uint32_t>(tokens[i]), config().vocab_size)
            .At(static_cast<uint32_t>(i));
      }
    }
    return Status();
  }

  // Nothing fails once the arguments are good, except reading.
  uint32_t Save() {
    if (is_streamed()) memory_.state.Save();
    return position_;
  }
  Status OrGoBack(const Status& status, uint32_t start) {
    if (status.ok()) return status;
    memory_.state.Restore();
    position_ = start;
    has_logits_ = false;
    return status;
  }

  // The chunk's tokens through all layers: workspace.x becomes their residual stream behind the last layer.
  Status RunChunk(Span<const int32_t> tokens) {
    const ModelConfig& c = config();
    const Workspace& ws = memory_.workspace;
    const uint32_t count = static_cast<uint32_t>(tokens.size());
    ExpertCache* const cache = is_streamed() ? &memory_.experts : nullptr;
    const LayerContext ctx{c, ws, executor_, observer_, cache, position_, count};
    ForTokens(ctx, [&](uint32_t t) {
      DequantizeRow(memory_.weights.token_embedding, static_cast<uint32_t>(tokens[t]),
                    ws.x + size_t{t} * c.hidden_size);
      FillRope(position_ + t, ws.rope + size_t{t} * c.head_dim);
      Normalize(kernels_, ctx, t, memory_.weights.layers[0].operator_norm);
    });
    // `tokens` may lie where it is remembered.
    std::memmove(memory_.tokens + position_, tokens.data(), count * sizeof(int32_t));
    uint32_t attention_layers = 0;
    for (uint32_t layer = 0; layer < c.layers; ++layer) {
      Observe(ctx, layer);
      const LayerWeights& weights = memory_.weights.layers[layer];
      if (c.layer_kind[layer] == LayerKind::kAttention) {
        AttentionOperator(kernels_, ctx, weights, memory_.state.kv(attention_layers++));
      } else {
        ShortConvOperator(kernels_, ctx, weights, memory_.state.conv(layer - attention_layers));
      }
      ForTokens(ctx, [&](uint32_t t) {
        AddDelta(kernels_, ctx, t);
        Normalize(kernels_, ctx, t, weights.ffn_norm);
      });
      if (c.is_moe_layer(layer)) {
        LFM2_RETURN_IF_ERROR(MoeFeedForward(kernels_, ctx, memory_.weights.layers, *image_, layer));
      } else {
        DenseFeedForward(kernels_, ctx, weights);
      }
      ForTokens(ctx, [&](uint32_t t) {
        AddDelta(kernels_, ctx, t);
        if (layer + 1 < c.layers) Normalize(kernels_, ctx, t, memory_.weights.layers[layer + 1].operator_norm);
      });
    }
    Observe(ctx, c.layers);
    position_ += count;
    return Status();
  }

  // logits[rows, vocab_size] = output . RMSNorm(x[row .. row + rows - 1]).
  void ComputeLogits(uint32_t row, uint32_t rows) {
    const ModelConfig& c = config();
    const Workspace& ws = memory_.workspace;
    for (uint32_t i = 0; i < rows; ++i) {
      kernels_.RmsNorm(ws.x + size_t{row + i} * c.hidden_size, memory_.weights.output_norm, c.hidden_size, c.norm_eps,
                       ws.normed + size_t{i} * c.hidden_size);
    }
    const LayerContext ctx{c, ws, executor_, nullptr, nullptr, 0, rows};
    const Product output[] = {{&memory_.weights.output, memory_.logits}};
    MultiplyAll(kernels_, executor_, output, PackInput(kernels_, ctx, ws.normed, c.hidden_size, ws.panel));
    logits_row_ = rows - 1;
    has_logits_ = true;
  }

  // cos_sin[head_dim]: cosines, then sines, of position / theta^(2 i / head_dim).
  void FillRope(uint32_t position, float* cos_sin) const {
    const uint32_t half = config().head_dim / 2;
    for (uint32_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(position) * rope_frequency_[i];
      cos_sin[i] = std::cos(angle);
      cos_sin[half + i] = std::sin(angle);
    }
  }

  static void Observe(const LayerContext& ctx, uint32_t layer) {
    if (ctx.observer == nullptr || ctx.observer->hidden == nullptr) return;
    ctx.observer->hidden(ctx.observer->context, layer, ctx.position, ctx.tokens, ctx.workspace.x);
  }

  Kernels kernels_;
  const Image* image_ = nullptr;
  const Executor* executor_ = nullptr;
  const Observer* observer_ = nullptr;
  SessionOptions options_;
  SessionMemory memory_;
  float rope_frequency_[kMaxHeadDim / 2] = {};
  uint32_t position_ = 0;
  uint32_t logits_row_ = 0;
  bool has_logits_ = false;
};

using Session = BasicSession<SimdKernels>;
// Float activations and scalar formulas: slow, and what everything else is compared with. Open it with
// KvCacheType::kF32.
using ReferenceSession = BasicSession<ReferenceKernels>;

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

#endif  // LFM2_RUNTIME_SESSION_INL_H_
