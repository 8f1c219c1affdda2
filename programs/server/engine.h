// All answers that are being computed, and the queue of those that wait: one thread computes, a step at a time.
#ifndef LFM2_PROGRAMS_SERVER_ENGINE_H_
#define LFM2_PROGRAMS_SERVER_ENGINE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "programs/server/generation.h"
#include "programs/server/metrics.h"
#include "programs/server/sequence.h"

namespace lfm2::tools {

// A task waits in the order in which it came until a session is free, and goes on from the one whose tokens it begins
// with, or from a copy of it. Sessions take turns: the one that has computed for the shortest time so far is next.
class Engine {
 public:
  // sequences: open and prepared. They and the metrics outlive the engine. queue_limit: requests that may wait, beside
  // as many as there are sequences.
  Engine(std::vector<Sequence*> sequences, uint32_t queue_limit, Metrics* metrics);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { Stop(); }

  // Cancels what is left, and takes nothing more.
  void Stop();

  // The tasks of one request. False, with nothing taken, where as many requests as may wait do.
  bool Submit(const std::vector<std::shared_ptr<GenerationTask>>& tasks);

 private:
  using Clock = std::chrono::steady_clock;
  struct Slot {
    Sequence* sequence = nullptr;
    std::shared_ptr<GenerationTask> task;
    std::optional<Generation> generation;  // while it is at work
    Clock::duration used{};                // time that its steps have taken, for turns
    uint64_t last_use = 0;                 // when it ended its last answer; larger is later
    bool is_counted = false;               // its prompt is in the metrics
  };

  void Run();
  void StartWaiting();
  void Start(std::shared_ptr<GenerationTask> task);
  Slot* Place(Span<const int32_t> prompt, std::vector<uint32_t>* places);
  bool HasFree() const;
  Slot* Next();
  void StepOne(Slot* slot);
  void Free(Slot* slot);
  void GiveUp(GenerationTask* task);

  std::vector<Slot> slots_;
  Clock::time_point next_look_;  // at the queue, though no session is free
  const uint32_t most_requests_;
  Metrics* metrics_;
  uint64_t uses_ = 0;

  std::mutex mutex_;  // of what follows
  std::condition_variable came_;
  std::deque<std::shared_ptr<GenerationTask>> waiting_;
  bool stops_ = false;
  std::atomic<uint32_t> requests_{0};  // waiting or at work

  std::thread thread_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ENGINE_H_
