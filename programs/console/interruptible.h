// Long work that a person may stop: Ctrl-C, SIGTERM and SIGHUP end it at the next step, and nothing is left.
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

// While this lives, SIGINT, SIGTERM and SIGHUP do not end the process but are noted for StepProgress.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();
  // Whether one has come, and which.
  static bool came() { return number() != 0; }
  static int number();

 private:
  struct sigaction before_[3];
};

// Updates the bar, which outlives the result, and stops where a signal has come.
StepProgress ReportTo(Progress* bar);

// Refuses a file of so many bytes if the drive of `path` has no room for it.
Error CheckRoom(const std::string& path, uint64_t bytes);

// Writes a file, which appears when it is complete, under a progress bar labelled `verb`. write: writes all of it to
// the sink. total: its bytes.
Error WriteInterruptibly(const std::string& path, const char* verb, bool quiet, uint64_t total,
                         const std::function<Error(const StepProgress&, ByteSink*)>& write);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_INTERRUPTIBLE_H_
