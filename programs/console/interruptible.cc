#include "programs/console/interruptible.h"

#include <sys/statvfs.h>

#include <iterator>

#include "programs/console/console.h"

namespace lfm2::tools {

namespace {

constexpr int kStopSignals[3] = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t stop_signal = 0;

extern "C" void NoteStop(int signal) { stop_signal = signal; }

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action = {};
  action.sa_handler = NoteStop;
  for (size_t i = 0; i < std::size(kStopSignals); ++i) ::sigaction(kStopSignals[i], &action, &before_[i]);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < std::size(kStopSignals); ++i) ::sigaction(kStopSignals[i], &before_[i], nullptr);
}

int StopSignals::number() { return stop_signal; }

StepProgress ReportTo(Progress* bar) {
  return [bar](uint64_t done, uint64_t total) {
    bar->Update(done, total);
    return !StopSignals::came();
  };
}

Error CheckRoom(const std::string& path, uint64_t bytes) {
  struct statvfs info;
  // What cannot be found out shows when the file is written.
  if (::statvfs(DirectoryOf(path).c_str(), &info) != 0) return Error();
  const uint64_t free = uint64_t{info.f_bavail} * info.f_frsize;
  if (free >= bytes) return Error();
  return Error::Of("cannot write ", path, ": it takes ", HumanBytes(bytes), ", and the drive has ", HumanBytes(free),
                   " free (free ", HumanBytes(bytes - free), ", or write elsewhere)");
}

Error WriteInterruptibly(const std::string& path, const char* verb, bool quiet, uint64_t total,
                         const std::function<Error(const StepProgress&, ByteSink*)>& write) {
  OutputFile output;
  LFM2_RETURN_IF_FAILED(output.Open(path));
  LFM2_RETURN_IF_FAILED(CheckRoom(path, total));
  Progress bar(verb, quiet);
  Error written = write(ReportTo(&bar), &output);
  if (written.ok() && StopSignals::came()) written = Error::Of("interrupted");
  if (written.ok()) written = output.Commit();
  if (!written.ok()) {
    bar.Abandon();
    return written;
  }
  bar.Finish(total);
  return Error();
}

}  // namespace lfm2::tools
