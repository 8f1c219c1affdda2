#include "programs/chat/turn_statistics.h"

#include <algorithm>
#include <cstdio>

#include "programs/console/console.h"

namespace lfm2::tools {

TurnStatistics::TurnStatistics(const Session& session)
    : session_(session),
      position_(session.position()),
      read_(session.statistics()),
      drafted_(session.draft_statistics()),
      begin_(Clock::now()) {}

double TurnStatistics::Seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

void TurnStatistics::Answering() {
  prefill_seconds_ = Seconds();
  prompt_tokens_ = session_.position() - position_;
}

void TurnStatistics::End(uint32_t answer_tokens) {
  decode_seconds_ = Seconds() - prefill_seconds_;
  answer_tokens_ = answer_tokens;
}

bool TurnStatistics::IsDue() {
  const double now = Seconds();
  if (now - shown_at_ < 0.2) return false;
  shown_at_ = now;
  return true;
}

std::string TurnStatistics::Reading() const {
  StreamStatistics read = session_.statistics();
  read.Subtract(read_);
  const uint32_t tokens = std::max(session_.position() - position_, 1u);
  const auto ratio = [](double part, double whole) { return whole > 0 ? part / whole : 0.0; };
  char text[160];
  std::snprintf(text, sizeof(text),
                "experts in memory %.0f %%; read %s a token at %.2f GB/s; waited %.0f %% of the time",
                100 * ratio(static_cast<double>(read.hits), static_cast<double>(read.hits + read.misses)),
                HumanBytes(read.bytes / tokens).c_str(),
                ratio(static_cast<double>(read.bytes), static_cast<double>(read.read_ns)),
                100 * ratio(static_cast<double>(read.stall_ns), Seconds() * 1e9));
  return text + (read.retries > 0 ? "; " + std::to_string(read.retries) + " reads repeated" : std::string());
}

std::string TurnStatistics::Text(uint64_t arena_bytes) const {
  char line[240];
  std::snprintf(line, sizeof(line),
                "prefill %u tokens, %.1f tokens/s; decode %u tokens, %.1f tokens/s; context %u of %u; arena %s\n",
                prompt_tokens_, prompt_tokens_ / std::max(prefill_seconds_, 1e-9), answer_tokens_,
                answer_tokens_ / std::max(decode_seconds_, 1e-9), session_.position(),
                session_.options().context_length, HumanBytes(arena_bytes).c_str());
  std::string text = line;
  if (session_.options().draft_tokens > 0) {
    const DraftStatistics drafted = session_.draft_statistics();
    text += "guessed " + std::to_string(drafted.drafted - drafted_.drafted) + " tokens, " +
            std::to_string(drafted.accepted - drafted_.accepted) + " of them right\n";
  }
  if (session_.is_streamed()) text += Reading() + "\n";
  return text;
}

}  // namespace lfm2::tools
