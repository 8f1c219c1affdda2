// Reads carried on by threads that wait for the file: where there is no io_uring.
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

// The same calls as IoUring. One caller. Allocates nothing beyond the stacks that the system gives the threads, which
// receive no signals.
class ReaderThreads {
 public:
  static constexpr uint32_t kMaxThreads = 16;
  static constexpr uint32_t kCapacity = 64;

  ReaderThreads() = default;
  ReaderThreads(const ReaderThreads&) = delete;
  ReaderThreads& operator=(const ReaderThreads&) = delete;
  ~ReaderThreads() { Close(); }

  // threads: how many reads go on at once, 1 to kMaxThreads. 0, or an error number.
  int Open(uint32_t threads) {
    ::pthread_mutex_init(&mutex_, nullptr);
    ::pthread_cond_init(&submitted_, nullptr);
    InitTimed(&ended_);
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

  // Waits for the reads that are under way; those not begun never are. Closing twice does nothing.
  void Close() {
    if (!is_open_) return;
    ::pthread_mutex_lock(&mutex_);
    stop_ = true;
    ::pthread_cond_broadcast(&submitted_);
    ::pthread_mutex_unlock(&mutex_);
    for (; threads_ > 0; --threads_) ::pthread_join(thread_[threads_ - 1], nullptr);
    ::pthread_cond_destroy(&ended_);
    ::pthread_cond_destroy(&submitted_);
    ::pthread_mutex_destroy(&mutex_);
    begun_ = asked_ = done_ = taken_ = 0;
    is_open_ = false;
  }

  bool is_open() const { return is_open_; }

  // Fewer than kCapacity reads are under way or not yet taken.
  int Submit(const FileRange& range, uint32_t name) {
    ::pthread_mutex_lock(&mutex_);
    LFM2_ASSERT(asked_ - taken_ < kCapacity);
    asked_for_[asked_++ % kCapacity] = {range, name};
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
      error = milliseconds < 0 ? ::pthread_cond_wait(&ended_, &mutex_) : TimedWait(&ended_, &mutex_, until);
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

  // A wait with an end, by a clock that nobody sets. macOS has no such clock for conditions, and waits for a while
  // instead: it may begin anew only where the system wakes a thread without a cause.
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
      while (!stop_ && begun_ == asked_) ::pthread_cond_wait(&submitted_, &mutex_);
      if (stop_) break;
      const Read read = asked_for_[begun_++ % kCapacity];
      ::pthread_mutex_unlock(&mutex_);
      const FileRange& range = read.range;
      const ssize_t got = ::pread(range.file, range.to, range.bytes, static_cast<off_t>(range.offset));
      const int64_t result = got < 0 ? -int64_t{errno} : int64_t{got};
      ::pthread_mutex_lock(&mutex_);
      results_[done_++ % kCapacity] = {read.name, result};
      ::pthread_cond_signal(&ended_);
    }
    ::pthread_mutex_unlock(&mutex_);
  }

  pthread_mutex_t mutex_;
  pthread_cond_t submitted_;
  pthread_cond_t ended_;
  pthread_t thread_[kMaxThreads];
  uint32_t threads_ = 0;
  bool is_open_ = false;
  bool stop_ = false;
  // Counters that only grow: taken <= done <= begun <= asked.
  uint32_t asked_ = 0;
  uint32_t begun_ = 0;
  uint32_t done_ = 0;
  uint32_t taken_ = 0;
  Read asked_for_[kCapacity];
  Result results_[kCapacity];
};

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_READER_THREADS_H_
