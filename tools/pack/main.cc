// lfm2-pack: makes a model image from a published model, and checks images.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/common/byte_source.h"
#include "tools/common/console.h"
#include "tools/common/interruptible.h"
#include "tools/common/progress.h"
#include "tools/common/template_option.h"
#include "tools/open/model_file.h"
#include "tools/pack/open_source.h"
#include "tools/pack/packer.h"
#include "tools/pack/summary.h"
#include "tools/pack/verify.h"
#include "tools/quantize/quantize.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-pack";

struct Arguments {
  std::string input;
  std::string output;
  std::string name;
  std::optional<OwnedChatFormat> chat_format;
  bool verify = false;
  bool quiet = false;
  bool quantizes = false;
  QuantizeArguments quantize;
};

Error Verify(const std::string& path, bool quiet) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open({path, false}));
  FileSource source;
  LFM2_RETURN_IF_FAILED(source.Open(path));
  Progress bar("verifying", quiet);
  const Error verified = VerifyCrcs(model.image(), source, ReportTo(&bar));
  if (!verified.ok()) {
    bar.Abandon();
    return Error::Of(path, ": ", verified.text());
  }
  bar.Finish(model.image().file_bytes());
  return Error();
}

// Files are written under another name first, so nothing is lost while the program runs; but then what it has read
// would be gone, or the image that it has just written.
Error RefuseOwnFiles(const ModelSource& source, const Arguments& a) {
  const auto same = [](const std::string& one, const std::string& other) {
    std::error_code error;
    return !one.empty() && (one == other || std::filesystem::equivalent(one, other, error));
  };
  const std::string &report = a.quantize.report, &text = a.quantize.calibrate;
  for (const std::string& file : source.files()) {
    if (same(file, a.output)) return Error::Of(a.output, " is the file to be packed; give the image another name");
    if (same(file, report)) return Error::Of(report, " is the file to be packed; give the report another name");
  }
  if (same(text, a.output)) return Error::Of(a.output, " is the text of --calibrate; give the image another name");
  if (same(text, report)) return Error::Of(report, " is the text of --calibrate; give the report another name");
  if (same(report, a.output)) return Error::Of(report, " is the image; give the report another name");
  return Error();
}

Error PackModel(const Arguments& a) {
  std::unique_ptr<ModelSource> source;
  PackPlan plan;
  LFM2_RETURN_IF_FAILED(OpenSource(a.input, a.chat_format, &source));
  LFM2_RETURN_IF_FAILED(RefuseOwnFiles(*source, a));
  const ModelSource* packed = source.get();
  Quantization quantization;
  if (a.quantizes) {
    const Error opened = quantization.Open(*source, a.quantize);
    if (!opened.ok()) return Error::Of(a.input, ": ", opened.text());
    packed = &quantization.source();
  }
  const Error planned = PlanPack(*packed, a.name, &plan);
  if (!planned.ok()) return Error::Of(a.input, ": ", planned.text());
  if (!a.quiet) std::fputs(Summary(*packed, plan).c_str(), stdout);
  if (!a.quiet) ShowNotes(*packed);
  std::fflush(stdout);

  if (a.quantizes) LFM2_RETURN_IF_FAILED(quantization.Prepare(a.output, plan.vocab));
  const auto write = [&](const StepProgress& progress, ByteSink* sink) {
    return WriteImage(*packed, plan, progress, sink);
  };
  LFM2_RETURN_IF_FAILED(WriteInterruptibly(a.output, "packing", a.quiet, plan.header.file_bytes, write));
  if (a.quantizes) LFM2_RETURN_IF_FAILED(quantization.Finish());
  return a.verify ? Verify(a.output, a.quiet) : Error();
}

// Quantising is asked for by --type; all its other options need that.
void AddQuantizing(CLI::App* app, Arguments* a) {
  QuantizeArguments& q = a->quantize;
  CLI::Option* type = app->add_option_function<std::string>(
                             "--type",
                             [a](const std::string& name) {
                               a->quantizes = true;
                               ParseQuantChoice(name, &a->quantize.recipe.type);
                             },
                             "quantise to about 4.5, 4.5, 6.6 or 8.5 bits a weight: q4, q4_0, q6 or q8")
                          ->type_name("TYPE")
                          ->check(CLI::IsMember({"q4", "q4_0", "q6", "q8"}));
  app->add_option_function<std::vector<std::string>>(
         "--keep",
         [&q](const std::vector<std::string>& rules) {
           for (const std::string& rule : rules) {
             const Error error = q.recipe.Keep(rule);
             if (!error.ok()) throw CLI::ValidationError(error.text());
           }
         },
         "tensors whose name matches get another type: source, q4, q4_0, q6 or q8; as often as wanted")
      ->type_name("PATTERN=TYPE")
      // One rule each time, so that the model may follow.
      ->allow_extra_args(false)
      ->needs(type);
  CLI::Option* calibrate =
      app->add_option("--calibrate", q.calibrate, "text file whose activations decide what may be lost")
          ->type_name("TEXT")
          ->needs(type);
  app->add_option("--calibrate-tokens", q.calibration.tokens, "tokens of the text that are used at most")
      ->check(CLI::Range(2u, 1u << 20))
      ->capture_default_str()
      ->needs(calibrate);
  app->add_flag("--requantize", q.recipe.requantize, "quantise also what the source has quantised already")
      ->needs(type);
  app->add_option("--report", q.report, "JSON file to write with the error of every tensor")->needs(type);
  app->add_option("--threads", q.threads, "threads that quantise; 0: one a core")
      ->check(CLI::Range(0u, 256u))
      ->needs(type);
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Makes a .lfm2 model image from an LFM2 model: a GGUF file, or a Hugging Face or MLX directory. Without --type "
      "no weight changes.");
  Arguments a;
  app.add_option("IN", a.input,
                 "GGUF file (of a split model the first part) or directory; with --verify alone: image to check")
      ->required();
  app.add_option("OUT", a.output, "image to write; appears when it is complete");
  app.add_flag("--verify", a.verify, "read the image again and check every CRC");
  AddTemplateOption(&app, "what the file's is recognised as", &a.chat_format);
  app.add_option("--name", a.name, "name to put into the image, in place of the file's");
  app.add_flag("--quiet", a.quiet, "show errors only");
  AddQuantizing(&app, &a);
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  if (a.output.empty() && !a.verify) {
    std::fprintf(stderr, "%s: give the image to write as the second argument, or --verify to check an image\n",
                 kProgram);
    return kExitUsage;
  }
  const StopSignals stop;
  a.quantize.quiet = a.quiet;
  return Finish(kProgram, a.output.empty() ? Verify(a.input, a.quiet) : PackModel(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
