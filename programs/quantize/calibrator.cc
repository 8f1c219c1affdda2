#include "programs/quantize/calibrator.h"

#include <algorithm>
#include <cstring>

#include "lfm2/kernels/dequantize.h"
#include "programs/quantize/block_codec.h"
#include "programs/quantize/embed_tokens.h"
#include "programs/quantize/feedback.h"
#include "programs/quantize/input_moments.h"
#include "programs/quantize/layer_runner.h"
#include "programs/quantize/layer_tensors.h"

namespace lfm2::tools {

namespace {

using Roles = std::vector<TensorRole>;
// Rows that are corrected at a time.
constexpr Eigen::Index kPartRows = 512;

// The error of rounding every block by itself is only reported: of many rows, every eighth is measured.
constexpr size_t kManyRows = 256, kRowsApart = 8;

double PlainError(const BlockCodec& codec, const FactoredMoments& factored, const RowMatrix& w,
                  const Executor* executor) {
  const size_t rows = static_cast<size_t>(w.rows()), apart = rows < kManyRows ? 1 : kRowsApart;
  const uint32_t tried = static_cast<uint32_t>(DivideUp(rows, apart)), cols = static_cast<uint32_t>(w.cols());
  RowMatrix error(tried, cols);
  const std::vector<float> ones(cols, 1.0f);
  ParallelRanges(executor, tried, [&](uint32_t begin, uint32_t end) {
    std::vector<uint8_t> bytes(RowBytes(codec, cols));
    double sum = 0;
    for (size_t r = begin; r < end; ++r) {
      QuantizeRow(codec, w.data() + r * apart * cols, ones.data(), cols, bytes.data(), error.data() + r * cols, &sum);
    }
  });
  return factored.SquaredLength(error, executor) * static_cast<double>(rows) / tried;
}

// Copies between two matrices of the same size.
double SquaredDistance(const Matrix& a, const Matrix& b) {
  Eigen::VectorXf own(a.cols), other(a.cols);
  double sum = 0;
  for (uint32_t r = 0; r < a.rows; ++r) {
    DequantizeRow(a, r, own.data());
    DequantizeRow(b, r, other.data());
    sum += (own - other).cast<double>().squaredNorm();
  }
  return sum;
}

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
        config_(source.config()),
        layer_(source, &runner_) {}

  Error Run() {
    for (const auto& sequence : sequences_) {
      tokens_ += sequence.size();
      longest_ = std::max(longest_, static_cast<uint32_t>(sequence.size()));
    }
    LFM2_RETURN_IF_FAILED(runner_.Open(config_, longest_, executor_));
    CountWeights();
    if (progress_.layers == 0) {
      LFM2_RETURN_IF_FAILED(Embed());
    } else if (progress_.streams.size() != 2 * tokens_ * config_.hidden_size) {
      return Error::Of("what is left of an earlier run is of ",
                       uint64_t{progress_.streams.size() / 2 / config_.hidden_size}, " tokens, and the text has ",
                       uint64_t{tokens_});
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
  // The residual stream [tokens, hidden_size] of one side.
  float* Stream(Side side) {
    return progress_.streams.data() + static_cast<size_t>(side) * tokens_ * config_.hidden_size;
  }

  void CountWeights() {
    for (size_t i = 0; i < source_.tensors().size(); ++i) {
      if (!store_.Holds(i)) continue;
      const TensorSpec& s = tensor(i).spec;
      const uint64_t weights = uint64_t{s.rows} * s.cols * (s.layout == TensorLayout::kExpert ? config_.experts : 1);
      total_ += weights;
      if (s.layer < progress_.layers) done_ += weights;
    }
  }

  Error Embed() {
    progress_.streams.resize(2 * tokens_ * config_.hidden_size);
    LFM2_RETURN_IF_FAILED(EmbedTokens(source_.base(), sequences_, Stream(Side::kExact)));
    return EmbedTokens(source_, sequences_, Stream(Side::kQuantized));
  }

  bool Holds(TensorRole role) const { return store_.Holds(layer_.IndexOf(role)); }
  bool HoldsAny(const Roles& roles) const {
    return std::any_of(roles.begin(), roles.end(), [&](TensorRole role) { return Holds(role); });
  }

  Error CheckStop() const {
    if (!show_ || show_(done_, total_)) return Error();
    return Error::Of("interrupted with ", progress_.layers, " of ", config_.layers,
                     " layers done; run the same command to continue");
  }

  // w[rows, cols] as in the source; for an expert tensor, of the expert that is loaded.
  Error Weights(TensorRole role, uint32_t expert, RowMatrix* w) const {
    const TensorSpec& spec = layer_.tensor(role).spec;
    w->resize(spec.rows, spec.cols);
    return FiniteValues(layer_.exact(role), spec, expert, 0, w->data());
  }

  // Quantises the matrices of these roles, which share the inputs of these moments, and shows the results to the
  // runner.
  Error Quantize(Roles roles, uint32_t expert, InputMoments&& moments) {
    roles.erase(std::remove_if(roles.begin(), roles.end(), [&](TensorRole role) { return !Holds(role); }), roles.end());
    if (roles.empty()) return Error();
    const uint64_t inputs = moments.inputs();
    FactoredMoments factored;
    const Error finite = factored.Factor(std::move(moments), options_.shrinkage, options_.damping);
    if (!finite.ok()) {
      return Error::Of("the inputs that the text gives the tensor ", TensorName(layer_.tensor(roles[0]).spec), " ",
                       finite.text());
    }
    for (const TensorRole role : roles) {
      const ImageTensor& t = layer_.tensor(role);
      const size_t i = layer_.IndexOf(role);
      const BlockCodec codec(t.type);
      RowMatrix w;
      LFM2_RETURN_IF_FAILED(Weights(role, expert, &w));
      TensorReport& report = progress_.reports[i];
      report.inputs += inputs;
      report.weight_power += w.cast<double>().squaredNorm();
      report.output_power += factored.SquaredLength(w, executor_);
      // In parts, to save memory. w becomes the target of the rounding.
      for (Eigen::Index first = 0; first < w.rows(); first += kPartRows) {
        const Eigen::Index rows = std::min<Eigen::Index>(kPartRows, w.rows() - first);
        RowMatrix part = w.middleRows(first, rows);
        report.plain_error += PlainError(codec, factored, part, executor_);
        const double correction = factored.Correct(static_cast<uint32_t>(first), &part, executor_);
        w.middleRows(first, rows).swap(part);
        part -= w.middleRows(first, rows);
        report.correction += factored.Undamped(correction, part);
      }
      if (role == roles.back()) factored.ReleaseDrift();
      std::vector<uint8_t> stored;
      report.feedback_error += QuantizeWithFeedback(codec, factored, options_.refinements, executor_, &w, &stored);
      report.output_error += factored.SquaredLength(w, executor_);
      std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(t.type, t.spec.rows, t.spec.cols)));
      BlocksOfRows(codec, stored.data(), t.spec.rows, t.spec.cols, blocks.data());
      report.weight_error += SquaredDistance(layer_.exact(role), {blocks.data(), t.spec.rows, t.spec.cols, t.type});
      LFM2_RETURN_IF_FAILED(store_.Write(i, expert, blocks));
      layer_.Replace(role, std::move(blocks));
      done_ += uint64_t{t.spec.rows} * t.spec.cols;
      LFM2_RETURN_IF_FAILED(CheckStop());
    }
    return Error();
  }

  // Calls f(first token, tokens) for every sequence.
  template <class F>
  Error EachSequence(F&& f) {
    size_t first = 0;
    for (const auto& sequence : sequences_) {
      LFM2_RETURN_IF_FAILED(CheckStop());
      f(first, static_cast<uint32_t>(sequence.size()));
      first += sequence.size();
    }
    return Error();
  }
  // Calls f(x of a sequence, tokens), which may change x, for every sequence on both sides.
  template <class F>
  Error EachStream(F&& f) {
    return EachSequence([&](size_t first, uint32_t tokens) {
      for (const Side side : kSides) {
        runner_.Use(side);
        f(Stream(side) + first * config_.hidden_size, tokens);
      }
    });
  }

  // Adds inputs[tokens, size of the moments], which input() returns for the side that the runner uses.
  template <class F>
  void AddInputs(uint32_t tokens, const float* weights, F&& input, InputMoments* moments) {
    const uint32_t cols = moments->size();
    runner_.Use(Side::kExact);
    const RowMatrix exact = RowsView(input(Side::kExact), tokens, cols);
    runner_.Use(Side::kQuantized);
    moments->Add(RowsView(input(Side::kQuantized), tokens, cols), RowsView(exact.data(), tokens, cols), weights,
                 executor_);
  }

  // Quantises the matrices of these roles. input(x, tokens) returns their inputs[tokens, cols].
  template <class F>
  Error QuantizeFor(const Roles& roles, uint32_t cols, F&& input) {
    if (!HoldsAny(roles)) return Error();
    RowMatrix only;
    if (roles.size() == 1 && layer_.tensor(roles[0]).spec.rows < cols) {
      LFM2_RETURN_IF_FAILED(Weights(roles[0], 0, &only));
    }
    InputMoments moments = only.size() > 0 ? InputMoments(only) : InputMoments(cols);
    LFM2_RETURN_IF_FAILED(EachSequence([&](size_t first, uint32_t tokens) {
      const auto of_side = [&](Side side) { return input(Stream(side) + first * config_.hidden_size, tokens); };
      AddInputs(tokens, nullptr, of_side, &moments);
    }));
    only.resize(0, 0);
    return Quantize(roles, 0, std::move(moments));
  }

  Error RunLayer(uint32_t layer) {
    LFM2_RETURN_IF_FAILED(layer_.Load(layer));
    const bool attention = config_.layer_kind[layer] == LayerKind::kAttention;
    const uint32_t hidden = config_.hidden_size;
    const Roles in =
        attention ? Roles{TensorRole::kAttnQ, TensorRole::kAttnK, TensorRole::kAttnV} : Roles{TensorRole::kConvIn};
    const Roles out = {attention ? TensorRole::kAttnOut : TensorRole::kConvOut};
    LFM2_RETURN_IF_FAILED(
        QuantizeFor(in, hidden, [&](const float* x, uint32_t n) { return runner_.Normed(Input::kOperator, x, n); }));
    LFM2_RETURN_IF_FAILED(QuantizeFor(out, attention ? config_.q_size() : hidden,
                                      [&](const float* x, uint32_t n) { return runner_.OperatorOut(layer, x, n); }));
    LFM2_RETURN_IF_FAILED(EachStream([&](float* x, uint32_t n) { runner_.AddOperator(layer, x, n); }));
    return config_.is_moe_layer(layer) ? RunExperts() : RunDense();
  }

  Error RunDense() {
    LFM2_RETURN_IF_FAILED(
        QuantizeFor({TensorRole::kFfnGate, TensorRole::kFfnUp}, config_.hidden_size,
                    [&](const float* x, uint32_t n) { return runner_.Normed(Input::kFeedForward, x, n); }));
    LFM2_RETURN_IF_FAILED(QuantizeFor({TensorRole::kFfnDown}, config_.dense_ff_size,
                                      [&](const float* x, uint32_t n) { return runner_.DenseActivation(x, n); }));
    return EachStream([&](float* x, uint32_t n) { runner_.AddDense(x, n); });
  }

  // The inputs of a layer's experts on one side.
  struct ExpertInputs {
    std::vector<float> normed;     // [tokens, hidden_size]
    std::vector<uint16_t> chosen;  // [tokens, experts_per_token]
    std::vector<float> shares;     // of the same shape
  };

  Error RunExperts() {
    const uint32_t hidden = config_.hidden_size, per_token = config_.experts_per_token;
    ExpertInputs inputs[2];
    for (ExpertInputs& side : inputs) {
      side.normed.resize(tokens_ * hidden);
      side.chosen.resize(tokens_ * per_token);
      side.shares.resize(tokens_ * per_token);
    }
    InputMoments all(hidden);
    LFM2_RETURN_IF_FAILED(EachSequence([&](size_t first, uint32_t n) {
      const auto of_side = [&](Side side) {
        float* const own = inputs[static_cast<uint32_t>(side)].normed.data() + first * hidden;
        const float* const normed = runner_.Normed(Input::kFeedForward, Stream(side) + first * hidden, n);
        std::memcpy(own, normed, size_t{n} * hidden * sizeof(float));
        return own;
      };
      AddInputs(n, nullptr, of_side, &all);
    }));
    if (Holds(TensorRole::kRouter)) LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kRouter}, 0, InputMoments(all)));
    for (const Side side : kSides) {
      ExpertInputs& own = inputs[static_cast<uint32_t>(side)];
      runner_.Use(side);
      for (size_t at = 0; at < tokens_; at += longest_) {
        const uint32_t n = static_cast<uint32_t>(std::min<size_t>(longest_, tokens_ - at));
        runner_.Route(own.normed.data() + at * hidden, n, own.chosen.data() + at * per_token,
                      own.shares.data() + at * per_token);
      }
    }
    for (uint32_t e = 0; e < config_.experts; ++e) {
      LFM2_RETURN_IF_FAILED(layer_.LoadExpert(e));
      LFM2_RETURN_IF_FAILED(QuantizeExpert(e, inputs, all));
      for (const Side side : kSides) AddExpert(e, side, inputs[static_cast<uint32_t>(side)]);
    }
    return Error();
  }

  // Positions in [tokens, experts_per_token] at which an expert stands.
  std::vector<size_t> Assignments(uint32_t e, const ExpertInputs& inputs) const {
    std::vector<size_t> places;
    for (size_t a = 0; a < inputs.chosen.size(); ++a) {
      if (inputs.chosen[a] == e) places.push_back(a);
    }
    return places;
  }
  // Calls f(places, count) in pieces that fit the runner.
  template <class F>
  void EachPiece(const std::vector<size_t>& places, F&& f) const {
    for (size_t first = 0; first < places.size(); first += longest_) {
      f(places.data() + first, static_cast<uint32_t>(std::min<size_t>(longest_, places.size() - first)));
    }
  }
  // The inputs of an expert: those of the tokens at these places.
  const float* Gather(const ExpertInputs& inputs, const size_t* places, uint32_t count) {
    const size_t hidden = config_.hidden_size;
    gathered_.resize(count * hidden);
    for (uint32_t i = 0; i < count; ++i) {
      std::memcpy(gathered_.data() + i * hidden, inputs.normed.data() + places[i] / config_.experts_per_token * hidden,
                  hidden * sizeof(float));
    }
    return gathered_.data();
  }

  // The moments of an expert come from the tokens that choose it once all layers before it are quantised. Its output is
  // multiplied by its share of a token, so a token counts with the square of that share.
  Error QuantizeExpert(uint32_t e, const ExpertInputs (&inputs)[2], const InputMoments& all) {
    const ExpertInputs& own = inputs[static_cast<uint32_t>(Side::kQuantized)];
    const std::vector<size_t> places = Assignments(e, own);
    double squares = 0;
    for (const size_t a : places) squares += static_cast<double>(own.shares[a]) * static_cast<double>(own.shares[a]);
    const float unit = squares > 0 ? static_cast<float>(static_cast<double>(places.size()) / squares) : 0;
    std::vector<float> weights(longest_);
    const auto add = [&](const auto& input, InputMoments* moments) {
      EachPiece(places, [&](const size_t* piece, uint32_t n) {
        for (uint32_t i = 0; i < n; ++i) {
          weights[i] = unit > 0 ? own.shares[piece[i]] * own.shares[piece[i]] * unit : 1.0f;
        }
        const auto of_side = [&](Side side) { return input(Gather(inputs[static_cast<uint32_t>(side)], piece, n), n); };
        AddInputs(n, weights.data(), of_side, moments);
      });
    };
    InputMoments in(config_.hidden_size);
    add([](const float* x, uint32_t) { return x; }, &in);
    in.AddPrior(all, options_.prior);
    LFM2_RETURN_IF_FAILED(Quantize({TensorRole::kExpertGate, TensorRole::kExpertUp}, e, std::move(in)));
    InputMoments act(config_.expert_ff_size);
    add([&](const float* x, uint32_t n) { return runner_.ExpertActivation(x, n); }, &act);
    return Quantize({TensorRole::kExpertDown}, e, std::move(act));
  }

  void AddExpert(uint32_t e, Side side, const ExpertInputs& inputs) {
    const uint32_t hidden = config_.hidden_size;
    runner_.Use(side);
    EachPiece(Assignments(e, inputs), [&](const size_t* piece, uint32_t n) {
      const float* const out = runner_.ExpertOut(Gather(inputs, piece, n), n);
      for (size_t i = 0; i < n; ++i) {
        float* const to = Stream(side) + piece[i] / config_.experts_per_token * hidden;
        for (uint32_t c = 0; c < hidden; ++c) to[c] += inputs.shares[piece[i]] * out[i * hidden + c];
      }
    });
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
  LayerTensors layer_;  // the current layer
  size_t tokens_ = 0;
  uint32_t longest_ = 0;           // tokens of the longest sequence
  uint64_t done_ = 0, total_ = 0;  // weights
  std::vector<float> gathered_;
};

}  // namespace

std::vector<bool> HeldTensors(const QuantizedSource& source) {
  std::vector<bool> held;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    held.push_back(source.IsQuantizedHere(i) && !BelongsToNoLayer(source.tensors()[i].spec.role));
  }
  return held;
}

Error Calibrate(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
                const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
                QuantizedSource* source) {
  LFM2_RETURN_IF_FAILED(Calibration(sequences, options, executor, show, progress, store, *source).Run());
  source->UseStore(store, progress->reports);
  return Error();
}

}  // namespace lfm2::tools
