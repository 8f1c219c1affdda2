#include "tools/quantize/quantize.h"

#include <cstdio>
#include <filesystem>

#include "lfm2/base/crc32c.h"
#include "lfm2/format/vocab.h"
#include "tools/common/byte_sink.h"
#include "tools/common/console.h"
#include "tools/common/files.h"
#include "tools/common/interruptible.h"

namespace lfm2::tools {

namespace {

// Belongs to what is done, so that an older program's work is not taken for this one's.
constexpr char kMethod[] = "feedback 1";

// The matrix of inputs' moments, its factor's panels and a matrix of weights with its error, of the widest tensor; the
// residual stream, twice in layers of experts.
uint64_t CalibrationBytes(const ModelConfig& c, uint64_t tokens) {
  uint64_t widest = 0, largest = 0;
  for (uint32_t group = 1; group <= c.layers; ++group) {
    const TensorSpecs specs = TensorGroup(c, group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      if (specs.spec[i].layout == TensorLayout::kPlain) continue;
      widest = std::max<uint64_t>(widest, specs.spec[i].cols);
      largest = std::max(largest, uint64_t{specs.spec[i].rows} * specs.spec[i].cols);
    }
  }
  return widest * widest * 4 + largest * 16 + tokens * c.hidden_size * 8;
}

}  // namespace

Error Quantization::Open(const ModelSource& base, const QuantizeArguments& arguments) {
  arguments_ = arguments;
  LFM2_RETURN_IF_FAILED(Error::From(threads_.Open(arguments.threads)));
  return source_.Open(base, arguments.recipe, threads_.executor());
}

// All that the result hangs on.
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
  if (arguments_.calibrate.empty()) return Error();
  std::string text;
  LFM2_RETURN_IF_FAILED(ReadFile(arguments_.calibrate, &text));
  Vocab vocab;
  LFM2_RETURN_IF_FAILED(Error::From(
      Vocab::Open({reinterpret_cast<const std::byte*>(vocab_section.data()), vocab_section.size()}, &vocab)));
  std::vector<std::vector<int32_t>> sequences;
  const Error encoded = CalibrationIds(vocab, text, arguments_.calibration, &sequences);
  if (!encoded.ok()) return Error::Of(arguments_.calibrate, " ", encoded.text());
  uint64_t tokens = 0;
  for (const auto& sequence : sequences) tokens += sequence.size();

  std::vector<bool> held;
  for (size_t i = 0; i < source_.tensors().size(); ++i) {
    const TensorRole role = source_.tensors()[i].spec.role;
    held.push_back(source_.IsQuantizedHere(i) && role != TensorRole::kTokenEmbedding && role != TensorRole::kOutput);
  }
  WeightProgress progress;
  const std::string folder = output + ".work";
  LFM2_RETURN_IF_FAILED(
      store_.Open(folder, Job(text), source_.tensors(), std::move(held), source_.config().experts, &progress));
  if (!arguments_.quiet) {
    std::printf("calibration: %s tokens in %zu sequences of at most %u, about %s of memory\n", Grouped(tokens).c_str(),
                sequences.size(), arguments_.calibration.sequence,
                HumanBytes(CalibrationBytes(source_.config(), tokens)).c_str());
    if (progress.layers > 0) {
      std::printf("%u of %u layers are in %s already\n", progress.layers, source_.config().layers, folder.c_str());
    }
    std::fflush(stdout);
  }
  Progress bar("calibrating, weights", arguments_.quiet);
  const Error done =
      Calibrate(sequences, arguments_.calibration, threads_.executor(), ReportTo(&bar), &progress, &store_, &source_);
  bar.Abandon();
  LFM2_RETURN_IF_FAILED(done);
  source_.UseStore(&store_);
  return Error();
}

Error Quantization::Finish() {
  if (!arguments_.quiet) std::printf("\n%s", ReportTable(source_.tensors(), source_.reports()).c_str());
  if (!arguments_.report.empty()) {
    const std::string json = ReportJson(source_.tensors(), source_.reports()).dump(1) + "\n";
    OutputFile file;
    LFM2_RETURN_IF_FAILED(file.Open(arguments_.report));
    LFM2_RETURN_IF_FAILED(file.Write(0, json.data(), json.size()));
    LFM2_RETURN_IF_FAILED(file.Commit());
  }
  return arguments_.calibrate.empty() ? Error() : store_.Remove();
}

}  // namespace lfm2::tools
