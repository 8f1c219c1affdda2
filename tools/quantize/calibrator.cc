#include "tools/quantize/calibrator.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "lfm2/kernels/dequantize.h"
#include "tools/quantize/block_codec.h"
#include "tools/quantize/feedback.h"
#include "tools/quantize/input_moments.h"
#include "tools/quantize/layer_runner.h"

namespace lfm2::tools {

namespace {

using Roles = std::vector<TensorRole>;

// What the matrices of one role of a layer are bytes of.
struct HeldMatrix {
  std::vector<uint8_t> blocks;
  Matrix view;
};

class Calibration {
 public:
  Calibration(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
              const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
              const QuantizedSource& source)
      : sequences_(sequences),
        options_(options),
        executor_(executor),
        show_(show),
        progress_(*progress),
        store_(*store),
        source_(source),
        config_(source.config()) {}

  Error Run() {
    for (const auto& sequence : sequences_) {
      tokens_ += sequence.size();
      longest_ = std::max(longest_, static_cast<uint32_t>(sequence.size()));
    }
    LFM2_RETURN_IF_FAILED(runner_.Open(config_, longest_, executor_));
    CountWeights();
    if (progress_.layers == 0) {
      LFM2_RETURN_IF_FAILED(Embed());
    } else if (progress_.stream.size() != tokens_ * config_.hidden_size) {
      return Error::Of("what is left of an earlier run is of ", uint64_t{progress_.stream.size() / config_.hidden_size},
                       " tokens, and the text has ", uint64_t{tokens_});
    }
    for (uint32_t layer = progress_.layers; layer < config_.layers; ++layer) {
      LFM2_RETURN_IF_FAILED(RunLayer(layer));
      progress_.layers = layer + 1;
      LFM2_RETURN_IF_FAILED(store_.Save(progress_));
    }
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
    runner_.Clear();
    for (size_t i = 0; i < source_.tensors().size(); ++i) {
      const TensorSpec& spec = tensor(i).spec;
      if (BelongsToNoLayer(spec.role) || spec.layer != layer) continue;
      index_.push_back(i);
      if (spec.layout == TensorLayout::kPlain) {
        plain_.emplace_back(size_t{spec.rows} * spec.cols);
        LFM2_RETURN_IF_FAILED(source_.ReadPlain(i, plain_.back().data()));
        const uint8_t* const data = reinterpret_cast<const uint8_t*>(plain_.back().data());
        runner_.Show(spec.role, {data, spec.rows, spec.cols, TensorType::kF32});
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
    HeldMatrix& held = matrices_[spec.role];
    held.blocks = std::move(blocks);
    held.view = {held.blocks.data(), spec.rows, spec.cols, type};
    runner_.Show(spec.role, held.view);
  }

  // The layer's tensor of a role; the layer has it.
  size_t IndexOf(TensorRole role) const {
    return *std::find_if(index_.begin(), index_.end(), [&](size_t i) { return tensor(i).spec.role == role; });
  }

  bool Holds(TensorRole role) const { return store_.Holds(IndexOf(role)); }
  bool HoldsAny(const Roles& roles) const {
    return std::any_of(roles.begin(), roles.end(), [&](TensorRole role) { return Holds(role); });
  }

  Error CheckStop() const {
    if (!show_ || show_(done_, total_)) return Error();
    return Error::Of("interrupted with ", progress_.layers, " of ", config_.layers,
                     " layers done; the same command goes on from there");
  }

  // Quantises the matrices of these roles, whose inputs have these moments, and shows the results to the runner.
  Error Quantize(const Roles& roles, uint32_t expert, InputMoments&& moments) {
    if (!HoldsAny(roles)) return Error();
    const uint64_t inputs = moments.inputs();
    const uint32_t cols = moments.size();
    FactoredMoments factored;
    const Error finite = factored.Factor(std::move(moments), options_.shrinkage, options_.damping);
    if (!finite.ok()) {
      return Error::Of("the inputs that the text gives the tensor ", TensorName(tensor(IndexOf(roles[0])).spec), " ",
                       finite.text());
    }
    for (const TensorRole role : roles) {
      if (!Holds(role)) continue;
      const size_t i = IndexOf(role);
      const BlockCodec codec(tensor(i).type);
      const uint32_t rows = tensor(i).spec.rows;
      RowMatrix w(rows, cols);
      // Nothing has been shown of this role but the base's.
      LFM2_RETURN_IF_FAILED(FiniteValues(matrices_[role].view, tensor(i).spec, expert, 0, w.data()));
      TensorReport& report = progress_.reports[i];
      report.inputs += inputs;
      report.weight_power += w.cast<double>().squaredNorm();
      report.output_power += factored.SquaredLength(w, executor_);
      report.plain_error += factored.SquaredLength(PlainError(codec, w), executor_);
      std::vector<uint8_t> stored;
      QuantizeWithFeedback(codec, factored, options_.refinements, executor_, &w, &stored);
      report.weight_error += w.cast<double>().squaredNorm();
      report.output_error += factored.SquaredLength(w, executor_);
      std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(tensor(i).type, rows, cols)));
      BlocksOfRows(codec, stored.data(), rows, cols, blocks.data());
      LFM2_RETURN_IF_FAILED(store_.Write(i, expert, blocks));
      Show(i, tensor(i).type, std::move(blocks));
      done_ += uint64_t{rows} * cols;
      LFM2_RETURN_IF_FAILED(CheckStop());
    }
    return Error();
  }

  // What rounding every block by itself would lose.
  RowMatrix PlainError(const BlockCodec& codec, const RowMatrix& w) const {
    RowMatrix error(w.rows(), w.cols());
    const uint32_t rows = static_cast<uint32_t>(w.rows()), cols = static_cast<uint32_t>(w.cols());
    const std::vector<float> ones(cols, 1.0f);
    ParallelRanges(executor_, rows, [&](uint32_t begin, uint32_t end) {
      std::vector<uint8_t> bytes(RowBytes(codec, cols));
      double sum = 0;
      for (size_t r = begin; r < end; ++r) {
        QuantizeRow(codec, w.data() + r * cols, ones.data(), cols, bytes.data(), error.data() + r * cols, &sum);
      }
    });
    return error;
  }

  // Calls f(x of a sequence, tokens) for every one.
  template <class F>
  Error EachSequence(F&& f) {
    float* x = progress_.stream.data();
    for (const auto& sequence : sequences_) {
      LFM2_RETURN_IF_FAILED(CheckStop());
      f(x, static_cast<uint32_t>(sequence.size()));
      x += sequence.size() * config_.hidden_size;
    }
    return Error();
  }

  // Quantises the matrices of these roles, whose inputs[tokens, cols] are what input(x, tokens) returns.
  template <class F>
  Error QuantizeFor(const Roles& roles, uint32_t cols, F&& input) {
    if (!HoldsAny(roles)) return Error();
    InputMoments moments(cols);
    LFM2_RETURN_IF_FAILED(EachSequence(
        [&](const float* x, uint32_t tokens) { moments.Add(RowsView(input(x, tokens), tokens, cols), executor_); }));
    return Quantize(roles, 0, std::move(moments));
  }

  Error RunLayer(uint32_t layer) {
    LFM2_RETURN_IF_FAILED(LoadLayer(layer));
    const bool attention = config_.layer_kind[layer] == LayerKind::kAttention;
    const uint32_t hidden = config_.hidden_size;
    const Roles in =
        attention ? Roles{TensorRole::kAttnQ, TensorRole::kAttnK, TensorRole::kAttnV} : Roles{TensorRole::kConvIn};
    const Roles out = {attention ? TensorRole::kAttnOut : TensorRole::kConvOut};
    LFM2_RETURN_IF_FAILED(
        QuantizeFor(in, hidden, [&](const float* x, uint32_t n) { return runner_.Normed(Input::kOperator, x, n); }));
    LFM2_RETURN_IF_FAILED(QuantizeFor(out, attention ? config_.q_size() : hidden,
                                      [&](const float* x, uint32_t n) { return runner_.OperatorOut(layer, x, n); }));
    LFM2_RETURN_IF_FAILED(EachSequence([&](float* x, uint32_t n) { runner_.AddOperator(layer, x, n); }));
    return config_.is_moe_layer(layer) ? RunExperts() : RunDense();
  }

  Error RunDense() {
    LFM2_RETURN_IF_FAILED(
        QuantizeFor({TensorRole::kFfnGate, TensorRole::kFfnUp}, config_.hidden_size,
                    [&](const float* x, uint32_t n) { return runner_.Normed(Input::kFeedForward, x, n); }));
    LFM2_RETURN_IF_FAILED(QuantizeFor({TensorRole::kFfnDown}, config_.dense_ff_size,
                                      [&](const float* x, uint32_t n) { return runner_.DenseActivation(x, n); }));
    return EachSequence([&](float* x, uint32_t n) { runner_.AddDense(x, n); });
  }

  Error RunExperts() {
    const uint32_t hidden = config_.hidden_size, per_token = config_.experts_per_token;
    std::vector<float> normed(tokens_ * hidden), shares(tokens_ * per_token);
    std::vector<uint16_t> chosen(tokens_ * per_token);
    InputMoments all(hidden);
    float* own = normed.data();
    LFM2_RETURN_IF_FAILED(EachSequence([&](const float* x, uint32_t n) {
      std::memcpy(own, runner_.Normed(Input::kFeedForward, x, n), size_t{n} * hidden * sizeof(float));
      all.Add(RowsView(own, n, hidden), executor_);
      own += size_t{n} * hidden;
    }));
    if (Holds(TensorRole::kRouter)) LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kRouter}, 0, InputMoments(all)));
    for (size_t at = 0; at < tokens_; at += longest_) {
      const uint32_t n = static_cast<uint32_t>(std::min<size_t>(longest_, tokens_ - at));
      runner_.Route(normed.data() + at * hidden, n, chosen.data() + at * per_token, shares.data() + at * per_token);
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

  // assignments: places in [tokens, experts_per_token] at which the expert stands.
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
      for (size_t first = 0; first < assignments.size(); first += longest_) {
        const uint32_t n = static_cast<uint32_t>(std::min<size_t>(longest_, assignments.size() - first));
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
  const QuantizedSource& source_;
  const ModelConfig& config_;
  LayerRunner runner_;
  size_t tokens_ = 0;
  uint32_t longest_ = 0;           // sequence
  uint64_t done_ = 0, total_ = 0;  // weights

  // Of the layer at work.
  std::vector<size_t> index_;  // in the source's tensors
  std::vector<std::vector<float>> plain_;
  std::map<TensorRole, HeldMatrix> matrices_;  // of the expert at work, where the role is an expert's
};

}  // namespace

std::vector<bool> HeldTensors(const QuantizedSource& source) {
  std::vector<bool> held;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    held.push_back(source.IsQuantizedHere(i) && !BelongsToNoLayer(source.tensors()[i].spec.role));
  }
  return held;
}

uint64_t CalibrationBytes(const QuantizedSource& source, uint64_t tokens, uint32_t sequence) {
  const ModelConfig& config = source.config();
  uint64_t widest = 0, largest = 0;
  std::vector<uint64_t> layers(config.layers);
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const TensorSpec& spec = source.tensors()[i].spec;
    if (BelongsToNoLayer(spec.role) || spec.layout == TensorLayout::kPlain) continue;
    widest = std::max<uint64_t>(widest, spec.cols);
    largest = std::max(largest, uint64_t{spec.rows} * spec.cols);
    layers[spec.layer] += MatrixBytes(source.base().tensors()[i].type, spec.rows, spec.cols);
  }
  const bool moe = config.moe_layers() > 0;
  const uint64_t squares = widest * widest + (moe ? uint64_t{config.hidden_size} * config.hidden_size : 0);
  // Of the matrix at work: values, integers and steps, or values and the error of plain rounding; and its bytes twice.
  // Of the text: the residual stream, with experts also all inputs and one expert's; and a sequence's activations.
  return 4 * squares + 10 * largest + *std::max_element(layers.begin(), layers.end()) +
         tokens * config.hidden_size * (moe ? 12 : 4) +
         uint64_t{sequence} * 4 *
             (4 * uint64_t{config.hidden_size} + std::max(5 * uint64_t{config.hidden_size}, 2 * widest));
}

Error Calibrate(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
                const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
                QuantizedSource* source) {
  LFM2_RETURN_IF_FAILED(Calibration(sequences, options, executor, show, progress, store, *source).Run());
  source->UseStore(store, progress->reports);
  return Error();
}

}  // namespace lfm2::tools
