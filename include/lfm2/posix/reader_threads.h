// Reads in the background by threads, where io_uring is not available.
#ifndef LFM2_POSIX_READER_THREADS_H_
#define LFM2_POSIX_READER_THREADS_H_

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/posix/file_read.h"

namespace lfm2::posix {

// Has the same calls as IoUring. One caller at a time. Allocates nothing except the threads' stacks, which the system
// does. The threads receive no signals.
class ReaderThreads {
 public:
  static constexpr uint32_t kMaxThreads = 16;
  static constexpr uint32_t kCapacity = 64;

  ReaderThreads() = default;
  ReaderThreads(const ReaderThreads&) = delete;
  ReaderThreads& operator=(const ReaderThreads&) = delete;
  ~ReaderThreads() { Close(); }

  // threads: how many reads run at once, 1 to kMaxThreads. Returns 0 or an error number.
  int Open(uint32_t threads) {
    ::pthread_mutex_init(&mutex_, nullptr);
    ::pthread_cond_init(&submitted_, nullptr);
    InitTimed(&finished_);
    is_open_ = true;
    stop_ = false;
    sigset_t all, before;
    sigfillset(&all);  // a macro where the C library is macOS's
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (threads_ < threads && error == 0) {
      error = ::pthread_create(&thread_[threads_], nullptr, &ThreadMain, this);
      if (error == 0) ++threads_;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) Close();
    return error;
  }

  // Waits for the running reads; the others are never started. Closing twice does nothing.
  void Close() {
    if (!is_open_) return;
    ::pthread_mutex_lock(&mutex_);
    stop_ = true;
    ::pthread_cond_broadcast(&submitted_);
    ::pthread_mutex_unlock(&mutex_);
    for (; threads_ > 0; --threads_) ::pthread_join(thread_[threads_ - 1], nullptr);
    ::pthread_cond_destroy(&finished_);
    ::pthread_cond_destroy(&submitted_);
    ::pthread_mutex_destroy(&mutex_);
    started_ = requested_ = done_ = taken_ = 0;
    is_open_ = false;
  }

  bool is_open() const { return is_open_; }

  // Fewer than kCapacity reads are pending or not yet taken.
  int Submit(const FileRange& range, uint32_t name) {
    ::pthread_mutex_lock(&mutex_);
    LFM2_ASSERT(requested_ - taken_ < kCapacity);
    Read& read = reads_[requested_++ % kCapacity];
    read.range = range;
    read.name = name;
    ::pthread_cond_signal(&submitted_);
    ::pthread_mutex_unlock(&mutex_);
    return 0;
  }

  bool Poll(uint32_t* name, int64_t* result) {
    ::pthread_mutex_lock(&mutex_);
    const bool found = taken_ != done_;
    if (found) {
      *name = results_[taken_ % kCapacity].name;
      *result = results_[taken_ % kCapacity].result;
      ++taken_;
    }
    ::pthread_mutex_unlock(&mutex_);
    return found;
  }

  void Wait(int milliseconds) {
    const timespec until = After(milliseconds);
    ::pthread_mutex_lock(&mutex_);
    int error = 0;
    while (taken_ == done_ && error == 0) {
      error = milliseconds < 0 ? ::pthread_cond_wait(&finished_, &mutex_) : TimedWait(&finished_, &mutex_, until);
    }
    ::pthread_mutex_unlock(&mutex_);
  }

 private:
  struct Read {
    FileRange range;
    uint32_t name;
  };
  struct Result {
    uint32_t name;
    int64_t result;
  };

  // A wait with a time limit, by a clock that is never adjusted. On macOS conditions have no such clock, so the limit
  // is a duration, which starts again after a spurious wake-up.
#if defined(__APPLE__)
  static void InitTimed(pthread_cond_t* condition) { ::pthread_cond_init(condition, nullptr); }
  static timespec After(int milliseconds) { return {milliseconds / 1000, milliseconds % 1000 * 1000000l}; }
  static int TimedWait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec& duration) {
    return ::pthread_cond_timedwait_relative_np(condition, mutex, &duration);
  }
#else
  static void InitTimed(pthread_cond_t* condition) {
    pthread_condattr_t monotonic;
    ::pthread_condattr_init(&monotonic);
    ::pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    ::pthread_cond_init(condition, &monotonic);
    ::pthread_condattr_destroy(&monotonic);
  }
  static timespec After(int milliseconds) {
    timespec until{};
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000l;
    if (until.tv_nsec >= 1000000000l) {
      until.tv_nsec -= 1000000000l;
      ++until.tv_sec;
    }
    return until;
  }
  static int TimedWait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec& until) {
    return ::pthread_cond_timedwait(condition, mutex, &until);
  }
#endif

  static void* ThreadMain(void* self) {
    static_cast<ReaderThreads*>(self)->ReadUntilStopped();
    return nullptr;
  }

  void ReadUntilStopped() {
    ::pthread_mutex_lock(&mutex_);
    for (;;) {
      while (!stop_ && started_ == requested_) ::pthread_cond_wait(&submitted_, &mutex_);
      if (stop_) break;
      const Read read = reads_[started_++ % kCapacity];
      ::pthread_mutex_unlock(&mutex_);
      const FileRange& range = read.range;
      const ssize_t got = ::pread(range.file, range.to, range.bytes, static_cast<off_t>(range.offset));
      const int64_t result = got < 0 ? -int64_t{errno} : int64_t{got};
      ::pthread_mutex_lock(&mutex_);
      results_[done_++ % kCapacity] = {read.name, result};
      ::pthread_cond_signal(&finished_);
    }
    ::pthread_mutex_unlock(&mutex_);
  }

  pthread_mutex_t mutex_;
  pthread_cond_t submitted_;
  pthread_cond_t finished_;
  pthread_t thread_[kMaxThreads];
  uint32_t threads_ = 0;
  bool is_open_ = false;
  bool stop_ = false;
  // Counters that only grow: taken <= done <= started <= requested.
  uint32_t requested_ = 0;
  uint32_t started_ = 0;
  uint32_t done_ = 0;
  uint32_t taken_ = 0;
  Read reads_[kCapacity];
  Result results_[kCapacity];
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_READER_THREADS_H_
