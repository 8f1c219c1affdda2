#include "programs/quantize/layer_runner.h"

#include <algorithm>
#include <cstring>

#include "lfm2.h"
#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/attention_operator.h"
#include "lfm2/layers/feed_forward.h"
#include "lfm2/layers/rope_table.h"
#include "lfm2/layers/short_conv.h"
#include "programs/session/arena_memory.h"

namespace lfm2::tools {

struct LayerRunner::Machine {
  const KernelTable* kernels = nullptr;
  ModelConfig config;
  ModelConfig expert;  // its dense feed forward is one expert
  const Executor* executor = nullptr;
  ArenaMemory memory;
  Workspace workspace;
  State state;  // of one sequence; layers of the same kind share one state

  // Returns the bytes allocated in the arena. tokens: of the longest sequence.
  uint64_t Carve(const ModelConfig& c, uint32_t tokens, Arena arena) {
    ModelConfig largest = c;
    largest.dense_ff_size = std::max(c.dense_ff_size, c.expert_ff_size);
    SessionOptions options;
    options.context_length = tokens;
    options.prefill_chunk = tokens;
    state.CarveKv(c, options, arena);
    state.CarveConv(c, arena);
    workspace.Carve(largest, tokens, tokens, arena);
    return arena.used();
  }

  LayerContext Context(const ModelConfig& c, uint32_t tokens) {
    return {c, workspace, executor, nullptr, nullptr, nullptr, 0, tokens, 0};
  }
  void Load(const ModelConfig& c, const float* x, const float* norm, uint32_t tokens) {
    std::memcpy(workspace.x, x, size_t{tokens} * c.hidden_size * sizeof(float));
    const LayerContext ctx = Context(c, tokens);
    ForTokens(ctx, [&](uint32_t t) { Normalize(*kernels, ctx, t, norm); });
  }
  void Operator(const LayerWeights& weights, uint32_t layer, const float* x, uint32_t tokens) {
    Load(config, x, weights.operator_norm, tokens);
    const LayerContext ctx = Context(config, tokens);
    if (config.layer_kind[layer] == LayerKind::kAttention) {
      AttentionOperator(*kernels, ctx, weights, state.kv(0));
    } else {
      state.Reset();
      ShortConvOperator(*kernels, ctx, weights, state.conv(0), nullptr, 0);
    }
  }
  void AddDeltas(float* x, uint32_t tokens) {
    const LayerContext ctx = Context(config, tokens);
    ForTokens(ctx, [&](uint32_t t) { AddDelta(*kernels, ctx, t); });
    std::memcpy(x, workspace.x, size_t{tokens} * config.hidden_size * sizeof(float));
  }
};

LayerRunner::LayerRunner() : machine_(std::make_unique<Machine>()) {}
LayerRunner::~LayerRunner() = default;

Error LayerRunner::Open(const ModelConfig& config, uint32_t tokens, const Executor* executor) {
  Machine& m = *machine_;
  LFM2_RETURN_IF_FAILED(Error::From(ChooseKernels(CpuTarget::kAutomatic, &m.kernels)));
  m.config = config;
  m.expert = config;
  m.expert.dense_ff_size = config.expert_ff_size;
  m.executor = executor;
  LFM2_RETURN_IF_FAILED(m.memory.Allocate(m.Carve(config, tokens, Arena::Counting())));
  m.Carve(config, tokens, Arena(m.memory.span()));
  float frequency[kMaxHeadDim / 2];
  FillRopeFrequency(config, frequency);
  for (uint32_t t = 0; t < tokens; ++t) {
    FillRope(frequency, config.head_dim, t, m.workspace.rope + size_t{t} * config.head_dim);
  }
  return Error();
}

uint64_t LayerRunner::MemoryBytes(const ModelConfig& config, uint32_t tokens) {
  return Machine().Carve(config, tokens, Arena::Counting());
}

void LayerRunner::Show(Side side, TensorRole role, const Matrix& matrix) {
  LayerWeights& weights = weights_[static_cast<uint32_t>(side)];
  const float* const plain = reinterpret_cast<const float*>(matrix.data);
  switch (role) {
    case TensorRole::kOperatorNorm: weights.operator_norm = plain; break;
    case TensorRole::kFfnNorm: weights.ffn_norm = plain; break;
    case TensorRole::kAttnQ: weights.attn_q = matrix; break;
    case TensorRole::kAttnK: weights.attn_k = matrix; break;
    case TensorRole::kAttnV: weights.attn_v = matrix; break;
    case TensorRole::kAttnQNorm: weights.attn_q_norm = plain; break;
    case TensorRole::kAttnKNorm: weights.attn_k_norm = plain; break;
    case TensorRole::kAttnOut: weights.attn_out = matrix; break;
    case TensorRole::kConvIn: weights.conv_in = matrix; break;
    case TensorRole::kConvKernel: weights.conv_kernel = plain; break;
    case TensorRole::kConvOut: weights.conv_out = matrix; break;
    case TensorRole::kFfnGate:
    case TensorRole::kExpertGate: weights.ffn_gate = matrix; break;
    case TensorRole::kFfnUp:
    case TensorRole::kExpertUp: weights.ffn_up = matrix; break;
    case TensorRole::kFfnDown:
    case TensorRole::kExpertDown: weights.ffn_down = matrix; break;
    case TensorRole::kRouter: weights.router = matrix; break;
    case TensorRole::kExpertBias: weights.expert_bias = plain; break;
    case TensorRole::kTokenEmbedding:
    case TensorRole::kOutputNorm:
    case TensorRole::kOutput: break;
  }
}

const float* LayerRunner::Normed(Input input, const float* x, uint32_t tokens) {
  const float* const norm = input == Input::kOperator ? weights().operator_norm : weights().ffn_norm;
  machine_->Load(machine_->config, x, norm, tokens);
  return machine_->workspace.normed;
}

const float* LayerRunner::OperatorOut(uint32_t layer, const float* x, uint32_t tokens) {
  machine_->Operator(weights(), layer, x, tokens);
  const bool attention = machine_->config.layer_kind[layer] == LayerKind::kAttention;
  return attention ? machine_->workspace.attention.out : machine_->workspace.conv.out;
}

void LayerRunner::AddOperator(uint32_t layer, float* x, uint32_t tokens) {
  machine_->Operator(weights(), layer, x, tokens);
  machine_->AddDeltas(x, tokens);
}

const float* LayerRunner::DenseActivation(const float* x, uint32_t tokens) {
  machine_->Load(machine_->config, x, weights().ffn_norm, tokens);
  DenseFeedForward(*machine_->kernels, machine_->Context(machine_->config, tokens), weights());
  return machine_->workspace.ffn.act;
}

void LayerRunner::AddDense(float* x, uint32_t tokens) {
  DenseActivation(x, tokens);
  machine_->AddDeltas(x, tokens);
}

void LayerRunner::Route(const float* normed, uint32_t tokens, uint16_t* chosen, float* shares) {
  Machine& m = *machine_;
  const LayerContext ctx = m.Context(m.config, tokens);
  const Workspace& ws = m.workspace;
  const Product router[] = {{&weights().router, ws.moe.scores}};
  MultiplyAll(*m.kernels, m.executor, router, PackInput(*m.kernels, ctx, normed, m.config.hidden_size, ws.panel));
  const uint32_t per_token = m.config.experts_per_token;
  for (size_t t = 0; t < tokens; ++t) {
    ChooseExperts(m.config, ws.moe.scores + t * m.config.experts, weights().expert_bias, chosen + t * per_token,
                  shares + t * per_token);
  }
}

const float* LayerRunner::ExpertActivation(const float* normed, uint32_t tokens) {
  Machine& m = *machine_;
  std::memcpy(m.workspace.normed, normed, size_t{tokens} * m.config.hidden_size * sizeof(float));
  DenseFeedForward(*m.kernels, m.Context(m.expert, tokens), weights());
  return m.workspace.ffn.act;
}

const float* LayerRunner::ExpertOut(const float* normed, uint32_t tokens) {
  ExpertActivation(normed, tokens);
  return machine_->workspace.delta;
}

}  // namespace lfm2::tools
