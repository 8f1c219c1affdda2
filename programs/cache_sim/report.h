// The output of lfm2-cache-sim: a table, JSON, a chart.
#ifndef LFM2_PROGRAMS_CACHE_SIM_REPORT_H_
#define LFM2_PROGRAMS_CACHE_SIM_REPORT_H_

#include <string>
#include <vector>

#include "programs/cache_sim/simulator.h"

namespace lfm2::tools {

struct TraceReport {
  std::string file;
  RoutingTrace trace;
  std::vector<SlotsResult> results;
};

std::string ReportText(const std::vector<TraceReport>& reports);
// A list with an object for each trace.
std::string ReportJson(const std::vector<TraceReport>& reports);
// Hit rate against slots, with a panel for each trace, arranged vertically.
std::string ReportSvg(const std::vector<TraceReport>& reports);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CACHE_SIM_REPORT_H_
