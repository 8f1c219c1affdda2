// Definitions of Session's functions that compute.
#ifndef LFM2_RUNTIME_SESSION_IMPL_H_
#define LFM2_RUNTIME_SESSION_IMPL_H_

#include <cstring>

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/attention_operator.h"
#include "lfm2/layers/feed_forward.h"
#include "lfm2/layers/rope_table.h"
#include "lfm2/layers/short_conv.h"
#include "lfm2/runtime/session.h"

namespace lfm2 {

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
                  "a call is in progress (call Step, Finish or Abort): steps left", steps_left());
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

LFM2_FUNCTION void Session::StartWork(uint32_t tokens, bool had_logits) {
  work_ = Work();
  work_.phase = Phase::kOperator;
  work_.start = position_;
  work_.tokens = tokens;
  work_.output_blocks = memory_.weights.output.row_blocks();
  work_.had_logits = had_logits;
}

LFM2_FUNCTION Status Session::Begin(Span<const int32_t> tokens) {
  LFM2_RETURN_IF_ERROR(CheckTokens(tokens));
  // `tokens` may be token_room(), where the ids are remembered.
  std::memmove(memory_.tokens + position_, tokens.data(), tokens.size() * sizeof(int32_t));
  if (kHasDrafts && tokens.size() == 1 && TakeDrafted(memory_.tokens[position_])) return Status();
  memory_.state.Save();
  StartWork(static_cast<uint32_t>(tokens.size()), has_logits_);
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
  if (steps_left() == 0) return Status(StatusCode::kFailedPrecondition, "Session::Step", "no call is in progress");
  return Advance(OutputBlocksOfStep());
}

LFM2_FUNCTION uint32_t Session::steps_left() const {
  if (work_.phase == Phase::kIdle) return 0;
  const uint32_t done = 2 * work_.layer + (work_.phase == Phase::kFeedForward ? 1 : 0);
  return DivideUp(work_.tokens, options_.prefill_chunk) * 2 * config().layers - done +
         DivideUp(work_.output_blocks, OutputBlocksOfStep());
}

LFM2_FUNCTION Status Session::Finish() {
  while (work_.phase != Phase::kIdle) {
    LFM2_RETURN_IF_ERROR(Advance(UINT32_MAX));
    LFM2_RETURN_IF_ERROR(CheckPoll());
  }
  return Status();
}

LFM2_FUNCTION void Session::Abort() {
  if (work_.phase == Phase::kIdle) return;
  has_logits_ = work_.had_logits && work_.output_blocks == memory_.weights.output.row_blocks();
  memory_.state.Restore();
  position_ = work_.start;
  work_ = Work();
  ForgetDraft();
}

LFM2_FUNCTION Status Session::CheckPoll() {
  if (poll_ == nullptr || poll_->go_on == nullptr || work_.phase == Phase::kIdle || poll_->go_on(poll_->context)) {
    return Status();
  }
  Abort();
  return Status(StatusCode::kCancelled, "Session", "was cancelled by the poll function");
}

LFM2_FUNCTION Status Session::PrefillEach(Span<const int32_t> tokens, bool wants_logits, PositionSink sink) {
  ForgetDraft();
  LFM2_RETURN_IF_ERROR(Begin(tokens));
  work_.had_logits = false;
  work_.drafted = 0;
  while (work_.phase != Phase::kLogits) {
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

// Number of row blocks of the logits that take as many products as the widest feed forward.
LFM2_FUNCTION uint32_t Session::OutputBlocksOfStep() const {
  const ModelConfig& c = config();
  const uint32_t dense = c.dense_layers > 0 ? c.dense_ff_size : 0;
  return Max<uint32_t>(1, 3 * Max(dense, c.experts_per_token * c.expert_ff_size) / kBlockRows);
}

// Computes one step; if it is one of logits, with up to `output_blocks` row blocks.
LFM2_FUNCTION Status Session::Advance(uint32_t output_blocks) {
  const uint64_t begin = NowNs();
  const Status status = work_.phase == Phase::kLogits ? AdvanceOutput(output_blocks) : AdvanceChunk();
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
  if (work_.output_blocks > 0) return Status();
  work_.phase = Phase::kIdle;
  logits_row_ = 0;
  has_logits_ = true;
  return Status();
}

// One operator or one feed forward for the current chunk. After the last layer workspace.x is the residual stream.
// After an error the session is as it was before Begin.
LFM2_FUNCTION Status Session::AdvanceChunk() {
  const ModelConfig& c = config();
  const uint32_t count = Min(work_.tokens, options_.prefill_chunk);
  const LayerContext ctx = Context(count + work_.drafted, work_.drafted);
  const Status status = work_.phase == Phase::kOperator ? RunOperator(ctx) : RunFeedForward(ctx);
  if (!status.ok()) return GiveUp(status);
  if (work_.phase == Phase::kOperator) {
    work_.phase = Phase::kFeedForward;
    return Status();
  }
  work_.phase = Phase::kOperator;
  if (++work_.layer < c.layers) return Status();
  Observe(ctx, c.layers);
  position_ += count;
  work_.tokens -= count;
  work_.layer = work_.attention_layers = 0;
  work_.row = count - 1;
  if (work_.tokens == 0) work_.phase = Phase::kLogits;
  return Status();
}

// A pass can fail because of a guessed token alone: then the token is computed again without guesses.
LFM2_FUNCTION Status Session::GiveUp(const Status& status) {
  if (kHasDrafts && work_.drafted > 0) {
    BeginWithoutDraft();
    return Status();
  }
  work_.had_logits = false;
  Abort();
  return status;
}

// A NaN or an infinity anywhere in the residual stream shows in its mean square, which each norm computes. For the last
// layer that is the norm of the output.
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

LFM2_FUNCTION Status Session::RunOperator(const LayerContext& ctx) {
  const uint32_t layer = work_.layer;
  if (layer == 0) {
    Embed(ctx);
    LFM2_RETURN_IF_ERROR(CheckFinite(ctx, "token embedding", 0));
  }
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
  return CheckFinite(ctx, "operator of layer", layer);
}

LFM2_FUNCTION Status Session::RunFeedForward(const LayerContext& ctx) {
  const uint32_t layer = work_.layer;
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
  return CheckFinite(ctx, "feed forward of layer", layer);
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

// logits[rows, vocab_size] = output . hidden[rows, hidden_size]: first the input, which stays in the workspace, then
// blocks of the vocabulary.
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
  // Without their sign bits, floats compare as integers, and infinities and NaNs are the largest.
  uint32_t highest = 0;
  const size_t count = size_t{rows} * config().vocab_size;
  for (size_t i = 0; i < count; ++i) highest = Max(highest, BitCast<uint32_t>(memory_.logits[i]) & 0x7fffffffu);
  if (IsFinite(BitCast<float>(highest))) return Status();
  return Status(StatusCode::kNotFinite, "output", "gave a NaN or an infinity: its weights are damaged")
      .At(config().layers);
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_IMPL_H_
