#include "programs/server/metrics.h"

#include <unistd.h>

#include <cstdio>

namespace lfm2::tools {

namespace {

uint64_t ResidentBytes() {
  unsigned long long all = 0, resident = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  const int read = std::fscanf(file, "%llu %llu", &all, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

void Head(const char* name, const char* type, const char* help, std::string* out) {
  *out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

void One(const char* name, const char* type, const char* help, const std::string& value, std::string* out) {
  Head(name, type, help, out);
  *out += std::string(name) + " " + value + "\n";
}

std::string Seconds(uint64_t ns) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.6f", static_cast<double>(ns) * 1e-9);
  return text;
}

}  // namespace

void Metrics::CountRequest(const std::string& path, int status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++requests_[{path, status}];
}

std::string Metrics::Text() const {
  std::string out;
  Head("lfm2_http_requests_total", "counter", "Requests answered, by path and status.", &out);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [key, count] : requests_) {
      out += "lfm2_http_requests_total{path=\"" + key.first + "\",status=\"" + std::to_string(key.second) + "\"} " +
             std::to_string(count) + "\n";
    }
  }
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    One(name, "counter", help, std::to_string(value), &out);
  };
  const auto gauge = [&](const char* name, const char* help, uint64_t value) {
    One(name, "gauge", help, std::to_string(value), &out);
  };
  counter("lfm2_prompt_tokens_total", "Tokens of prompts that were computed.", prompt_tokens);
  counter("lfm2_cached_prompt_tokens_total", "Tokens of prompts whose state was cached.", cached_tokens);
  counter("lfm2_generated_tokens_total", "Tokens of answers.", answer_tokens);
  counter("lfm2_answers_total", "Answers that were completed.", answers);
  counter("lfm2_cancelled_answers_total", "Answers that were cancelled because the client was gone.",
          cancelled_answers);
  counter("lfm2_failed_answers_total", "Answers that failed while computing or reading weights.", failed_answers);
  One("lfm2_compute_seconds_total", "counter", "Time spent computing.", Seconds(compute_ns), &out);
  One("lfm2_queue_wait_seconds_total", "counter", "Time that answers have waited for a session.", Seconds(wait_ns),
      &out);
  gauge("lfm2_answers_waiting", "Answers that wait for a session.", waiting);
  gauge("lfm2_answers_running", "Answers that are being computed.", running);
  gauge("lfm2_sessions", "Sessions, each of which computes one answer at a time.", sessions);
  gauge("lfm2_arena_bytes", "Bytes of all sessions' arenas.", arena_bytes);
  gauge("process_resident_memory_bytes", "Resident memory of the process.", ResidentBytes());
  return out;
}

}  // namespace lfm2::tools
