// lfm2-pack: makes a model image from a published model, and checks images.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "programs/console/command_line.h"
#include "programs/console/interruptible.h"
#include "programs/console/progress.h"
#include "programs/files/byte_source.h"
#include "programs/files/files.h"
#include "programs/open/model_file.h"
#include "programs/options/byte_size.h"
#include "programs/options/template_option.h"
#include "programs/pack/open_source.h"
#include "programs/pack/packer.h"
#include "programs/pack/summary.h"
#include "programs/pack/verify.h"
#include "programs/quantize/quantize.h"

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
  QuantizeArguments quantize;
  std::vector<const CLI::Option*> needing_recipe;  // options that mean nothing where weights stay as they are

  bool quantizes() const {
    const RecipeWish& wish = quantize.wish;
    return !wish.type.empty() || wish.file_bytes > 0 || wish.arena_bytes > 0;
  }
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

// An output that replaces an input, or another output, is refused: the user would lose it.
Error RefuseOwnFiles(const ModelSource& source, const Arguments& a) {
  const auto same = [](const std::string& one, const std::string& other) {
    std::error_code error;
    return !one.empty() && (one == other || std::filesystem::equivalent(one, other, error));
  };
  const std::string &report = a.quantize.report, &text = a.quantize.calibrate;
  for (const std::string& file : source.files()) {
    if (same(file, a.output)) return Error::Of(a.output, " is the file to pack (give the image another name)");
    if (same(file, report)) return Error::Of(report, " is the file to pack (give the report another name)");
  }
  if (same(text, a.output)) return Error::Of(a.output, " is the text of --calibrate (give the image another name)");
  if (same(text, report)) return Error::Of(report, " is the text of --calibrate (give the report another name)");
  if (same(report, a.output)) return Error::Of(report, " is the image (give the report another name)");
  return Error();
}

Error PackModel(const Arguments& a) {
  std::unique_ptr<ModelSource> source;
  PackPlan plan;
  LFM2_RETURN_IF_FAILED(OpenSource(a.input, a.chat_format, &source));
  LFM2_RETURN_IF_FAILED(RefuseOwnFiles(*source, a));
  const ModelSource* packed = source.get();
  Quantization quantization;
  if (a.quantizes()) {
    const Error opened = quantization.Open(*source, a.quantize);
    if (!opened.ok()) return Error::Of(a.input, ": ", opened.text());
    packed = &quantization.source();
    if (!a.quiet) std::fputs(quantization.RecipeText().c_str(), stdout);
  }
  const Error planned = PlanPack(*packed, a.name, &plan);
  if (!planned.ok()) return Error::Of(a.input, ": ", planned.text());
  if (!a.quiet) std::fputs(Summary(*packed, plan).c_str(), stdout);
  if (!a.quiet) ShowNotes(*packed);
  LFM2_RETURN_IF_FAILED(FlushStandardOutput());

  if (a.quantizes()) LFM2_RETURN_IF_FAILED(quantization.Prepare(a.output, plan.vocab));
  const auto write = [&](const StepProgress& progress, ByteSink* sink) {
    return WriteImage(*packed, plan, progress, sink);
  };
  LFM2_RETURN_IF_FAILED(WriteInterruptibly(a.output, "packing", a.quiet, plan.header.file_bytes, write));
  if (a.quantizes()) LFM2_RETURN_IF_FAILED(quantization.Finish());
  return a.verify ? Verify(a.output, a.quiet) : Error();
}

// --type, --budget and --for-arena request quantisation; its other options need one of them.
void AddQuantizing(CLI::App* app, Arguments* a) {
  QuantizeArguments& q = a->quantize;
  std::vector<std::string> names;
  for (const NamedRecipe& recipe : NamedRecipes()) names.push_back(recipe.name);
  app->add_option(
         "--type", q.wish.type,
         "Quantise: q4, q3 and q2 give experts few bits and other weights more (-m and -s are smaller); q8, q6, iq4_nl "
         "and q4_0 give all weights one type")
      ->type_name("RECIPE")
      ->check(CLI::IsMember(names));
  app->add_option(
         "--budget", q.wish.file_bytes,
         "Quantise by the best recipe whose image has at most so many bytes, such as 3.7GB; with --type, among recipes "
         "of that kind")
      ->transform(ByteSizeText())
      ->type_name("BYTES");
  app->add_option(
         "--for-arena", q.wish.arena_bytes,
         "Quantise by the recipe that reads the fewest bytes per token when experts are streamed through an arena of "
         "so many bytes, such as 1240M; with --type, among recipes of that kind")
      ->transform(ByteSizeText())
      ->type_name("BYTES");
  const auto needs_recipe = [a](CLI::Option* option) { a->needing_recipe.push_back(option); };
  needs_recipe(
      app->add_option_function<std::vector<std::string>>(
             "--keep",
             [&q](const std::vector<std::string>& rules) {
               for (const std::string& rule : rules) {
                 const Error error = q.recipe.Keep(rule);
                 if (!error.ok()) throw CLI::ValidationError(error.text());
               }
             },
             "Give tensors whose name matches another type: source, q8, q6, iq4_nl, q4_0, t4, t3 or t2; may be "
             "repeated")
          ->type_name("PATTERN=TYPE")
          // One rule each time, so that the model may follow.
          ->allow_extra_args(false));
  CLI::Option* calibrate =
      app->add_option("--calibrate", q.calibrate,
                      "Text file to calibrate with: its activations decide how weights are rounded")
          ->type_name("TEXT");
  needs_recipe(calibrate);
  app->add_option("--calibrate-tokens", q.calibration.tokens, "Tokens of the text to use, at most")
      ->check(CLI::Range(2u, 1u << 20))
      ->capture_default_str()
      ->needs(calibrate);
  needs_recipe(
      app->add_flag("--requantize", q.recipe.requantize, "Also quantise what is already quantised in the source"));
  needs_recipe(app->add_option("--report", q.report, "JSON file to write, with the error of every tensor"));
  needs_recipe(app->add_option("--threads", q.threads, "Threads that quantise; 0: one for each core")
                   ->check(CLI::Range(0u, 256u)));
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Makes a .lfm2 model image from an LFM2 model: a GGUF file, or a Hugging Face or MLX directory. Without --type, "
      "--budget and --for-arena no weight changes.");
  Arguments a;
  app.add_option("IN", a.input,
                 "GGUF file (the first part of a split one) or directory; with --verify alone, an image to check")
      ->required();
  app.add_option("OUT", a.output, "Image to write; appears when it is complete");
  app.add_flag("--verify", a.verify, "Read the image again and check every CRC");
  AddTemplateOption(&app, "the one that the file has", &a.chat_format);
  app.add_option("--name", a.name, "Name to store in the image, in place of the file's");
  app.add_flag("--quiet", a.quiet, "Show errors only");
  AddQuantizing(&app, &a);
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  for (const CLI::Option* option : a.needing_recipe) {
    if (option->count() == 0 || a.quantizes()) continue;
    return RefuseUsage(kProgram, Error::Of(option->get_name(), " needs --type, --budget or --for-arena"));
  }
  if (a.output.empty() && !a.verify) {
    return RefuseUsage(kProgram,
                       Error::Of("give the image to write as the second argument, or --verify to check an image"));
  }
  const StopSignals stop;
  a.quantize.quiet = a.quiet;
  return Finish(kProgram, a.output.empty() ? Verify(a.input, a.quiet) : PackModel(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
