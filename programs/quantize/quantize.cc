#include "programs/quantize/quantize.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "lfm2/base/crc32c.h"
#include "lfm2/format/vocab.h"
#include "programs/console/console.h"
#include "programs/console/interruptible.h"
#include "programs/files/files.h"
#include "programs/quantize/calibration_memory.h"
#include "programs/quantize/calibration_text.h"

namespace lfm2::tools {

namespace {

// Increased whenever the result changes, so that weights stored by an older version are not reused.
constexpr char kMethod[] = "feedback 7";

}  // namespace

Error Quantization::Open(const ModelSource& base, const QuantizeArguments& arguments) {
  arguments_ = arguments;
  LFM2_RETURN_IF_FAILED(Error::From(threads_.Open(arguments.threads)));
  LFM2_RETURN_IF_FAILED(ChooseRecipe(base, arguments_.wish, &arguments_.recipe, &recipe_));
  return source_.Open(base, arguments_.recipe, threads_.executor());
}

std::string Quantization::RecipeText() const {
  std::string text = std::string("recipe ") + recipe_->name + ": " + recipe_->description + "\n";
  if (recipe_->trained == 0) return text;
  char line[160];
  std::snprintf(
      line, sizeof(line),
      "with --calibrate, the error of the logits was %.2f of llama-quantize's Q4_0 on a trained model, %.2f on random "
      "ones\n",
      recipe_->trained, recipe_->random);
  return text + line;
}

// Everything that the result depends on.
std::string Quantization::Job(const std::string& text) const {
  const CalibrationOptions& o = arguments_.calibration;
  std::string job = kMethod;
  job += "; " + arguments_.recipe.Text() + "; text " + std::to_string(Crc32c(0, text.data(), text.size())) + ", " +
         std::to_string(text.size()) + " bytes; tokens " + std::to_string(o.tokens);
  for (const std::string& file : source_.files()) {
    std::error_code error;
    const auto changed = std::filesystem::last_write_time(file, error).time_since_epoch().count();
    job += "; " + file + ", " + std::to_string(std::filesystem::file_size(file, error)) + " bytes, " +
           std::to_string(changed);
  }
  return job;
}

Error Quantization::Prepare(const std::string& output, const std::string& vocab_section) {
  if (!arguments_.report.empty()) LFM2_RETURN_IF_FAILED(report_.Open(arguments_.report));
  if (arguments_.calibrate.empty()) return Error();
  std::string text;
  LFM2_RETURN_IF_FAILED(ReadFile(arguments_.calibrate, &text));
  return CalibrateWith(text, output, vocab_section);
}

Error Quantization::CalibrateWith(const std::string& text, const std::string& output,
                                  const std::string& vocab_section) {
  const ModelConfig& config = source_.config();
  CalibrationOptions& options = arguments_.calibration;
  options.sequence = std::max(2u, std::min(options.sequence, config.context_length));
  Vocab vocab;
  LFM2_RETURN_IF_FAILED(Error::From(
      Vocab::Open({reinterpret_cast<const std::byte*>(vocab_section.data()), vocab_section.size()}, &vocab)));
  std::vector<std::vector<int32_t>> sequences;
  const Error encoded = CalibrationIds(vocab, text, options.tokens, options.sequence, &sequences);
  if (!encoded.ok()) return Error::Of(arguments_.calibrate, " ", encoded.text());
  uint64_t tokens = 0;
  for (const auto& sequence : sequences) tokens += sequence.size();

  WeightProgress progress;
  const std::string folder = output + ".work";
  LFM2_RETURN_IF_FAILED(
      store_.Open(folder, Job(text), source_.tensors(), HeldTensors(source_), config.experts, &progress));
  if (!arguments_.quiet) {
    std::printf("calibration: %s tokens in %zu sequences of at most %u, about %s of memory\n", Grouped(tokens).c_str(),
                sequences.size(), options.sequence,
                HumanBytes(CalibrationBytes(source_, tokens, options.sequence)).c_str());
    if (progress.layers > 0) {
      std::printf("%u of %u layers are in %s already\n", progress.layers, config.layers, folder.c_str());
    }
    std::fflush(stdout);
  }
  Progress bar("calibrating", arguments_.quiet, "weights");
  const Error done = Calibrate(sequences, options, threads_.executor(), ReportTo(&bar), &progress, &store_, &source_);
  bar.Abandon();
  return done;
}

Error Quantization::Finish() {
  if (!arguments_.quiet) std::printf("\n%s", ReportTable(source_.tensors(), source_.reports()).c_str());
  if (!arguments_.calibrate.empty()) LFM2_RETURN_IF_FAILED(store_.Remove());
  if (arguments_.report.empty()) return Error();
  const std::string json = ReportJson(source_.tensors(), source_.reports()).dump(1) + "\n";
  LFM2_RETURN_IF_FAILED(report_.Write(0, json.data(), json.size()));
  return report_.Commit();
}

}  // namespace lfm2::tools
