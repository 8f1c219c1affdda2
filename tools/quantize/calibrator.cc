#include "tools/quantize/calibrator.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "lfm2/kernels/dequantize.h"
#include "lfm2/text/tokenizer.h"
#include "tools/common/encode_text.h"
#include "tools/pack/repack.h"
#include "tools/quantize/feedback.h"
#include "tools/quantize/input_moments.h"
#include "tools/quantize/layer_runner.h"

namespace lfm2::tools {

namespace {

using Roles = std::vector<TensorRole>;

// The view of a layer's weights that a role stands for; the experts' as those of a dense feed forward.
Matrix* ViewOf(TensorRole role, LayerWeights* w) {
  switch (role) {
    case TensorRole::kAttnQ: return &w->attn_q;
    case TensorRole::kAttnK: return &w->attn_k;
    case TensorRole::kAttnV: return &w->attn_v;
    case TensorRole::kAttnOut: return &w->attn_out;
    case TensorRole::kConvIn: return &w->conv_in;
    case TensorRole::kConvOut: return &w->conv_out;
    case TensorRole::kRouter: return &w->router;
    case TensorRole::kFfnGate:
    case TensorRole::kExpertGate: return &w->ffn_gate;
    case TensorRole::kFfnUp:
    case TensorRole::kExpertUp: return &w->ffn_up;
    case TensorRole::kFfnDown:
    case TensorRole::kExpertDown: return &w->ffn_down;
    default: return nullptr;
  }
}

const float** NormOf(TensorRole role, LayerWeights* w) {
  switch (role) {
    case TensorRole::kOperatorNorm: return &w->operator_norm;
    case TensorRole::kFfnNorm: return &w->ffn_norm;
    case TensorRole::kAttnQNorm: return &w->attn_q_norm;
    case TensorRole::kAttnKNorm: return &w->attn_k_norm;
    case TensorRole::kConvKernel: return &w->conv_kernel;
    case TensorRole::kExpertBias: return &w->expert_bias;
    default: return nullptr;
  }
}

class Calibration {
 public:
  Calibration(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
              const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
              QuantizedSource* source)
      : sequences_(sequences),
        options_(options),
        executor_(executor),
        show_(show),
        progress_(*progress),
        store_(*store),
        source_(*source),
        config_(source->config()) {}

  Error Run() {
    LFM2_RETURN_IF_FAILED(runner_.Open(config_, options_.sequence, executor_));
    for (const auto& sequence : sequences_) tokens_ += sequence.size();
    CountWeights();
    if (progress_.layers == 0) {
      LFM2_RETURN_IF_FAILED(Embed());
    } else if (progress_.stream.size() != tokens_ * config_.hidden_size) {
      return Error::Of("what is left of an earlier run does not fit this text");
    }
    for (uint32_t layer = progress_.layers; layer < config_.layers; ++layer) {
      LFM2_RETURN_IF_FAILED(RunLayer(layer));
      progress_.layers = layer + 1;
      LFM2_RETURN_IF_FAILED(store_.Save(progress_));
    }
    *source_.mutable_reports() = progress_.reports;
    return Error();
  }

 private:
  const ImageTensor& tensor(size_t i) const { return source_.tensors()[i]; }

  void CountWeights() {
    for (size_t i = 0; i < source_.tensors().size(); ++i) {
      if (!store_.Holds(i)) continue;
      const TensorSpec& s = tensor(i).spec;
      const uint64_t weights = uint64_t{s.rows} * s.cols * (s.layout == TensorLayout::kExpert ? config_.experts : 1);
      total_ += weights;
      if (s.layer < progress_.layers) done_ += weights;
    }
  }

  // The residual stream of every token, from the embedding as the image has it.
  Error Embed() {
    const TensorSpec& spec = tensor(0).spec;
    const TensorType type = tensor(0).type;
    progress_.stream.resize(tokens_ * spec.cols);
    constexpr uint32_t kWindow = 1024;
    std::vector<uint8_t> blocks;
    for (uint32_t row = 0; row < spec.rows; row += kWindow) {
      const uint32_t rows = std::min(kWindow, spec.rows - row);
      const auto in_window = [&](int32_t id) {
        return static_cast<uint32_t>(id) >= row && static_cast<uint32_t>(id) - row < rows;
      };
      const bool used = std::any_of(sequences_.begin(), sequences_.end(), [&](const std::vector<int32_t>& ids) {
        return std::any_of(ids.begin(), ids.end(), in_window);
      });
      if (!used) continue;
      blocks.resize(static_cast<size_t>(MatrixBytes(type, rows, spec.cols)));
      LFM2_RETURN_IF_FAILED(source_.ReadBlocks(0, 0, row, rows, blocks.data()));
      const Matrix matrix{blocks.data(), rows, spec.cols, type};
      float* out = progress_.stream.data();
      for (const auto& ids : sequences_) {
        for (const int32_t id : ids) {
          if (in_window(id)) DequantizeRow(matrix, static_cast<uint32_t>(id) - row, out);
          out += spec.cols;
        }
      }
    }
    return Error();
  }

  // Loads what the layer has but its experts, as the base has it.
  Error LoadLayer(uint32_t layer) {
    plain_.clear();
    matrices_.clear();
    index_.clear();
    runner_.weights = LayerWeights();
    for (size_t i = 0; i < source_.tensors().size(); ++i) {
      const TensorSpec& spec = tensor(i).spec;
      if (spec.layer != layer || spec.role == TensorRole::kTokenEmbedding || spec.role == TensorRole::kOutputNorm ||
          spec.role == TensorRole::kOutput) {
        continue;
      }
      index_.push_back(i);
      if (spec.layout == TensorLayout::kPlain) {
        plain_.emplace_back(size_t{spec.rows} * spec.cols);
        LFM2_RETURN_IF_FAILED(source_.ReadPlain(i, plain_.back().data()));
        *NormOf(spec.role, &runner_.weights) = plain_.back().data();
      } else if (spec.layout == TensorLayout::kMatrix) {
        LFM2_RETURN_IF_FAILED(LoadMatrix(i, 0));
      }
    }
    return Error();
  }

  Error LoadMatrix(size_t i, uint32_t expert) {
    const TensorSpec& spec = tensor(i).spec;
    const TensorType type = source_.base().tensors()[i].type;
    std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(type, spec.rows, spec.cols)));
    LFM2_RETURN_IF_FAILED(source_.base().ReadBlocks(i, expert, 0, spec.rows, blocks.data()));
    Show(i, type, std::move(blocks));
    return Error();
  }

  // The runner computes with these blocks from now on.
  void Show(size_t i, TensorType type, std::vector<uint8_t> blocks) {
    const TensorSpec& spec = tensor(i).spec;
    std::vector<uint8_t>& held = matrices_[spec.role];
    held = std::move(blocks);
    *ViewOf(spec.role, &runner_.weights) = Matrix{held.data(), spec.rows, spec.cols, type};
  }

  // The layer's tensor of a role; the layer has it.
  size_t IndexOf(TensorRole role) const {
    return *std::find_if(index_.begin(), index_.end(), [&](size_t i) { return tensor(i).spec.role == role; });
  }

  // Quantises the matrices of these roles, which have the same inputs, and shows the results to the runner.
  Error Quantize(const Roles& roles, uint32_t expert, InputMoments&& moments) {
    const uint64_t inputs = moments.inputs();
    const uint32_t cols = moments.size();
    const std::vector<float> importance = moments.Importance();
    const FactoredMoments factored(std::move(moments), options_.damping);
    for (const TensorRole role : roles) {
      const size_t i = IndexOf(role);
      if (!store_.Holds(i)) continue;
      const BlockCodec codec(tensor(i).type);
      const uint32_t rows = tensor(i).spec.rows;
      RowMatrix w(rows, cols);
      LFM2_RETURN_IF_FAILED(ReadFloats(source_.base(), i, expert, 0, rows, w.data()));
      TensorReport& report = progress_.reports[i];
      report.inputs += inputs;
      report.weight_power += w.cast<double>().squaredNorm();
      report.output_power += factored.SquaredLength(w, executor_);
      report.plain_error += factored.SquaredLength(PlainError(codec, w, importance), executor_);
      std::vector<uint8_t> ggml;
      QuantizeWithFeedback(codec, factored, options_.refinements, executor_, &w, &ggml);
      report.weight_error += w.cast<double>().squaredNorm();
      report.output_error += factored.SquaredLength(w, executor_);
      std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(tensor(i).type, rows, cols)));
      RepackRows(tensor(i).type, ggml.data(), rows, cols, blocks.data());
      LFM2_RETURN_IF_FAILED(store_.Write(i, expert, blocks));
      Show(i, tensor(i).type, std::move(blocks));
      done_ += uint64_t{rows} * cols;
      if (show_ && !show_(done_, total_))
        return Error::Of("interrupted; the same command goes on behind layer ", progress_.layers, " of ",
                         config_.layers);
    }
    return Error();
  }

  // What rounding every block by itself would lose.
  RowMatrix PlainError(const BlockCodec& codec, const RowMatrix& w, const std::vector<float>& importance) const {
    RowMatrix error(w.rows(), w.cols());
    const uint32_t rows = static_cast<uint32_t>(w.rows()), cols = static_cast<uint32_t>(w.cols());
    const std::vector<float> ones(importance.size(), 1.0f);
    ParallelRanges(executor_, rows, [&](uint32_t begin, uint32_t end) {
      std::vector<uint8_t> bytes(GgmlRowBytes(codec.type(), cols));
      double sum = 0;
      for (size_t r = begin; r < end; ++r) {
        QuantizeRow(codec, w.data() + r * cols, ones.data(), cols, bytes.data(), error.data() + r * cols, &sum);
      }
    });
    return error;
  }

  // Calls f(x of a sequence, tokens) for every one.
  template <class F>
  void EachSequence(F&& f) {
    float* x = progress_.stream.data();
    for (const auto& sequence : sequences_) {
      f(x, static_cast<uint32_t>(sequence.size()));
      x += sequence.size() * config_.hidden_size;
    }
  }

  // Moments of what input(x, tokens) returns for every sequence.
  template <class F>
  InputMoments MomentsOf(uint32_t cols, F&& input) {
    InputMoments moments(cols);
    EachSequence([&](float* x, uint32_t tokens) { moments.Add(RowsView(input(x, tokens), tokens, cols), executor_); });
    return moments;
  }

  Error RunLayer(uint32_t layer) {
    LFM2_RETURN_IF_FAILED(LoadLayer(layer));
    const bool attention = config_.layer_kind[layer] == LayerKind::kAttention;
    const uint32_t hidden = config_.hidden_size;
    LFM2_RETURN_IF_FAILED(Quantize(
        attention ? Roles{TensorRole::kAttnQ, TensorRole::kAttnK, TensorRole::kAttnV} : Roles{TensorRole::kConvIn}, 0,
        MomentsOf(hidden, [&](const float* x, uint32_t n) { return runner_.Normed(Input::kOperator, x, n); })));
    LFM2_RETURN_IF_FAILED(Quantize({attention ? TensorRole::kAttnOut : TensorRole::kConvOut}, 0,
                                   MomentsOf(attention ? config_.q_size() : hidden, [&](const float* x, uint32_t n) {
                                     return runner_.OperatorOut(layer, x, n);
                                   })));
    EachSequence([&](float* x, uint32_t n) { runner_.AddOperator(layer, x, n); });
    return config_.is_moe_layer(layer) ? RunExperts() : RunDense();
  }

  Error RunDense() {
    LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kFfnGate, TensorRole::kFfnUp}, 0,
                                   MomentsOf(config_.hidden_size, [&](const float* x, uint32_t n) {
                                     return runner_.Normed(Input::kFeedForward, x, n);
                                   })));
    LFM2_RETURN_IF_FAILED(Quantize(
        {TensorRole::kFfnDown}, 0,
        MomentsOf(config_.dense_ff_size, [&](const float* x, uint32_t n) { return runner_.DenseActivation(x, n); })));
    EachSequence([&](float* x, uint32_t n) { runner_.AddDense(x, n); });
    return Error();
  }

  Error RunExperts() {
    const uint32_t hidden = config_.hidden_size, per_token = config_.experts_per_token;
    std::vector<float> normed(tokens_ * hidden), shares(tokens_ * per_token);
    std::vector<uint16_t> chosen(tokens_ * per_token);
    InputMoments all(hidden);
    size_t at = 0;
    EachSequence([&](const float* x, uint32_t n) {
      float* const own = normed.data() + at * hidden;
      std::memcpy(own, runner_.Normed(Input::kFeedForward, x, n), size_t{n} * hidden * sizeof(float));
      all.Add(RowsView(own, n, hidden), executor_);
      runner_.Route(own, n, chosen.data() + at * per_token, shares.data() + at * per_token);
      at += n;
    });
    LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kRouter}, 0, InputMoments(all)));
    // Routed once more, for a router that was quantised.
    if (store_.Holds(IndexOf(TensorRole::kRouter))) {
      for (at = 0; at < tokens_; at += options_.sequence) {
        const uint32_t n = static_cast<uint32_t>(std::min<size_t>(options_.sequence, tokens_ - at));
        runner_.Route(normed.data() + at * hidden, n, chosen.data() + at * per_token, shares.data() + at * per_token);
      }
    }
    for (uint32_t e = 0; e < config_.experts; ++e) {
      std::vector<size_t> assignments;
      for (size_t a = 0; a < chosen.size(); ++a) {
        if (chosen[a] == e) assignments.push_back(a);
      }
      LFM2_RETURN_IF_FAILED(RunExpert(e, assignments, normed, shares, all));
    }
    return Error();
  }

  Error RunExpert(uint32_t e, const std::vector<size_t>& assignments, const std::vector<float>& normed,
                  const std::vector<float>& shares, const InputMoments& all) {
    const uint32_t hidden = config_.hidden_size, per_token = config_.experts_per_token;
    for (const TensorRole role : {TensorRole::kExpertGate, TensorRole::kExpertUp, TensorRole::kExpertDown}) {
      LFM2_RETURN_IF_FAILED(LoadMatrix(IndexOf(role), e));
    }
    std::vector<float> gathered(assignments.size() * hidden);
    for (size_t i = 0; i < assignments.size(); ++i) {
      std::memcpy(gathered.data() + i * hidden, normed.data() + assignments[i] / per_token * hidden,
                  hidden * sizeof(float));
    }
    // Calls f(inputs of the expert, first, tokens) in pieces that the runner holds.
    const auto each_piece = [&](auto&& f) {
      for (size_t first = 0; first < assignments.size(); first += options_.sequence) {
        const uint32_t n = static_cast<uint32_t>(std::min<size_t>(options_.sequence, assignments.size() - first));
        f(gathered.data() + first * hidden, first, n);
      }
    };
    InputMoments in(hidden);
    each_piece([&](const float* x, size_t, uint32_t n) { in.Add(RowsView(x, n, hidden), executor_); });
    in.AddPrior(all, options_.prior);
    LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kExpertGate, TensorRole::kExpertUp}, e, std::move(in)));
    InputMoments act(config_.expert_ff_size);
    each_piece([&](const float* x, size_t, uint32_t n) {
      act.Add(RowsView(runner_.ExpertActivation(x, n), n, config_.expert_ff_size), executor_);
    });
    LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kExpertDown}, e, std::move(act)));
    each_piece([&](const float* x, size_t first, uint32_t n) {
      const float* const out = runner_.ExpertOut(x, n);
      for (size_t i = 0; i < n; ++i) {
        const size_t a = assignments[first + i];
        float* const to = progress_.stream.data() + a / per_token * hidden;
        for (uint32_t c = 0; c < hidden; ++c) to[c] += shares[a] * out[i * hidden + c];
      }
    });
    return Error();
  }

  const std::vector<std::vector<int32_t>>& sequences_;
  const CalibrationOptions& options_;
  const Executor* executor_;
  const StepProgress& show_;
  WeightProgress& progress_;
  WeightStore& store_;
  QuantizedSource& source_;
  const ModelConfig& config_;
  LayerRunner runner_;
  size_t tokens_ = 0;
  uint64_t done_ = 0, total_ = 0;  // weights

  // Of the layer at work.
  std::vector<size_t> index_;
  std::vector<std::vector<float>> plain_;
  std::map<TensorRole, std::vector<uint8_t>> matrices_;
};

}  // namespace

Error CalibrationIds(const Vocab& vocab, const std::string& text, const CalibrationOptions& options,
                     std::vector<std::vector<int32_t>>* sequences) {
  std::vector<int32_t> ids;
  LFM2_RETURN_IF_FAILED(EncodeText(vocab, text, true, false, &ids));
  if (ids.size() < 2) return Error::Of("has ", ids.size(), " tokens: too few to calibrate with");
  size_t used = 0;
  for (size_t at = 0; at < ids.size() && used < options.tokens;) {
    const bool begins = vocab.bos() != kNoToken && ids[at] != vocab.bos();
    const size_t room = std::min<size_t>(options.sequence, options.tokens - used) - (begins ? 1 : 0);
    const size_t count = std::min(room, ids.size() - at);
    if (count == 0) break;
    std::vector<int32_t> sequence(ids.begin() + static_cast<std::ptrdiff_t>(at),
                                  ids.begin() + static_cast<std::ptrdiff_t>(at + count));
    if (begins) sequence.insert(sequence.begin(), vocab.bos());
    at += count;
    used += sequence.size();
    sequences->push_back(std::move(sequence));
  }
  return Error();
}

Error Calibrate(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
                const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
                QuantizedSource* source) {
  return Calibration(sequences, options, executor, show, progress, store, source).Run();
}

}  // namespace lfm2::tools
