// Long work that a person may stop: Ctrl-C and its like end it at the next step, and nothing is left behind.
#ifndef LFM2_PROGRAMS_CONSOLE_INTERRUPTIBLE_H_
#define LFM2_PROGRAMS_CONSOLE_INTERRUPTIBLE_H_

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>

#include "programs/base/error.h"
#include "programs/console/progress.h"
#include "programs/files/byte_sink.h"

namespace lfm2::tools {

// As long as this lives SIGINT, SIGTERM and SIGHUP only ask for a stop, which StepProgress passes on.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();
  // Whether one has asked.
  static bool came();

 private:
  struct sigaction before_[3];
};

// Moves the bar, which outlives the result.
StepProgress ReportTo(Progress* bar);

// Writes a file that appears when it is complete, under a progress bar that says `verb`. write: writes all of it to the
// sink. total: its bytes, for the last line.
Error WriteInterruptibly(const std::string& path, const char* verb, bool quiet, uint64_t total,
                         const std::function<Error(const StepProgress&, ByteSink*)>& write);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_INTERRUPTIBLE_H_
