// lfm2-bench: measures how fast a model image runs on this machine, and how fast it could run.
#include <chrono>

#include "programs/bench/bench.h"
#include "programs/bench/options.h"
#include "programs/bench/results.h"
#include "programs/console/command_line.h"
#include "programs/files/files.h"

namespace lfm2::tools {
namespace {

Error RunBench(const BenchOptions& options, std::chrono::steady_clock::time_point begin) {
  Bench bench(options, begin);
  LFM2_RETURN_IF_FAILED(bench.Run());
  LFM2_RETURN_IF_FAILED(WriteStandardOutput(options.json ? ResultsJson(bench.setup(), bench.results())
                                                         : ResultsText(bench.setup(), bench.results())));
  // The results are written first: their speeds are right even if a limit is not.
  const std::string faults = FasterThanLimits(bench.results());
  return faults.empty() ? Error() : Error::Of(faults);
}

}  // namespace
}  // namespace lfm2::tools

int main(int argc, char** argv) {
  const auto begin = std::chrono::steady_clock::now();
  lfm2::tools::BenchOptions options;
  int exit_code = 0;
  if (!lfm2::tools::ParseBenchOptions(argc, argv, &options, &exit_code)) return exit_code;
  return lfm2::tools::Finish("lfm2-bench", lfm2::tools::RunBench(options, begin));
}
