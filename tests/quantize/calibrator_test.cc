// Calibration as a whole: interrupted, on any number of threads, with odd texts and hostile weights.
#include "programs/quantize/calibrator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "lfm2/format/image.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/pack/gguf_source.h"
#include "programs/pack/verify.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/tiny_gguf.h"
#include "tests/quantize/quantized_model.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::QuantChoice;
using tools::TensorReport;

// A GGUF file in memory, open.
struct TinySource {
  explicit TinySource(const TinyGguf& gguf) : bytes(gguf.Bytes()), file(bytes) {
    const Error error = source.Open({&file}, {});
    INFO(error.text());
    REQUIRE(error.ok());
  }
  const std::string bytes;
  const tools::MemorySource file;
  tools::GgufSource source;
};

TinyGguf Bf16Gguf(bool moe = true) {
  TinyOptions o;
  o.moe = moe;
  o.matrix = o.embedding = kGgmlBF16;
  TinyGguf gguf = MakeTinyGguf(o);
  // With both signs, as in real weights; those of tiny_gguf.h are positive.
  XorShift random(7);
  for (TinyTensor& t : gguf.tensors) {
    if (t.type != kGgmlBF16) continue;
    for (size_t i = 1; i < t.data.size(); i += 2) {
      if (random.Below(2) == 1) t.data[i] = static_cast<char>(t.data[i] ^ 0x80);
    }
  }
  return gguf;
}

std::string Letters(uint32_t count, uint64_t seed) {
  XorShift random(seed);
  std::string text;
  for (uint32_t i = 0; i < count; ++i) text += static_cast<char>('!' + random.Below(90));
  return text;
}

QuantizeJob Job(QuantChoice type, const std::string& text) {
  QuantizeJob job;
  job.recipe.choices = tools::AllOf(type);
  job.text = text;
  job.options.sequence = 64;
  return job;
}

void CheckImage(const std::string& bytes) {
  const ImageCopy copy(bytes);
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  const tools::MemorySource source(bytes);
  CHECK(VerifyCrcs(image, source, tools::StepProgress()).ok());
}

const TensorReport& ReportOf(const QuantizedModel& model, TensorRole role, uint32_t layer) {
  for (size_t i = 0; i < model.tensors.size(); ++i) {
    if (model.tensors[i].spec.role == role && model.tensors[i].spec.layer == layer) return model.reports[i];
  }
  FAIL("no such tensor");
  return model.reports[0];
}

// A tensor's values, which are BF16 or F32.
std::vector<double> Values(TinyGguf& gguf, const std::string& name) {
  const TinyTensor& t = *gguf.Tensor(name);
  const size_t bytes = t.type == kGgmlBF16 ? 2 : 4;
  std::vector<double> values;
  for (size_t at = 0; at < t.data.size(); at += bytes) {
    uint32_t bits = 0;
    std::memcpy(reinterpret_cast<char*>(&bits) + 4 - bytes, t.data.data() + at, bytes);
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    values.push_back(static_cast<double>(value));
  }
  return values;
}

// The tokens of a job's text: one per letter, after the begin token.
std::vector<int32_t> Ids(const TinySource& tiny, const QuantizeJob& job) {
  tools::PackPlan plan;
  REQUIRE(PlanPack(tiny.source, "", &plan).ok());
  Vocab vocab;
  REQUIRE(Vocab::Open({reinterpret_cast<const std::byte*>(plan.vocab.data()), plan.vocab.size()}, &vocab).ok());
  std::vector<std::vector<int32_t>> sequences;
  REQUIRE(tools::CalibrationIds(vocab, job.text, job.options.tokens, job.options.sequence, &sequences).ok());
  std::vector<int32_t> ids;
  for (const auto& sequence : sequences) ids.insert(ids.end(), sequence.begin(), sequence.end());
  return ids;
}

}  // namespace

TEST_CASE("every matrix of every layer has a smaller output error than with plain rounding") {
  for (const bool moe : {true, false}) {
    const TinySource tiny(Bf16Gguf(moe));
    for (const QuantChoice type : {QuantChoice::kIQ4_NL, QuantChoice::kQ4_0, QuantChoice::kQ6, QuantChoice::kQ8}) {
      const QuantizedModel model = Quantized(tiny.source, Job(type, Letters(600, 1)));
      CheckImage(model.image);
      uint32_t calibrated = 0;
      for (size_t i = 0; i < model.tensors.size(); ++i) {
        const TensorReport& r = model.reports[i];
        CAPTURE(tools::TensorName(model.tensors[i].spec));
        if (r.inputs == 0) continue;
        ++calibrated;
        CHECK(r.output_power > 0);
        CHECK(r.output_error < r.plain_error);
        CHECK(r.feedback_error < r.plain_error);
        CHECK(r.output_error < 1.02 * r.feedback_error);
      }
      // All tensors except the embedding and the router.
      CHECK(calibrated == (moe ? 8 + 3 + 6 : 2 * 2 + 4 + 3 * 3));
    }
  }
}

TEST_CASE("experts: a token counts for each that it chooses, and one without tokens is still rounded well") {
  TinyGguf gguf = Bf16Gguf();
  for (uint32_t layer = 1; layer < kTinyLayers; ++layer) {
    gguf.Tensor("blk." + std::to_string(layer) + ".exp_probs_b.bias")->data = Raw(0.0f) + Raw(0.0f) + Raw(-100.0f);
  }
  const TinySource tiny(gguf);
  const QuantizedModel model = Quantized(tiny.source, Job(QuantChoice::kIQ4_NL, Letters(300, 2)));
  CheckImage(model.image);
  const uint64_t tokens = ReportOf(model, TensorRole::kConvIn, 0).inputs;
  CHECK(tokens >= 300);
  for (const TensorRole role : {TensorRole::kExpertGate, TensorRole::kExpertUp, TensorRole::kExpertDown}) {
    const TensorReport& r = ReportOf(model, role, 1);
    CHECK(r.inputs == 2 * tokens);
    CHECK(r.weight_error / r.weight_power < 0.05);
  }
  CHECK(ReportOf(model, TensorRole::kRouter, 1).inputs == 0);
}

TEST_CASE("a token counts for an expert with the square of its share") {
  // Nothing before layer 1's experts adds to the residual stream: their inputs are normalised embeddings.
  TinyGguf gguf = Bf16Gguf();
  for (const char* const name :
       {"blk.0.shortconv.out_proj.weight", "blk.0.ffn_down.weight", "blk.1.attn_output.weight"}) {
    std::string& data = gguf.Tensor(name)->data;
    data.assign(data.size(), '\0');
  }
  // Experts whose output is large where their share is large: half of their rows are the router's.
  const std::string router_rows = gguf.Tensor("blk.1.ffn_gate_inp.weight")->data;
  for (uint32_t k = 0; k < kTinyExperts; ++k) {
    for (uint32_t i = 0; i < 16 * 32; ++i) {
      gguf.Tensor("blk.1.ffn_gate_exps.weight")
          ->data.replace(2 * (k * 32 * 32 + i), 2, router_rows, 4 * (k * 32 + i % 32) + 2, 2);
    }
  }
  const TinySource tiny(gguf);
  QuantizeJob job = Job(QuantChoice::kQ8, Letters(400, 12));
  REQUIRE(job.recipe.Keep("token_embedding=source").ok());
  job.options.prior = 0;
  const QuantizedModel model = Quantized(tiny.source, job);

  const uint32_t hidden = 32;
  const std::vector<double> embedding = Values(gguf, "token_embd.weight"), norm = Values(gguf, "blk.1.ffn_norm.weight"),
                            router = Values(gguf, "blk.1.ffn_gate_inp.weight"),
                            bias = Values(gguf, "blk.1.exp_probs_b.bias"),
                            gate = Values(gguf, "blk.1.ffn_gate_exps.weight");
  double sums[kTinyExperts] = {}, shares[kTinyExperts] = {}, plain[kTinyExperts] = {}, counts[kTinyExperts] = {};
  for (const int32_t id : Ids(tiny, job)) {
    const double* const e = embedding.data() + static_cast<size_t>(id) * hidden;
    double square = 0, x[hidden], score[kTinyExperts], sum = 0;
    for (uint32_t c = 0; c < hidden; ++c) square += e[c] * e[c];
    for (uint32_t c = 0; c < hidden; ++c) x[c] = e[c] / std::sqrt(square / hidden + 1e-5) * norm[c];
    uint32_t left_out = 0;
    for (uint32_t k = 0; k < kTinyExperts; ++k) {
      double logit = 0;
      for (uint32_t c = 0; c < hidden; ++c) logit += router[k * hidden + c] * x[c];
      score[k] = 1 / (1 + std::exp(-logit));
      if (score[k] + bias[k] < score[left_out] + bias[left_out]) left_out = k;
    }
    for (uint32_t k = 0; k < kTinyExperts; ++k) sum += k == left_out ? 0 : score[k];
    for (uint32_t k = 0; k < kTinyExperts; ++k) {
      if (k == left_out) continue;
      const double share = score[k] / sum;
      double out = 0;
      for (uint32_t r = 0; r < 32; ++r) {
        double y = 0;
        for (uint32_t c = 0; c < hidden; ++c) y += gate[(k * 32 + r) * hidden + c] * x[c];
        out += y * y;
      }
      sums[k] += share * share * out;
      shares[k] += share * share;
      plain[k] += out;
      counts[k] += 1;
    }
  }
  double wanted = 0, unweighted = 0;
  for (uint32_t k = 0; k < kTinyExperts; ++k) {
    wanted += sums[k] / shares[k];
    unweighted += plain[k] / counts[k];
  }
  CHECK(std::fabs(unweighted - wanted) > 0.01 * wanted);
  CHECK(ReportOf(model, TensorRole::kExpertGate, 1).output_power == doctest::Approx(wanted).epsilon(1e-3));
}

TEST_CASE("a router that a rule quantises is quantised before its experts") {
  const TinySource tiny(Bf16Gguf());
  QuantizeJob job = Job(QuantChoice::kIQ4_NL, Letters(300, 3));
  REQUIRE(job.recipe.Keep("router=q8").ok());
  REQUIRE(job.recipe.Keep("layers.2.expert_*=source").ok());
  const QuantizedModel model = Quantized(tiny.source, job);
  CheckImage(model.image);
  CHECK(ReportOf(model, TensorRole::kRouter, 1).inputs == ReportOf(model, TensorRole::kConvIn, 0).inputs);
  CHECK(ReportOf(model, TensorRole::kExpertUp, 2).inputs == 0);
}

TEST_CASE("texts of two tokens, shorter than a sequence, and longer than the part that is used") {
  const TinySource tiny(Bf16Gguf());
  QuantizeJob job = Job(QuantChoice::kIQ4_NL, "x!");
  CheckImage(Quantized(tiny.source, job).image);
  job.text = Letters(20, 4);
  CHECK(ReportOf(Quantized(tiny.source, job), TensorRole::kConvIn, 0).inputs == 21);
  job.text = Letters(1000, 5);
  job.options.tokens = 150;
  const QuantizedModel cut = Quantized(tiny.source, job);
  CHECK(ReportOf(cut, TensorRole::kConvIn, 0).inputs == 150);
  // Text after the last token that is used has no influence.
  job.text = job.text.substr(0, 147);
  CHECK(Quantized(tiny.source, job).image == cut.image);
  job.text = "x";
  QuantizedModel none;
  CHECK(QuantizeModel(tiny.source, job, &none).text().find("has 1 tokens") != std::string::npos);
}

TEST_CASE("stopped after or within any layer, and continued, the image is the same") {
  const TinySource tiny(Bf16Gguf());
  QuantizeJob job = Job(QuantChoice::kIQ4_NL, Letters(300, 6));
  uint32_t calls = 0;
  job.show = [&](uint64_t, uint64_t) { return ++calls, true; };
  const QuantizedModel whole = Quantized(tiny.source, job);
  REQUIRE(calls > 60);
  for (uint32_t stop = 1; stop <= calls; stop += 3) {
    const TemporaryFolder folder;
    job.folder = folder / "work";
    uint32_t seen = 0;
    uint64_t done_before = 0;
    job.show = [&](uint64_t done, uint64_t total) {
      done_before = done;
      CHECK(done <= total);
      return ++seen < stop;
    };
    QuantizedModel model;
    const std::string stopped = QuantizeModel(tiny.source, job, &model).text();
    CHECK(stopped.find("interrupted with ") == 0);
    CHECK(stopped.find(" of 3 layers done; run the same command to continue") != std::string::npos);
    // The same run in two more pieces.
    seen = 0;
    if (!QuantizeModel(tiny.source, job, &model).ok()) {
      job.show = tools::StepProgress();
      model = Quantized(tiny.source, job);
    }
    CAPTURE(stop);
    CHECK(model.image == whole.image);
    for (size_t i = 0; i < whole.reports.size(); ++i) {
      CHECK(model.reports[i].output_error == whole.reports[i].output_error);
      CHECK(model.reports[i].weight_error == whole.reports[i].weight_error);
      CHECK(model.reports[i].inputs == whole.reports[i].inputs);
    }
  }
}

TEST_CASE("any number of threads gives the same image") {
  const TinySource tiny(Bf16Gguf());
  for (const std::string& text : {std::string(), Letters(400, 7)}) {
    QuantizeJob job = Job(QuantChoice::kIQ4_NL, text);
    const QuantizedModel alone = Quantized(tiny.source, job);
    for (const uint32_t threads : {1u, 3u, 4u}) {
      posix::ThreadPool pool;
      REQUIRE(pool.Open(threads).ok());
      job.executor = pool.executor();
      CHECK(Quantized(tiny.source, job).image == alone.image);
    }
  }
}

TEST_CASE("a weight that is not finite is refused with its name, row and column") {
  for (const uint16_t bad : {uint16_t{0x7fc0}, uint16_t{0x7f80}, uint16_t{0xff80}}) {
    for (const std::string& text : {std::string(), Letters(100, 8)}) {
      const QuantizeJob job = Job(QuantChoice::kIQ4_NL, text);
      QuantizedModel model;
      TinyGguf gguf = Bf16Gguf();
      gguf.Tensor("blk.1.attn_k.weight")->data.replace(2 * (20 * 32 + 5), 2, Raw(bad));
      CHECK(QuantizeModel(TinySource(gguf).source, job, &model).text() ==
            "the tensor layers.1.attn_k has a weight that is not a finite number, in row 20, column 5");
      gguf = Bf16Gguf();
      gguf.Tensor("blk.2.ffn_up_exps.weight")->data.replace(2 * ((32 + 3) * 32 + 31), 2, Raw(bad));
      CHECK(QuantizeModel(TinySource(gguf).source, job, &model).text() ==
            "the tensor layers.2.expert_up of expert 1 has a weight that is not a finite number, in row 3, column 31");
    }
  }
}

TEST_CASE("activations that are not finite are refused with the name of the first tensor that has them as inputs") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e38f}) {
    TinyGguf gguf = Bf16Gguf();
    gguf.Tensor("blk.1.ffn_norm.weight")->data.replace(4 * 9, 4, Raw(bad));
    QuantizedModel model;
    const std::string text =
        QuantizeModel(TinySource(gguf).source, Job(QuantChoice::kIQ4_NL, Letters(100, 9)), &model).text();
    CAPTURE(text);
    CHECK(text.find("the inputs that the text gives the tensor layers.1.expert_gate are not finite") == 0);
  }
}

}  // namespace lfm2::test
