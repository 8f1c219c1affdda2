// Counters of the server.
#ifndef LFM2_PROGRAMS_SERVER_METRICS_H_
#define LFM2_PROGRAMS_SERVER_METRICS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace lfm2::tools {

// Updated by any thread.
class Metrics {
 public:
  // Tokens of prompts that were computed, of prompts whose state was cached, and of answers.
  std::atomic<uint64_t> prompt_tokens{0}, cached_tokens{0}, answer_tokens{0};
  // Answers that were completed, cancelled, and failed.
  std::atomic<uint64_t> answers{0}, cancelled_answers{0}, failed_answers{0};
  std::atomic<uint64_t> compute_ns{0};           // time of the steps
  std::atomic<uint64_t> wait_ns{0};              // time that answers waited for a session
  std::atomic<uint64_t> waiting{0}, running{0};  // answers now
  std::atomic<uint64_t> sessions{0}, arena_bytes{0};

  void CountRequest(const std::string& path, int status);

  // In the text format of Prometheus, version 0.0.4.
  std::string Text() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_METRICS_H_
