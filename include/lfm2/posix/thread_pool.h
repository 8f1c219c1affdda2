// Threads that compute together with the caller: the Executor for POSIX systems.
#ifndef LFM2_POSIX_THREAD_POOL_H_
#define LFM2_POSIX_THREAD_POOL_H_

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/executor.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/error_text.h"
#include "lfm2/posix/usable_cores.h"

namespace lfm2::posix {

// Owns its threads; outlives every Session opened with its executor. Allocates nothing except the threads' stacks,
// which the system does in Open. Between runs the threads spin for kSpinNanoseconds and then sleep. They receive no
// signals. Several sessions on several threads may share a pool: of those that compute at the same time one uses the
// pool's threads, and the others compute on their callers' threads alone, with the same results.
class ThreadPool final {
 public:
  // The largest number of threads.
  static constexpr uint32_t kMaxThreads = 256;
  // Waking a sleeping thread takes tens of microseconds; the serial parts between two products of a token are shorter
  // than this.
  static constexpr uint64_t kSpinNanoseconds = 30000;

  // Where the threads run.
  enum class Pinning : uint8_t {
    kNone,  // wherever the system puts them
    // Thread i of the pool runs only on the i-th core that the process may use. The caller, thread 0, is not pinned.
    kCores,
  };

  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() { Close(); }

  // threads: how many compute at once, including the one that calls the session; 0: UsableCores(), at most kMaxThreads.
  // Errors, after which the pool is closed: kInvalidArgument above kMaxThreads; kIo with the error number if the system
  // does not create the threads or does not pin them. kFailedPrecondition if open already (then it stays open).
  Status Open(uint32_t threads, Pinning pinning = Pinning::kNone) {
    if (is_open()) {
      return Status(StatusCode::kFailedPrecondition, "ThreadPool::Open", "needs a closed pool (call Close first)");
    }
    const CpuQuota quota = CgroupFiles().ReadCpuQuota();
    if (threads == 0) threads = Min(UsableCores(quota), kMaxThreads);
    if (threads > kMaxThreads) {
      return Status(StatusCode::kInvalidArgument, "threads", "are too many", threads, kMaxThreads);
    }
    // With fewer cores than threads, a spinning thread keeps another from working; with a quota, it uses up the time of
    // all.
    spins_ = threads <= AffineCores() && (!quota.is_limited() || threads <= quota.whole_cores());
    stop_.store(false, std::memory_order_relaxed);
    int error = StartWorkers(threads - 1);
    const char* what = ThreadErrorText(error);
    if (error == 0 && pinning == Pinning::kCores) {
      error = PinWorkers();
      what = "cannot be pinned to a core (open the pool without pinning); errno";
    }
    if (error != 0) {
      StopWorkers();
      return IoError("thread", what, error);
    }
    executor_ = {this, threads, &Run};
    return Status();
  }

  // Ends the threads. No run may be active. Closing twice does nothing.
  void Close() {
    StopWorkers();
    executor_ = Executor();
  }

  bool is_open() const { return executor_.run != nullptr; }
  // For Session::Open; valid until Close. nullptr while closed: a session then computes on its caller's thread alone.
  const Executor* executor() const { return is_open() ? &executor_ : nullptr; }

 private:
  // state_: whether workers may join the run, whether the caller sleeps until they have left, and how many have joined.
  static constexpr uint32_t kOpenBit = 1u << 31;
  static constexpr uint32_t kCallerSleepsBit = 1u << 30;
  static constexpr uint32_t kInsideMask = kCallerSleepsBit - 1;

  int StartWorkers(uint32_t count) {
    sigset_t all, before;
    sigfillset(&all);  // a macro where the C library is macOS's
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (workers_ < count && error == 0) {
      error = ::pthread_create(&threads_[workers_], nullptr, &WorkerMain, this);
      if (error == 0) ++workers_;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
  }

  // Returns 0 or an error number. With more threads than cores, the assignment starts again at the first core.
  int PinWorkers() {
#if defined(__linux__)
    cpu_set_t usable;
    if (::sched_getaffinity(0, sizeof(usable), &usable) != 0) return errno;
    int core = -1;
    const auto next_core = [&] {
      do {
        core = (core + 1) % CPU_SETSIZE;
      } while (!CPU_ISSET(static_cast<unsigned>(core), &usable));
    };
    next_core();  // the caller's
    for (uint32_t i = 0; i < workers_; ++i) {
      next_core();
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<unsigned>(core), &one);
      const int error = ::pthread_setaffinity_np(threads_[i], sizeof(one), &one);
      if (error != 0) return error;
    }
    return 0;
#else
    return workers_ == 0 ? 0 : ENOTSUP;
#endif
  }

  void StopWorkers() {
    ::pthread_mutex_lock(&mutex_);
    stop_.store(true, std::memory_order_relaxed);
    runs_.fetch_add(1);
    ::pthread_cond_broadcast(&wake_workers_);
    ::pthread_mutex_unlock(&mutex_);
    for (; workers_ > 0; --workers_) ::pthread_join(threads_[workers_ - 1], nullptr);
  }

  static void Run(void* context, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    static_cast<ThreadPool*>(context)->RunTasks(tasks, task, argument);
  }

  void RunTasks(uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    LFM2_ASSERT(tasks <= UINT32_MAX - kMaxThreads);  // next_ passes `tasks` once in each thread
    // Another caller has the threads, or this is a task that runs tasks.
    if (has_run_.exchange(true, std::memory_order_acquire)) {
      for (uint32_t i = 0; i < tasks; ++i) task(argument, i);
      return;
    }
    RunOnAll(tasks, task, argument);
    has_run_.store(false, std::memory_order_release);
  }

  void RunOnAll(uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    // No worker is inside, so none reads these. A worker that joins has seen kOpenBit, and with it the writes before
    // it.
    tasks_ = tasks;
    task_ = task;
    argument_ = argument;
    next_.store(0, std::memory_order_relaxed);
    state_.store(kOpenBit, std::memory_order_release);
    // Either this sees a worker that goes to sleep, or that worker sees the new number: both are sequentially
    // consistent.
    runs_.fetch_add(1);
    if (sleeping_.load() > 0) {
      ::pthread_mutex_lock(&mutex_);
      ::pthread_cond_broadcast(&wake_workers_);
      ::pthread_mutex_unlock(&mutex_);
    }
    TakeTasks();
    // Every task has been taken. Workers that come later stay out; those inside are at their last task.
    state_.fetch_and(~kOpenBit, std::memory_order_acq_rel);
    const auto all_left = [this] { return (state_.load(std::memory_order_acquire) & kInsideMask) == 0; };
    if (all_left() || Spin(all_left)) return;
    ::pthread_mutex_lock(&mutex_);
    state_.fetch_or(kCallerSleepsBit, std::memory_order_acq_rel);
    while (!all_left()) ::pthread_cond_wait(&wake_caller_, &mutex_);
    ::pthread_mutex_unlock(&mutex_);
  }

  void TakeTasks() {
    for (;;) {
      const uint32_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks_) return;
      task_(argument_, i);
    }
  }

  static void* WorkerMain(void* pool) {
    static_cast<ThreadPool*>(pool)->Work();
    return nullptr;
  }

  void Work() {
    for (uint32_t seen = 0;;) {
      seen = WaitForRun(seen);
      if (stop_.load(std::memory_order_relaxed)) return;
      if (!Join()) continue;
      TakeTasks();
      if (state_.fetch_sub(1, std::memory_order_acq_rel) - 1 == kCallerSleepsBit) {
        ::pthread_mutex_lock(&mutex_);
        ::pthread_cond_signal(&wake_caller_);
        ::pthread_mutex_unlock(&mutex_);
      }
    }
  }

  // Waits for a run with another number than `seen`, and returns the number.
  uint32_t WaitForRun(uint32_t seen) {
    const auto is_new = [&] { return runs_.load() != seen; };
    if (!is_new() && !Spin(is_new)) {
      ::pthread_mutex_lock(&mutex_);
      sleeping_.fetch_add(1);
      while (!is_new()) ::pthread_cond_wait(&wake_workers_, &mutex_);
      sleeping_.fetch_sub(1);
      ::pthread_mutex_unlock(&mutex_);
    }
    return runs_.load();
  }

  // Returns false if the run has ended.
  bool Join() {
    uint32_t state = state_.load(std::memory_order_relaxed);
    while ((state & kOpenBit) != 0) {
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Spins for kSpinNanoseconds at most; returns the last is_done().
  template <class F>
  bool Spin(const F& is_done) const {
    if (!spins_) return false;
    const uint64_t end = MonotonicNs() + kSpinNanoseconds;
    do {
      for (int i = 0; i < 16; ++i) {
        if (is_done()) return true;
        Pause();
      }
    } while (MonotonicNs() < end);
    return false;
  }

  // Tells the processor that this is a spin loop.
  static void Pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield");
#endif
  }

  Executor executor_;
  uint32_t workers_ = 0;  // how many threads_ exist
  bool spins_ = false;

  std::atomic<bool> has_run_{false};  // a caller has the threads
  // The run, written by the caller while no worker is inside.
  uint32_t tasks_ = 0;
  void (*task_)(void*, uint32_t) = nullptr;
  void* argument_ = nullptr;

  // On separate cache lines: every thread writes these while tasks run.
  alignas(kAlignment) std::atomic<uint32_t> next_{0};
  alignas(kAlignment) std::atomic<uint32_t> state_{0};
  // Idle workers read this in a loop.
  alignas(kAlignment) std::atomic<uint32_t> runs_{0};  // counts runs, and Close
  std::atomic<uint32_t> sleeping_{0};
  std::atomic<bool> stop_{false};

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake_workers_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t wake_caller_ = PTHREAD_COND_INITIALIZER;
  pthread_t threads_[kMaxThreads] = {};
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_THREAD_POOL_H_
