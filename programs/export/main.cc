// lfm2-export: writes the model of an image as a GGUF file.
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "programs/console/command_line.h"
#include "programs/console/console.h"
#include "programs/console/interruptible.h"
#include "programs/export/exporter.h"
#include "programs/files/byte_source.h"
#include "programs/files/files.h"
#include "programs/open/model_file.h"
#include "programs/session/describe.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-export";

struct Arguments {
  std::string image;
  std::string output;
  bool quiet = false;
};

std::string Summary(const ModelFile& model, const ExportPlan& plan) {
  const ModelConfig& config = model.image().config();
  Table facts("ll");
  facts.Row({"name", model.image().name()});
  facts.Row({"image", HumanBytes(model.image().file_bytes())});
  facts.Row({"GGUF file", HumanBytes(plan.file_bytes)});
  facts.Row({"weights", Grouped(WeightCount(config, model.Directory()))});
  return facts.Text() + DescribeConfig(config) + "\n" + TensorTable(config, model.Directory());
}

Error Export(const Arguments& a) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open({a.image, false}));
  // Read, not mapped: pages of a mapping would count as this process's memory.
  FileSource source;
  LFM2_RETURN_IF_FAILED(source.Open(a.image));
  if (source.IsSameFile(a.output)) {
    return Error::Of(a.output, " is the image to export (give the GGUF file another name)");
  }
  ExportPlan plan;
  const Error planned = PlanExport(model.image(), source, &plan);
  if (!planned.ok()) return Error::Of(a.image, ": ", planned.text());
  if (!a.quiet) std::fputs(Summary(model, plan).c_str(), stdout);
  LFM2_RETURN_IF_FAILED(FlushStandardOutput());

  const auto write = [&](const StepProgress& progress, ByteSink* sink) {
    return WriteGguf(model.image(), source, plan, progress, sink);
  };
  return WriteInterruptibly(a.output, "exporting", a.quiet, plan.file_bytes, write);
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Writes the model of a .lfm2 image as a GGUF file, for llama.cpp and other programs. No weight changes; "
      "lfm2-pack makes the same image of the file.");
  Arguments a;
  app.add_option("IMAGE", a.image, "Image to export")->required();
  app.add_option("OUT", a.output, "GGUF file to write; appears when it is complete")->required();
  app.add_flag("--quiet", a.quiet, "Show errors only");
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  const StopSignals stop;
  return Finish(kProgram, Export(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
