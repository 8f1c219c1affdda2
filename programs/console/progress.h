// A progress bar on a terminal, plain lines elsewhere; always on standard error.
#ifndef LFM2_PROGRAMS_CONSOLE_PROGRESS_H_
#define LFM2_PROGRAMS_CONSOLE_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace lfm2::tools {

// Called now and then with the bytes that are done and the total; false stops the work.
using StepProgress = std::function<bool(uint64_t done, uint64_t total)>;

class Progress {
 public:
  // verb: what happens to the bytes, such as "packing". quiet: show nothing. unit: what is counted in place of bytes,
  // such as "items".
  Progress(std::string verb, bool quiet, std::string unit = std::string());
  // done of total; may be called often.
  void Update(uint64_t done, uint64_t total);
  // Replaces the bar by a line with the mean speed.
  void Finish(uint64_t total);
  // Removes the bar.
  void Abandon();

 private:
  using Clock = std::chrono::steady_clock;
  double Seconds() const;
  std::string Amount(uint64_t number) const;
  std::string Part(uint64_t done, uint64_t total) const;
  void Draw(uint64_t done, uint64_t total);

  std::string verb_;
  std::string unit_;  // empty: bytes
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  uint64_t shown_tenths_ = 0;
  Clock::time_point begin_;
  Clock::time_point drawn_at_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_PROGRESS_H_
