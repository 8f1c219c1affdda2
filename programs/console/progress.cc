#include "programs/console/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "programs/console/console.h"

namespace lfm2::tools {

namespace {

constexpr int kBarCells = 30;

}  // namespace

Progress::Progress(std::string verb, bool quiet, std::string unit)
    : verb_(std::move(verb)),
      unit_(std::move(unit)),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      begin_(Clock::now()) {}

std::string Progress::Amount(uint64_t number) const {
  return unit_.empty() ? HumanBytes(number) : Grouped(number) + " " + unit_;
}

std::string Progress::Part(uint64_t done, uint64_t total) const {
  return (unit_.empty() ? HumanBytes(done) : Grouped(done)) + " of " + Amount(total);
}

double Progress::Seconds() const {
  return std::max(1e-3, std::chrono::duration<double>(Clock::now() - begin_).count());
}

void Progress::Update(uint64_t done, uint64_t total) {
  if (quiet_ || total == 0) return;
  if (terminal_) {
    const auto now = Clock::now();
    if (drawn_ && now - drawn_at_ < std::chrono::milliseconds(50)) return;
    drawn_at_ = now;
    Draw(done, total);
    return;
  }
  // A file or a pipe gets a line for every tenth, but none in the first second.
  const uint64_t tenths = static_cast<uint64_t>(static_cast<double>(done) / static_cast<double>(total) * 10);
  if (tenths <= shown_tenths_ || tenths >= 10 || Seconds() < 1) return;
  shown_tenths_ = tenths;
  std::fprintf(stderr, "%s: %d %%, %s\n", verb_.c_str(), static_cast<int>(tenths * 10), Part(done, total).c_str());
}

void Progress::Draw(uint64_t done, uint64_t total) {
  const double part = static_cast<double>(done) / static_cast<double>(total);
  const double speed = static_cast<double>(done) / Seconds();
  const int cells = static_cast<int>(part * kBarCells);
  const std::string bar(static_cast<size_t>(cells), '#');
  const double left = speed > 0 ? static_cast<double>(total - done) / speed : 0;
  std::fprintf(stderr, "\r%s [%-*s] %3d %%  %s  %s/s  %d s left \033[K", verb_.c_str(), kBarCells, bar.c_str(),
               static_cast<int>(part * 100), Part(done, total).c_str(), Amount(static_cast<uint64_t>(speed)).c_str(),
               static_cast<int>(left + 0.5));
  drawn_ = true;
}

void Progress::Finish(uint64_t total) {
  Abandon();
  if (quiet_) return;
  const double seconds = Seconds();
  std::fprintf(stderr, "%s: %s in %.1f s, %s/s\n", verb_.c_str(), Amount(total).c_str(), seconds,
               Amount(static_cast<uint64_t>(static_cast<double>(total) / seconds)).c_str());
}

void Progress::Abandon() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace lfm2::tools
