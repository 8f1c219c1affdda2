// Quantises a whole model for tests: from a source to the bytes of an image.
#ifndef LFM2_TESTS_QUANTIZE_QUANTIZED_MODEL_H_
#define LFM2_TESTS_QUANTIZE_QUANTIZED_MODEL_H_

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lfm2/format/vocab.h"
#include "programs/pack/packer.h"
#include "programs/quantize/calibration_text.h"
#include "programs/quantize/calibrator.h"
#include "tests/temporary_folder.h"

namespace lfm2::test {

struct QuantizeJob {
  tools::Recipe recipe;
  std::string text;  // empty: without calibration
  tools::CalibrationOptions options;
  const Executor* executor = nullptr;
  tools::StepProgress show;
  std::string folder;  // for the intermediate weights; empty: a folder of its own
};

struct QuantizedModel {
  std::string image;
  std::vector<tools::ImageTensor> tensors;
  std::vector<tools::TensorReport> reports;
};

inline tools::Error QuantizeModel(const tools::ModelSource& base, const QuantizeJob& job, QuantizedModel* out) {
  tools::QuantizedSource source;
  tools::PackPlan plan;
  tools::WeightStore store;
  LFM2_RETURN_IF_FAILED(source.Open(base, job.recipe, job.executor));
  LFM2_RETURN_IF_FAILED(PlanPack(source, "", &plan));
  const TemporaryFolder own;
  if (!job.text.empty()) {
    Vocab vocab;
    LFM2_RETURN_IF_FAILED(tools::Error::From(
        Vocab::Open({reinterpret_cast<const std::byte*>(plan.vocab.data()), plan.vocab.size()}, &vocab)));
    std::vector<std::vector<int32_t>> sequences;
    LFM2_RETURN_IF_FAILED(tools::CalibrationIds(vocab, job.text, job.options.tokens, job.options.sequence, &sequences));
    tools::WeightProgress progress;
    LFM2_RETURN_IF_FAILED(store.Open(job.folder.empty() ? own / "work" : job.folder, "job", source.tensors(),
                                     HeldTensors(source), source.config().experts, &progress));
    LFM2_RETURN_IF_FAILED(Calibrate(sequences, job.options, job.executor, job.show, &progress, &store, &source));
  }
  tools::MemorySink sink;
  LFM2_RETURN_IF_FAILED(WriteImage(source, plan, tools::StepProgress(), &sink));
  *out = {sink.bytes(), source.tensors(), source.reports()};
  return tools::Error();
}

inline QuantizedModel Quantized(const tools::ModelSource& base, const QuantizeJob& job) {
  QuantizedModel model;
  const tools::Error error = QuantizeModel(base, job, &model);
  INFO(error.text());
  REQUIRE(error.ok());
  return model;
}

// Chats of commands to a home assistant with its answers.
inline std::string CommandsText() {
  std::ifstream file(std::string(LFM2_TEST_DATA) + "/home/commands.jsonl");
  REQUIRE(file.good());
  std::string text;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json command = nlohmann::json::parse(line);
    text += "<|startoftext|><|im_start|>user\n" + command["user"].get<std::string>() +
            "<|im_end|>\n<|im_start|>assistant\n" + command["call"].get<std::string>() + "<|im_end|>\n";
  }
  return text;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_QUANTIZE_QUANTIZED_MODEL_H_
