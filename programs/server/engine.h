// Computes answers in one thread, step by step, and keeps the queue of waiting ones.
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

// Tasks wait in the order of arrival until a session is free. A task continues from the session whose tokens it begins
// with, or from a copy of it. Sessions take turns: the one that has computed for the shortest time is next.
class Engine {
 public:
  // sequences: open and prepared. They and the metrics outlive the engine. queue_limit: requests that may wait while
  // all sequences are busy.
  Engine(std::vector<Sequence*> sequences, uint32_t queue_limit, Metrics* metrics);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { Stop(); }

  // Cancels what is left, and accepts no more tasks.
  void Stop();

  // Accepts the tasks of one request. Returns false, and accepts none, if the queue is full.
  bool Submit(const std::vector<std::shared_ptr<GenerationTask>>& tasks);

 private:
  using Clock = std::chrono::steady_clock;
  struct Slot {
    Sequence* sequence = nullptr;
    std::shared_ptr<GenerationTask> task;
    std::optional<Generation> generation;  // while the answer is computed
    Clock::duration used{};                // time of its steps, to choose the next one
    uint64_t last_use = 0;                 // number of its last answer; larger is later
    bool is_counted = false;               // its prompt is counted in the metrics
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
  Clock::time_point next_look_;  // at the queue, even if no session is free
  const uint32_t most_requests_;
  Metrics* metrics_;
  uint64_t uses_ = 0;

  std::mutex mutex_;  // guards the following members
  std::condition_variable came_;
  std::deque<std::shared_ptr<GenerationTask>> waiting_;
  bool stops_ = false;
  std::atomic<uint32_t> requests_{0};  // waiting or being computed

  std::thread thread_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ENGINE_H_
