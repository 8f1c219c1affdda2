#include "programs/server/engine.h"

#include <algorithm>

namespace lfm2::tools {

namespace {

// Fewer shared tokens are not worth continuing from, nor a mark.
constexpr uint32_t kLeastShared = 16;

// Interval at which cancelled tasks are removed from the queue.
constexpr std::chrono::milliseconds kLookInterval{50};

uint64_t Nanoseconds(std::chrono::steady_clock::duration time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

}  // namespace

Engine::Engine(std::vector<Sequence*> sequences, uint32_t queue_limit, Metrics* metrics)
    : slots_(sequences.size()),
      most_requests_(static_cast<uint32_t>(sequences.size()) + queue_limit),
      metrics_(metrics) {
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].sequence = sequences[i];
  metrics_->sessions = slots_.size();
  thread_ = std::thread([this] { Run(); });
}

void Engine::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stops_ = true;
  }
  came_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Engine::Submit(const std::vector<std::shared_ptr<GenerationTask>>& tasks) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stops_ || requests_ >= most_requests_) return false;
  ++requests_;
  // Frees the place in the queue when the last of the tasks has ended.
  const std::shared_ptr<const void> ticket(this, [this](const void*) { --requests_; });
  for (const std::shared_ptr<GenerationTask>& task : tasks) {
    task->ticket = ticket;
    task->came = Clock::now();
    waiting_.push_back(task);
  }
  metrics_->waiting += tasks.size();
  came_.notify_one();
  return true;
}

void Engine::Run() {
  for (;;) {
    Slot* slot = nullptr;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      came_.wait(lock, [&] { return stops_ || !waiting_.empty() || Next() != nullptr; });
      if (stops_) break;
    }
    StartWaiting();
    slot = Next();
    if (slot != nullptr) StepOne(slot);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (Slot& slot : slots_) {
    if (!slot.generation.has_value()) continue;
    slot.generation->Cancel();
    Free(&slot);
  }
  for (const auto& task : waiting_) GiveUp(task.get());
  waiting_.clear();
}

// Ends a task that was waiting.
void Engine::GiveUp(GenerationTask* task) {
  ++metrics_->cancelled_answers;
  task->ticket.reset();
  AnswerSummary summary;
  summary.error = ApiError::Of(503, "server_error", "cancelled", "the answer was cancelled before it started");
  task->channel.End(summary);
}

// Gives free sessions to the tasks that have waited longest.
void Engine::StartWaiting() {
  const Clock::time_point now = Clock::now();
  if (!HasFree() && now < next_look_) return;
  next_look_ = now + kLookInterval;
  for (;;) {
    std::shared_ptr<GenerationTask> task;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (waiting_.empty()) return;
      // Cancelled tasks leave the queue from any position.
      const auto gone = std::find_if(waiting_.begin(), waiting_.end(),
                                     [](const auto& waiting) { return waiting->channel.is_cancelled(); });
      if (gone == waiting_.end() && !HasFree()) return;
      const auto taken = gone == waiting_.end() ? waiting_.begin() : gone;
      task = *taken;
      waiting_.erase(taken);
    }
    --metrics_->waiting;
    metrics_->wait_ns += Nanoseconds(Clock::now() - task->came);
    if (task->channel.is_cancelled()) {
      GiveUp(task.get());
    } else {
      Start(std::move(task));
    }
  }
}

void Engine::Start(std::shared_ptr<GenerationTask> task) {
  const Span<const int32_t> prompt = {task->prompt.data(), task->prompt.size()};
  // If scores of the prompt are requested, all its tokens are computed.
  const bool is_scored = task->echo && task->request->top_logprobs.has_value();
  Slot* const slot = Place(is_scored ? prompt.subspan(0, 0) : prompt, &task->places);
  slot->task = std::move(task);
  slot->generation.emplace(slot->task.get(), slot->sequence);
  slot->is_counted = false;
  // It starts level with the sessions that have computed least.
  slot->used = Clock::duration::max();
  Clock::duration least = Clock::duration::max();
  for (const Slot& other : slots_) {
    if (other.generation.has_value()) least = std::min(least, other.used);
  }
  slot->used = least == Clock::duration::max() ? Clock::duration::zero() : least;
  ++metrics_->running;
  if (slot->generation->is_done()) Free(slot);
}

// Returns a free session, of which there is at least one, at the position from which the prompt continues. Adds the end
// of the shared tokens to *places: a beginning that occurred twice may occur again.
Engine::Slot* Engine::Place(Span<const int32_t> prompt, std::vector<uint32_t>* places) {
  Slot* best = nullptr;
  Slot* oldest = nullptr;
  uint32_t position = 0, common = 0;
  for (Slot& slot : slots_) {
    if (slot.task != nullptr) continue;
    if (oldest == nullptr || slot.last_use < oldest->last_use) oldest = &slot;
    common = std::max(common, slot.sequence->Common(prompt));
    const uint32_t reusable = slot.sequence->Reusable(prompt);
    if (reusable >= kLeastShared && reusable > position) {
      best = &slot;
      position = reusable;
    }
  }
  if (common >= kLeastShared && common > position && common < prompt.size()) {
    places->insert(std::lower_bound(places->begin(), places->end(), common), common);
    places->erase(std::unique(places->begin(), places->end()), places->end());
  }
  if (best == nullptr) {
    oldest->sequence->Clear();
    return oldest;
  }
  // If another session is free, this one keeps its tokens, for the chat that they belong to.
  if (best != oldest && position < best->sequence->session().position() &&
      oldest->sequence->Copy(*best->sequence, position).ok()) {
    return oldest;
  }
  if (!best->sequence->GoTo(position).ok()) best->sequence->Clear();
  return best;
}

bool Engine::HasFree() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.task == nullptr; });
}

// The busy session that has computed for the shortest time; of equal ones the first. Null if none is busy.
Engine::Slot* Engine::Next() {
  Slot* next = nullptr;
  for (Slot& slot : slots_) {
    if (slot.generation.has_value() && (next == nullptr || slot.used < next->used)) next = &slot;
  }
  return next;
}

void Engine::StepOne(Slot* slot) {
  Generation& generation = *slot->generation;
  if (slot->task->channel.is_cancelled()) {
    generation.Cancel();
  } else {
    const Clock::time_point begin = Clock::now();
    const uint32_t before = generation.answer_tokens();
    generation.Step();
    const Clock::duration time = Clock::now() - begin;
    slot->used += time;
    metrics_->compute_ns += Nanoseconds(time);
    metrics_->answer_tokens += generation.answer_tokens() - before;
    if (!slot->is_counted && (generation.answer_tokens() > 0 || generation.is_done())) {
      slot->is_counted = true;
      metrics_->prompt_tokens += generation.prompt_tokens() - generation.cached_tokens();
      metrics_->cached_tokens += generation.cached_tokens();
    }
  }
  if (generation.is_done()) Free(slot);
}

// Ends an answer. Its place is freed before the client learns of the end.
void Engine::Free(Slot* slot) {
  const AnswerSummary summary = slot->generation->summary();
  const std::shared_ptr<GenerationTask> task = std::move(slot->task);
  slot->generation.reset();
  slot->task.reset();
  slot->last_use = ++uses_;
  const bool is_cancelled = task->channel.is_cancelled();
  ++(is_cancelled ? metrics_->cancelled_answers : summary.error.ok() ? metrics_->answers : metrics_->failed_answers);
  --metrics_->running;
  task->ticket.reset();
  task->channel.End(summary);
}

}  // namespace lfm2::tools
