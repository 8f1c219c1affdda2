// The definitions of Session's functions: in every unit, or with LFM2_SEPARATE_COMPILATION in one.
#ifndef LFM2_RUNTIME_SESSION_IMPL_H_
#define LFM2_RUNTIME_SESSION_IMPL_H_

#include <cstring>

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/attention_operator.h"
#include "lfm2/layers/feed_forward.h"
#include "lfm2/layers/rope_table.h"
#include "lfm2/layers/short_conv.h"
#include "lfm2/runtime/dispatch.h"
#include "lfm2/runtime/session.h"

namespace lfm2 {

LFM2_FUNCTION_OF_UNIT Status ChooseKernels(CpuTarget wanted, const KernelTable** kernels) {
  return LFM2_CHOOSE_KERNELS(wanted, kernels);
}

LFM2_FUNCTION const KernelTable* ReferenceKernelTable() { return &kReferenceKernels; }

LFM2_FUNCTION_OF_UNIT Status Session::Open(const Image& image, const SessionOptions& options, Span<std::byte> arena,
                                           const Executor* executor) {
  const KernelTable* kernels = options.kernels;
  if (kernels == nullptr) LFM2_RETURN_IF_ERROR(ChooseKernels(options.cpu_target, &kernels));
  return OpenWith(*kernels, image, options, arena, executor);
}

LFM2_FUNCTION_OF_UNIT Status OpenModel(const Storage& storage, const SessionOptions& options, Span<std::byte> arena,
                                       Image* image, Session* session, const Executor* executor) {
  // Before what may be its arena is read into.
  if (session->is_open()) return Status(StatusCode::kFailedPrecondition, "OpenModel", "the session is open already");
  Span<std::byte> rest;
  LFM2_RETURN_IF_ERROR(image->Open(storage, arena, &rest));
  SessionOptions all = options;
  if (image->is_streamed() && all.arena_bytes == 0) all.arena_bytes = arena.size();
  const Status status = session->Open(*image, all, rest, executor);
  if (!status.ok()) image->Close();
  return status;
}

LFM2_FUNCTION_OF_UNIT Status OpenModel(const MemoryStorage& storage, const SessionOptions& options,
                                       Span<std::byte> arena, Image* image, Session* session,
                                       const Executor* executor) {
  LFM2_RETURN_IF_ERROR(image->Open(storage));
  const Status status = session->Open(*image, options, arena, executor);
  if (!status.ok()) image->Close();
  return status;
}

LFM2_FUNCTION Status Session::OpenWith(const KernelTable& kernels, const Image& image, const SessionOptions& options,
                                       Span<std::byte> arena, const Executor* executor) {
  if (is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Open", "the session is open already");
  if (!image.is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Open", "the image is not open");
  const ModelConfig& config = image.config();
  const SessionOptions normalized = Normalized(config, options);
  LFM2_RETURN_IF_ERROR(CheckOptions(config, options));
  LFM2_RETURN_IF_ERROR(CheckExecutor(executor));
  const StreamShape shape = StreamShapeOf(image);
  SlotPlan slots;
  LFM2_RETURN_IF_ERROR(CheckArena(image, normalized, shape, arena, &slots));
  Arena carver(arena);
  memory_.Carve(config, normalized, shape, slots, carver, nullptr);
  if (image.is_streamed()) {
    LFM2_RETURN_IF_ERROR(image.streamed_experts()->bind(memory_.experts, image, shape, slots, normalized));
  }
  memory_.weights.Bind(image);
  kernels_ = &kernels;
  options_ = normalized;
  options_.draft_tokens = DraftTokens(normalized, shape);
  if (kHasDrafts) draft_gate_ = DraftGate();
  draft_statistics_ = DraftStatistics();
  memory_.history.Clear();
  executor_ = executor;
  image_ = &image;
  FillRopeFrequency(config, rope_frequency_);
  Reset();
  return Status();
}

// Not inlined: the plan need not stay on the stack of Open. `inline` in front of it as well would be a warning.
Status Session::CheckArena(const Image& image, const SessionOptions& normalized, const StreamShape& shape,
                           Span<std::byte> arena, SlotPlan* slots) const {
  const size_t alignment = shape.is_streamed() ? kRecordAlignment : kAlignment;
  if (reinterpret_cast<uintptr_t>(arena.data()) % alignment != 0) {
    return Status(StatusCode::kInvalidArgument, "arena", "is not aligned: multiple needed",
                  reinterpret_cast<uintptr_t>(arena.data()), alignment);
  }
  // Integers, for pointers into different objects have no order.
  const Span<const std::byte> weights = image.memory();
  const uintptr_t begin = reinterpret_cast<uintptr_t>(arena.data());
  const uintptr_t first = reinterpret_cast<uintptr_t>(weights.data());
  if (begin < first + weights.size() && first < begin + arena.size()) {
    return Status(StatusCode::kInvalidArgument, "arena",
                  "overlaps the image (where experts are read, the session has what Image::Open has left)");
  }
  const Plan plan = MakeNormalizedPlan(image.config(), normalized, shape);
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

LFM2_FUNCTION void Session::Close() {
  kernels_ = nullptr;
  image_ = nullptr;
  executor_ = nullptr;
  observer_ = nullptr;
  poll_ = nullptr;
  options_ = SessionOptions();
  memory_.tokens = nullptr;
  work_ = Work();
  ForgetDraft();
  position_ = 0;
  has_logits_ = false;
}

LFM2_FUNCTION const char* Session::kernels_name() const { return is_open() ? kernels_->name() : ""; }

LFM2_FUNCTION void Session::Reset() {
  if (!is_open()) return;
  memory_.state.Reset();
  position_ = 0;
  work_ = Work();
  ForgetDraft();
  has_logits_ = false;
}

LFM2_FUNCTION Status Session::CheckTokens(Span<const int32_t> tokens) const {
  if (!is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Prefill", "the session is not open");
  if (steps_left() > 0) {
    return Status(StatusCode::kFailedPrecondition, "Session::Prefill",
                  "what was begun is not finished (call Step, Finish or Abort): steps left", steps_left());
  }
  if (tokens.empty()) return Status(StatusCode::kInvalidArgument, "tokens", "are empty");
  if (tokens.size() > options_.context_length - position_) {
    return Status(StatusCode::kContextFull, "tokens", "do not fit the context: positions needed",
                  uint64_t{position_} + tokens.size(), options_.context_length);
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= config().vocab_size) {
      return Status(StatusCode::kInvalidArgument, "token", "is not in the vocabulary", static_cast<uint32_t>(tokens[i]),
                    config().vocab_size)
          .At(static_cast<uint32_t>(i));
    }
  }
  return Status();
}

LFM2_FUNCTION Status Session::Prefill(Span<const int32_t> tokens) {
  LFM2_RETURN_IF_ERROR(Begin(tokens));
  return Finish();
}

LFM2_FUNCTION Status Session::Begin(Span<const int32_t> tokens) {
  LFM2_RETURN_IF_ERROR(CheckTokens(tokens));
  // `tokens` may lie where they are remembered.
  std::memmove(memory_.tokens + position_, tokens.data(), tokens.size() * sizeof(int32_t));
  if (kHasDrafts && tokens.size() == 1 && TakeDrafted(memory_.tokens[position_])) return Status();
  memory_.state.Save();
  work_ = Work();
  work_.start = position_;
  work_.tokens = static_cast<uint32_t>(tokens.size());
  work_.output_blocks = memory_.weights.output.row_blocks();
  work_.had_logits = has_logits_;
  work_.is_decode = tokens.size() == 1;
  has_logits_ = false;
  if (kHasDrafts) {
    const Draft before = draft_;
    draft_ = Draft();
    if (work_.is_decode) work_.drafted = MakeDraft(before);
  }
  return Status();
}

LFM2_FUNCTION Status Session::Step() {
  if (steps_left() == 0) return Status(StatusCode::kFailedPrecondition, "Session::Step", "nothing was begun");
  return Advance(OutputBlocksOfStep());
}

LFM2_FUNCTION uint32_t Session::steps_left() const {
  if (work_.output_blocks == 0) return 0;
  return DivideUp(work_.tokens, options_.prefill_chunk) * 2 * config().layers - work_.stage +
         DivideUp(work_.output_blocks, OutputBlocksOfStep());
}

LFM2_FUNCTION Status Session::Finish() {
  while (work_.output_blocks > 0) {
    LFM2_RETURN_IF_ERROR(Advance(UINT32_MAX));
    LFM2_RETURN_IF_ERROR(CheckPoll());
  }
  return Status();
}

LFM2_FUNCTION void Session::Abort() {
  if (work_.output_blocks == 0) return;
  has_logits_ = work_.had_logits && work_.output_blocks == memory_.weights.output.row_blocks();
  memory_.state.Restore();
  position_ = work_.start;
  work_ = Work();
  ForgetDraft();
}

LFM2_FUNCTION Status Session::CheckPoll() {
  if (poll_ == nullptr || poll_->go_on == nullptr || work_.output_blocks == 0 || poll_->go_on(poll_->context)) {
    return Status();
  }
  Abort();
  return Status(StatusCode::kCancelled, "Session", "was told to stop by the poll function");
}

LFM2_FUNCTION Status Session::PrefillEach(Span<const int32_t> tokens, bool wants_logits, PositionSink sink) {
  ForgetDraft();
  LFM2_RETURN_IF_ERROR(Begin(tokens));
  work_.had_logits = false;
  work_.drafted = 0;
  while (work_.tokens > 0) {
    const uint32_t first = position_;
    const uint32_t count = Min(work_.tokens, options_.prefill_chunk);
    while (position_ == first) {
      LFM2_RETURN_IF_ERROR(AdvanceChunk());
      LFM2_RETURN_IF_ERROR(CheckPoll());
    }
    for (uint32_t row = 0; row < count;) {
      const uint32_t rows = Min(count - row, options_.logits_rows);
      Status status = NormOutput(row, rows);
      if (status.ok() && wants_logits) {
        PackOutputInput(rows);
        ComputeLogits(rows, 0, memory_.weights.output.row_blocks());
        status = CheckLogits(rows);
      }
      if (!status.ok()) return GiveUp(status);
      for (uint32_t i = 0; i < rows; ++i, ++row) {
        logits_row_ = i;
        has_logits_ = true;
        sink(first + row, wants_logits ? logits() : hidden());
      }
      has_logits_ = false;
      LFM2_RETURN_IF_ERROR(CheckPoll());
    }
  }
  has_logits_ = wants_logits;
  work_ = Work();
  return Status();
}

LFM2_FUNCTION LayerContext Session::Context(uint32_t tokens, uint32_t drafted) {
  return {config(),         memory_.workspace, executor_, observer_, image_->streamed_experts(),
          &memory_.experts, position_,         tokens,    drafted};
}

// Row blocks of the logits whose products are as many as those of the widest feed forward.
LFM2_FUNCTION uint32_t Session::OutputBlocksOfStep() const {
  const ModelConfig& c = config();
  const uint32_t dense = c.dense_layers > 0 ? c.dense_ff_size : 0;
  return Max<uint32_t>(1, 3 * Max(dense, c.experts_per_token * c.expert_ff_size) / kBlockRows);
}

// One step, and `output_blocks` of the logits if that is what comes next.
LFM2_FUNCTION Status Session::Advance(uint32_t output_blocks) {
  const uint64_t begin = NowNs();
  const Status status = work_.tokens > 0 ? AdvanceChunk() : AdvanceOutput(output_blocks);
  work_.ns += NowNs() - begin;
  if (kHasDrafts && has_logits_) EndPass();
  return status;
}

LFM2_FUNCTION Status Session::AdvanceOutput(uint32_t output_blocks) {
  const uint32_t blocks = memory_.weights.output.row_blocks(), rows = 1 + work_.drafted;
  if (work_.output_blocks == blocks) {
    const Status status = NormOutput(work_.row, rows);
    if (!status.ok()) return GiveUp(status);
    PackOutputInput(rows);
  }
  const uint32_t begin = blocks - work_.output_blocks;
  const uint32_t count = Min(output_blocks, work_.output_blocks);
  ComputeLogits(rows, begin, begin + count);
  if (count == work_.output_blocks) {
    const Status status = CheckLogits(rows);
    if (!status.ok()) return GiveUp(status);
  }
  work_.output_blocks -= count;
  logits_row_ = 0;
  has_logits_ = work_.output_blocks == 0;
  return Status();
}

// One operator or one feed forward of the chunk that work_ is at. After the last, workspace.x is the residual stream
// after the last layer. Where it fails the session goes back to where it was.
LFM2_FUNCTION Status Session::AdvanceChunk() {
  const ModelConfig& c = config();
  const uint32_t count = Min(work_.tokens, options_.prefill_chunk), layer = work_.stage / 2;
  const LayerContext ctx = Context(count + work_.drafted, work_.drafted);
  const Status status = RunStage(ctx, layer);
  if (!status.ok()) return GiveUp(status);
  if (++work_.stage < 2 * c.layers) return Status();
  Observe(ctx, c.layers);
  position_ += count;
  work_.tokens -= count;
  work_.stage = work_.attention_layers = 0;
  work_.row = count - 1;
  return Status();
}

// A guess may fail where the sequence does not: then the token is computed again without it.
LFM2_FUNCTION Status Session::GiveUp(const Status& status) {
  if (kHasDrafts && work_.drafted > 0) {
    BeginWithoutDraft();
    return Status();
  }
  work_.had_logits = false;
  Abort();
  return status;
}

LFM2_FUNCTION Status Session::RunStage(const LayerContext& ctx, uint32_t layer) {
  if (work_.stage == 0) {
    Embed(ctx);
    LFM2_RETURN_IF_ERROR(CheckFinite(ctx, "token embedding", 0));
  }
  if (work_.stage % 2 == 0) {
    RunOperator(ctx, layer);
    return CheckFinite(ctx, "operator of layer", layer);
  }
  LFM2_RETURN_IF_ERROR(RunFeedForward(ctx, layer));
  return CheckFinite(ctx, "feed forward of layer", layer);
}

// What a NaN or an infinity anywhere in the residual stream is told by: its mean square, which each norm has computed.
// After the last layer that is the output's norm.
LFM2_FUNCTION Status Session::CheckFinite(const LayerContext& ctx, const char* where, uint32_t layer) const {
  for (uint32_t t = 0; t < ctx.tokens; ++t) {
    if (IsFinite(memory_.workspace.mean_square[t])) continue;
    return Status(StatusCode::kNotFinite, where, "gave a NaN or an infinity: its weights are damaged").At(layer);
  }
  return Status();
}

LFM2_FUNCTION void Session::Embed(const LayerContext& ctx) {
  const ModelConfig& c = config();
  const Workspace& ws = memory_.workspace;
  ForTokens(ctx, [&](uint32_t t) {
    DequantizeRow(memory_.weights.token_embedding, static_cast<uint32_t>(memory_.tokens[position_ + t]),
                  ws.x + size_t{t} * c.hidden_size);
    FillRope(rope_frequency_, c.head_dim, position_ + t, ws.rope + size_t{t} * c.head_dim);
    Normalize(*kernels_, ctx, t, memory_.weights.layers[0].operator_norm);
  });
}

LFM2_FUNCTION void Session::RunOperator(const LayerContext& ctx, uint32_t layer) {
  Observe(ctx, layer);
  const LayerWeights& weights = memory_.weights.layers[layer];
  if (config().layer_kind[layer] == LayerKind::kAttention) {
    AttentionOperator(*kernels_, ctx, weights, memory_.state.kv(work_.attention_layers++));
  } else {
    const State& state = memory_.state;
    const uint32_t n = layer - work_.attention_layers;
    ShortConvOperator(*kernels_, ctx, weights, state.conv(n), state.drafted(n), state.conv_state().size());
  }
  ForTokens(ctx, [&](uint32_t t) {
    AddDelta(*kernels_, ctx, t);
    Normalize(*kernels_, ctx, t, weights.ffn_norm);
  });
}

LFM2_FUNCTION Status Session::RunFeedForward(const LayerContext& ctx, uint32_t layer) {
  const LayerWeights* const layers = memory_.weights.layers;
  if (config().is_moe_layer(layer)) {
    LFM2_RETURN_IF_ERROR(MoeFeedForward(*kernels_, ctx, layers, *image_, layer));
  } else {
    DenseFeedForward(*kernels_, ctx, layers[layer]);
  }
  ForTokens(ctx, [&](uint32_t t) {
    AddDelta(*kernels_, ctx, t);
    if (layer + 1 < config().layers) Normalize(*kernels_, ctx, t, layers[layer + 1].operator_norm);
  });
  return Status();
}

// hidden[rows, hidden_size] = RMSNorm(x[row .. row + rows - 1]).
LFM2_FUNCTION Status Session::NormOutput(uint32_t row, uint32_t rows) {
  const ModelConfig& c = config();
  for (uint32_t i = 0; i < rows; ++i) {
    memory_.workspace.mean_square[i] =
        kernels_->RmsNorm(memory_.workspace.x + size_t{row + i} * c.hidden_size, memory_.weights.output_norm,
                          c.hidden_size, c.norm_eps, memory_.hidden + size_t{i} * c.hidden_size);
  }
  return CheckFinite(Context(rows), "feed forward of layer", c.layers - 1);
}

// logits[rows, vocab_size] = output . hidden[rows]: first the input, which stays in the workspace, then blocks of the
// vocabulary.
LFM2_FUNCTION void Session::PackOutputInput(uint32_t rows) {
  PackInput(*kernels_, Context(rows), memory_.hidden, config().hidden_size, memory_.workspace.panel);
}
LFM2_FUNCTION void Session::ComputeLogits(uint32_t rows, uint32_t begin, uint32_t end) {
  const Matrix& output = memory_.weights.output;
  const MatMulInput in = PackedInput(rows, memory_.hidden, config().hidden_size, memory_.workspace.panel);
  ParallelRanges(executor_, end - begin, [&](uint32_t first, uint32_t last) {
    kernels_->MatMul(output, in, begin + first, begin + last, memory_.logits, output.rows);
  });
}

LFM2_FUNCTION Status Session::CheckLogits(uint32_t rows) const {
  // The bits of floats without a sign order as integers do, and those that are no numbers come last.
  uint32_t highest = 0;
  const size_t count = size_t{rows} * config().vocab_size;
  for (size_t i = 0; i < count; ++i) highest = Max(highest, BitCast<uint32_t>(memory_.logits[i]) & 0x7fffffffu);
  if (IsFinite(BitCast<float>(highest))) return Status();
  return Status(StatusCode::kNotFinite, "output", "gave a NaN or an infinity: its weights are damaged")
      .At(config().layers);
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_IMPL_H_
