// The public Session: tokens in, logits out.
#if defined(LFM2_RUNTIME_SESSION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LFM2_RUNTIME_SESSION_INL_H_
#undef LFM2_RUNTIME_SESSION_INL_H_
#else
#define LFM2_RUNTIME_SESSION_INL_H_
#endif

#include "lfm2/base/executor.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/kernels/kernels-inl.h"
#include "lfm2/kernels/reference.h"
#include "lfm2/layers/attention_operator-inl.h"
#include "lfm2/layers/feed_forward-inl.h"
#include "lfm2/layers/rope_table-inl.h"
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
    SlotPlan slots;
    LFM2_RETURN_IF_ERROR(CheckArena(config, normalized, shape, arena, &slots));
    // An earlier session's reads, of a call that timed out, end before their memory is used anew.
    if (shape.is_streamed()) LFM2_RETURN_IF_ERROR(CollectAll(*image.storage().queue()));
    Arena carver(arena);
    memory_.Carve(config, normalized, shape, slots, carver, nullptr);
    memory_.weights.Bind(image);
    if (shape.is_streamed()) memory_.experts.Bind(image, shape, slots, normalized);
    options_ = normalized;
    executor_ = executor;
    image_ = &image;
    FillRopeFrequency(config, rope_frequency_);
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

  // Forgets the sequence, and what was begun: the next token is at position 0.
  void Reset() {
    memory_.state.Reset();
    position_ = 0;
    work_ = Work();
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
  // Errors: kFailedPrecondition if not open, or where something was begun and is not finished; kInvalidArgument for no
  // tokens or an id outside the vocabulary (index() is its place); kContextFull; where experts are read, kIo, kTimeout
  // and kCorrupt, with the number of the record (moe_layer * experts + expert) as index() and the byte of the storage
  // as limit(). None of the tokens is remembered then: the same call may be made again, and gives what it would have
  // given. logits() are empty until it does.
  Status Prefill(Span<const int32_t> tokens) {
    LFM2_RETURN_IF_ERROR(Begin(tokens));
    return Finish();
  }

  // Appends one token. The same as Prefill of that token.
  Status Decode(int32_t token) { return Prefill({&token, 1}); }

  // Prefill in steps, for programs that have something else to do in between: takes the tokens and computes nothing.
  // `tokens` need not outlive the call. Errors: as Prefill's, but for reading.
  Status Begin(Span<const int32_t> tokens) {
    LFM2_RETURN_IF_ERROR(CheckTokens(tokens));
    if (is_streamed()) memory_.state.Save();
    // `tokens` may lie where they are remembered.
    std::memmove(memory_.tokens + position_, tokens.data(), tokens.size() * sizeof(int32_t));
    work_ = Work();
    work_.start = position_;
    work_.tokens = static_cast<uint32_t>(tokens.size());
    work_.output_blocks = memory_.weights.output.row_blocks();
    has_logits_ = false;
    return Status();
  }
  // Computes the next piece: the operator or the feed forward of one layer for options().prefill_chunk tokens at most,
  // or a part of the logits that multiplies no more than a feed forward does for one token. A piece that has to read
  // experts waits for them. Between two steps the session may be asked anything; only token_room() is not free. Errors:
  // kFailedPrecondition where nothing is left to do; Prefill's for reading, behind which nothing is, as in Prefill.
  Status Step() {
    if (steps_left() == 0) return Status(StatusCode::kFailedPrecondition, "Session::Step", "nothing was begun");
    return Advance(OutputBlocksOfStep());
  }
  // Calls of Step until logits() are there; 0: nothing is under way.
  uint32_t steps_left() const {
    if (work_.output_blocks == 0) return 0;
    return DivideUp(work_.tokens, options_.prefill_chunk) * 2 * config().layers - work_.stage +
           DivideUp(work_.output_blocks, OutputBlocksOfStep());
  }
  // All steps that are left.
  Status Finish() {
    while (work_.output_blocks > 0) LFM2_RETURN_IF_ERROR(Advance(UINT32_MAX));
    return Status();
  }

  // As Prefill, and calls sink(position, Span<const float> logits) for every one of the tokens, in order. Where it
  // fails half way, sink has been called for the tokens before.
  template <class Sink>
  Status PrefillLogits(Span<const int32_t> tokens, Sink&& sink) {
    LFM2_RETURN_IF_ERROR(Begin(tokens));
    while (work_.tokens > 0) {
      const uint32_t first = position_;
      const uint32_t count = Min(work_.tokens, options_.prefill_chunk);
      while (position_ == first) LFM2_RETURN_IF_ERROR(AdvanceChunk());
      for (uint32_t row = 0; row < count;) {
        const uint32_t rows = Min(count - row, options_.logits_rows);
        PackOutputInput(row, rows);
        ComputeLogits(rows, 0, memory_.weights.output.row_blocks());
        for (uint32_t i = 0; i < rows; ++i, ++row) {
          logits_row_ = i;
          has_logits_ = true;
          sink(first + row, logits());
        }
      }
    }
    work_ = Work();
    return Status();
  }

  // logits[vocab_size] of the last token, overwritten by the next call; empty before the first, while steps are left,
  // and behind a call that failed while reading.
  Span<const float> logits() const {
    const size_t size = config().vocab_size;
    return {memory_.logits + logits_row_ * size, has_logits_ ? size : 0};
  }

 private:
  // What Begin has begun.
  struct Work {
    uint32_t start = 0;             // position before the first token
    uint32_t tokens = 0;            // that are not yet through all layers
    uint32_t stage = 0;             // of the current chunk: 2 * layer, and 1 more where its operator is done
    uint32_t attention_layers = 0;  // passed by the current chunk
    uint32_t row = 0;               // of the last chunk's tokens, the last
    uint32_t output_blocks = 0;     // row blocks of the logits that are left; 0: nothing is under way
  };

  // Not inlined: the plan need not stay on the stack of Open.
  static LFM2_NOINLINE Status CheckArena(const ModelConfig& config, const SessionOptions& normalized,
                                         const StreamShape& shape, Span<std::byte> arena, SlotPlan* slots) {
    const Plan plan = MakePlan(config, normalized, shape);
    if (shape.is_streamed() && normalized.arena_bytes > 0 && normalized.arena_bytes < plan.least_bytes) {
      return Status(StatusCode::kArenaTooSmall, "options.arena_bytes", "does not hold one expert at a time",
                    normalized.arena_bytes, plan.least_bytes);
    }
    const uint64_t needed = plan.total_bytes - plan.front_bytes;
    if (arena.size() < needed) {
      return Status(StatusCode::kArenaTooSmall, "arena", "does not hold the plan", arena.size(), needed);
    }
    *slots = plan.slots;
    return Status();
  }

  Status CheckTokens(Span<const int32_t> tokens) const {
    if (!is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Prefill", "the session is not open");
    if (steps_left() > 0) {
      return Status(StatusCode::kFailedPrecondition, "Session::Prefill", "what was begun is not finished: steps left",
                    steps_left());
    }
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

  LayerContext Context(uint32_t tokens) {
    ExpertCache* const cache = is_streamed() ? &memory_.experts : nullptr;
    return {config(), memory_.workspace, executor_, observer_, cache, position_, tokens};
  }

  // Row blocks of the logits whose products are as many as those of the widest feed forward.
  uint32_t OutputBlocksOfStep() const {
    const ModelConfig& c = config();
    const uint32_t dense = c.dense_layers > 0 ? c.dense_ff_size : 0;
    return Max<uint32_t>(1, 3 * Max(dense, c.experts_per_token * c.expert_ff_size) / kBlockRows);
  }

  // One step, and `output_blocks` of the logits if that is what comes next.
  Status Advance(uint32_t output_blocks) {
    if (work_.tokens > 0) return AdvanceChunk();
    const uint32_t blocks = memory_.weights.output.row_blocks();
    if (work_.output_blocks == blocks) PackOutputInput(work_.row, 1);
    const uint32_t begin = blocks - work_.output_blocks;
    const uint32_t count = Min(output_blocks, work_.output_blocks);
    ComputeLogits(1, begin, begin + count);
    work_.output_blocks -= count;
    logits_row_ = 0;
    has_logits_ = work_.output_blocks == 0;
    return Status();
  }

  // One operator or one feed forward of the chunk that work_ is at. Behind the last, workspace.x is the residual stream
  // behind the last layer. Nothing fails but reading, and then the session goes back to where it was.
  Status AdvanceChunk() {
    const ModelConfig& c = config();
    const uint32_t count = Min(work_.tokens, options_.prefill_chunk), layer = work_.stage / 2;
    const LayerContext ctx = Context(count);
    if (work_.stage == 0) Embed(ctx);
    if (work_.stage % 2 == 0) {
      RunOperator(ctx, layer);
    } else {
      const Status status = RunFeedForward(ctx, layer);
      if (!status.ok()) {
        memory_.state.Restore();
        position_ = work_.start;
        work_ = Work();
        has_logits_ = false;
        return status;
      }
    }
    if (++work_.stage < 2 * c.layers) return Status();
    Observe(ctx, c.layers);
    position_ += count;
    work_.tokens -= count;
    work_.stage = work_.attention_layers = 0;
    work_.row = count - 1;
    return Status();
  }

  void Embed(const LayerContext& ctx) {
    const ModelConfig& c = config();
    const Workspace& ws = memory_.workspace;
    ForTokens(ctx, [&](uint32_t t) {
      DequantizeRow(memory_.weights.token_embedding, static_cast<uint32_t>(memory_.tokens[position_ + t]),
                    ws.x + size_t{t} * c.hidden_size);
      FillRope(rope_frequency_, c.head_dim, position_ + t, ws.rope + size_t{t} * c.head_dim);
      Normalize(kernels_, ctx, t, memory_.weights.layers[0].operator_norm);
    });
  }

  void RunOperator(const LayerContext& ctx, uint32_t layer) {
    Observe(ctx, layer);
    const LayerWeights& weights = memory_.weights.layers[layer];
    if (config().layer_kind[layer] == LayerKind::kAttention) {
      AttentionOperator(kernels_, ctx, weights, memory_.state.kv(work_.attention_layers++));
    } else {
      ShortConvOperator(kernels_, ctx, weights, memory_.state.conv(layer - work_.attention_layers));
    }
    ForTokens(ctx, [&](uint32_t t) {
      AddDelta(kernels_, ctx, t);
      Normalize(kernels_, ctx, t, weights.ffn_norm);
    });
  }

  Status RunFeedForward(const LayerContext& ctx, uint32_t layer) {
    const LayerWeights* const layers = memory_.weights.layers;
    if (config().is_moe_layer(layer)) {
      LFM2_RETURN_IF_ERROR(MoeFeedForward(kernels_, ctx, layers, *image_, layer));
    } else {
      DenseFeedForward(kernels_, ctx, layers[layer]);
    }
    ForTokens(ctx, [&](uint32_t t) {
      AddDelta(kernels_, ctx, t);
      if (layer + 1 < config().layers) Normalize(kernels_, ctx, t, layers[layer + 1].operator_norm);
    });
    return Status();
  }

  // logits[rows, vocab_size] = output . RMSNorm(x[row .. row + rows - 1]): first the input, which stays in the
  // workspace, then blocks of the vocabulary.
  void PackOutputInput(uint32_t row, uint32_t rows) {
    const ModelConfig& c = config();
    const Workspace& ws = memory_.workspace;
    for (uint32_t i = 0; i < rows; ++i) {
      kernels_.RmsNorm(ws.x + size_t{row + i} * c.hidden_size, memory_.weights.output_norm, c.hidden_size, c.norm_eps,
                       ws.normed + size_t{i} * c.hidden_size);
    }
    PackInput(kernels_, Context(rows), ws.normed, c.hidden_size, ws.panel);
  }
  void ComputeLogits(uint32_t rows, uint32_t begin, uint32_t end) {
    const Workspace& ws = memory_.workspace;
    const Matrix& output = memory_.weights.output;
    const MatMulInput in = PackedInput(rows, ws.normed, config().hidden_size, ws.panel);
    ParallelRanges(executor_, end - begin, [&](uint32_t first, uint32_t last) {
      kernels_.MatMul(output, in, begin + first, begin + last, memory_.logits, output.rows);
    });
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
  Work work_;
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
