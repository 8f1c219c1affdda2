#include "programs/console/interruptible.h"

#include <iterator>

namespace lfm2::tools {

namespace {

constexpr int kStopSignals[3] = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void RequestStop(int) { stop_requested = 1; }

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action = {};
  action.sa_handler = RequestStop;
  for (size_t i = 0; i < std::size(kStopSignals); ++i) ::sigaction(kStopSignals[i], &action, &before_[i]);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < std::size(kStopSignals); ++i) ::sigaction(kStopSignals[i], &before_[i], nullptr);
}

bool StopSignals::came() { return stop_requested != 0; }

StepProgress ReportTo(Progress* bar) {
  return [bar](uint64_t done, uint64_t total) {
    bar->Update(done, total);
    return stop_requested == 0;
  };
}

Error WriteInterruptibly(const std::string& path, const char* verb, bool quiet, uint64_t total,
                         const std::function<Error(const StepProgress&, ByteSink*)>& write) {
  OutputFile output;
  LFM2_RETURN_IF_FAILED(output.Open(path));
  Progress bar(verb, quiet);
  Error written = write(ReportTo(&bar), &output);
  if (written.ok() && stop_requested != 0) written = Error::Of("interrupted");
  if (written.ok()) written = output.Commit();
  if (!written.ok()) {
    bar.Abandon();
    return written;
  }
  bar.Finish(total);
  return Error();
}

}  // namespace lfm2::tools
