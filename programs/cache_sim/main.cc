// lfm2-cache-sim: the hit rates of an expert cache on a recorded routing trace, and those of the best possible cache.
#include <algorithm>
#include <string>

#include <CLI/CLI.hpp>

#include "lfm2/format/model_config.h"
#include "programs/cache_sim/report.h"
#include "programs/console/command_line.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"

namespace lfm2::tools {
namespace {

struct CacheSimOptions {
  std::vector<std::string> traces;
  std::vector<uint32_t> slots;  // empty: all useful sizes
  std::string svg;
  bool all_decoded = false;
  bool json = false;
};

// The sizes in ascending order without duplicates, checked against the trace.
Error SlotsFor(const std::string& file, const RoutingTrace& trace, std::vector<uint32_t> wanted,
               std::vector<uint32_t>* slots) {
  if (wanted.empty()) {
    for (uint32_t s = trace.experts_per_token; s <= trace.experts; ++s) wanted.push_back(s);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const uint32_t s : wanted) {
    if (s >= trace.experts_per_token && s <= trace.experts) continue;
    return Error::Of("--slots ", s, ": a layer of ", file, " has ", trace.experts_per_token, " slots at least and ",
                     trace.experts, " at most");
  }
  *slots = wanted;
  return Error();
}

Error RunCacheSim(const CacheSimOptions& o) {
  std::vector<TraceReport> reports;
  for (const std::string& file : o.traces) {
    TraceReport report;
    report.file = file;
    std::vector<uint32_t> slots;
    LFM2_RETURN_IF_FAILED(ReadRoutingTrace(file, &report.trace));
    LFM2_RETURN_IF_FAILED(SlotsFor(file, report.trace, o.slots, &slots));
    report.results = Simulate(report.trace, slots, o.all_decoded);
    reports.push_back(std::move(report));
  }
  if (!o.svg.empty()) {
    const std::string svg = ReportSvg(reports);
    OutputFile out;
    LFM2_RETURN_IF_FAILED(out.Open(o.svg));
    LFM2_RETURN_IF_FAILED(out.Write(0, svg.data(), svg.size()));
    LFM2_RETURN_IF_FAILED(out.Commit());
  }
  return WriteStandardOutput(o.json ? ReportJson(reports) : ReportText(reports));
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Replays routing traces (lfm2-bench or lfm2-eval --record-trace) through expert caches: LRU, LFU, lfm2.h's own\n"
      "policy, and Belady's optimum, which needs the whole trace in advance.");
  CacheSimOptions o;
  app.add_option("traces", o.traces, "Routing traces")->required()->type_name("TRACE");
  app.add_option("--slots", o.slots, "Slots of each layer; all sizes if not given")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1u, kMaxExperts))
      ->type_name("N[,N]");
  app.add_flag("--decode", o.all_decoded, "Treat prefilled tokens as if they had been decoded one by one");
  app.add_option("--svg", o.svg, "Draw hit rate against slots")->type_name("FILE");
  app.add_flag("--json", o.json, "A JSON list with an object for each trace");
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  return Finish("lfm2-cache-sim", RunCacheSim(o));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
