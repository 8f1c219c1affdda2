// lfm2-pack: makes a model image from a published model, and checks images.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "lfm2/format/vocab.h"
#include "tools/common/byte_sink.h"
#include "tools/common/byte_source.h"
#include "tools/common/console.h"
#include "tools/common/model_file.h"
#include "tools/common/progress.h"
#include "tools/pack/open_source.h"
#include "tools/pack/packer.h"
#include "tools/pack/summary.h"
#include "tools/pack/verify.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-pack";

// Set by a signal; the packing stops at its next step and removes the temporary file.
volatile std::sig_atomic_t stop_requested = 0;

extern "C" void RequestStop(int) { stop_requested = 1; }

void CatchSignals() {
  struct sigaction action = {};
  action.sa_handler = RequestStop;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

struct Arguments {
  std::string input;
  std::string output;
  std::string name;
  std::optional<ChatTemplate> chat_template;
  bool verify = false;
  bool quiet = false;
};

PackProgress Report(Progress* bar) {
  return [bar](uint64_t done, uint64_t total) {
    bar->Update(done, total);
    return stop_requested == 0;
  };
}

Error Verify(const std::string& path, bool quiet) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open(path));
  FileSource source;
  LFM2_RETURN_IF_FAILED(source.Open(path));
  Progress bar("verifying", quiet);
  const Error verified = VerifyCrcs(model.image(), source, Report(&bar));
  if (!verified.ok()) {
    bar.Abandon();
    return Error::Of(path, ": ", verified.text());
  }
  bar.Finish(model.image().file_bytes());
  return Error();
}

// Packing writes to another name first, so nothing is lost while it runs; but then the source would be gone.
Error RefuseOwnFile(const ModelSource& source, const std::string& output) {
  for (const std::string& file : source.files()) {
    std::error_code error;
    if (std::filesystem::equivalent(file, output, error)) {
      return Error::Of(output, " is the file to be packed; give the image another name");
    }
  }
  return Error();
}

Error PackModel(const Arguments& a) {
  std::unique_ptr<ModelSource> source;
  PackPlan plan;
  LFM2_RETURN_IF_FAILED(OpenSource(a.input, a.chat_template, &source));
  LFM2_RETURN_IF_FAILED(RefuseOwnFile(*source, a.output));
  const Error planned = PlanPack(*source, a.name, &plan);
  if (!planned.ok()) return Error::Of(a.input, ": ", planned.text());
  if (!a.quiet) std::fputs(Summary(*source, plan).c_str(), stdout);
  std::fflush(stdout);

  OutputFile output;
  LFM2_RETURN_IF_FAILED(output.Open(a.output));
  Progress bar("packing", a.quiet);
  Error written = WriteImage(*source, plan, Report(&bar), &output);
  if (written.ok() && stop_requested != 0) written = Error::Of("interrupted");
  if (written.ok()) written = output.Commit();
  if (!written.ok()) {
    bar.Abandon();
    return written;
  }
  bar.Finish(plan.header.file_bytes);
  return a.verify ? Verify(a.output, a.quiet) : Error();
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Makes a .lfm2 model image from an LFM2 model: a GGUF file, or a Hugging Face or MLX directory; no weight "
      "changes.");
  Arguments a;
  const std::map<std::string, ChatTemplate> templates = {{"lfm2", ChatTemplate::kLfm2},
                                                         {"lfm2.5", ChatTemplate::kLfm2_5}};
  app.add_option("IN", a.input,
                 "GGUF file (of a split model the first part) or directory; with --verify alone: image to check")
      ->required();
  app.add_option("OUT", a.output, "image to write; appears when it is complete");
  app.add_flag("--verify", a.verify, "read the image again and check every CRC");
  app.add_option("--template", a.chat_template,
                 "chat template, in place of what the file's is recognised as: lfm2 or lfm2.5")
      ->transform(CLI::CheckedTransformer(templates));
  app.add_option("--name", a.name, "name to put into the image, in place of the file's");
  app.add_flag("--quiet", a.quiet, "show errors only");
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  if (a.output.empty() && !a.verify) {
    std::fprintf(stderr, "%s: give the image to write as the second argument, or --verify to check an image\n",
                 kProgram);
    return kExitUsage;
  }
  CatchSignals();
  return Finish(kProgram, a.output.empty() ? Verify(a.input, a.quiet) : PackModel(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
