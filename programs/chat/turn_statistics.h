// What a turn took: tokens, time, and reads of experts.
#ifndef LFM2_PROGRAMS_CHAT_TURN_STATISTICS_H_
#define LFM2_PROGRAMS_CHAT_TURN_STATISTICS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "lfm2/runtime/session.h"

namespace lfm2::tools {

class TurnStatistics {
 public:
  // The turn begins now.
  explicit TurnStatistics(const Session& session);
  // The prompt is computed.
  void Answering();
  // The answer has ended, with so many tokens.
  void End(uint32_t answer_tokens);

  // Whether the terminal's title is to be updated, a few times per second.
  bool IsDue();
  // "experts in memory 80 %; read 2 MB a token at 1.20 GB/s; ...", of the turn so far.
  std::string Reading() const;
  // Lines on speed, guessed tokens and reading, after End.
  std::string Text(uint64_t arena_bytes) const;

 private:
  using Clock = std::chrono::steady_clock;
  double Seconds() const;

  const Session& session_;
  uint32_t position_;
  StreamStatistics read_;
  DraftStatistics drafted_;
  Clock::time_point begin_;
  double shown_at_ = -1, prefill_seconds_ = 0, decode_seconds_ = 0;
  uint32_t prompt_tokens_ = 0, answer_tokens_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CHAT_TURN_STATISTICS_H_
