// Faults of the operating system: definitions in this program that replace the C library's system calls.
#ifndef LFM2_TESTS_POSIX_SYSTEM_FAULTS_H_
#define LFM2_TESTS_POSIX_SYSTEM_FAULTS_H_

#include <atomic>
#include <cstddef>

// Sanitizers have to intercept pthread_create, and reserve more address space than a limit leaves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LFM2_TEST_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LFM2_TEST_SANITIZER 1
#endif
#endif

namespace lfm2::test {

enum class SystemCall {
  kOpen,
  kFstat,
  kMmap,  // of a file or a ring
  kRead,
  kFcntl,
  kPoll,
  kFileRead,   // pread, or one read of a ring, which then completes with the error
  kRingSetup,  // io_uring_setup
  kRingEnter,  // io_uring_enter that submits a read; with error 0 it accepts none and does not change errno
  kThread,     // pthread_create, not under sanitizers
  kGetAffinity,
  kSetAffinity,
  kCount,
};

class SystemFaults {
 public:
  // After `spared` more calls the next `times` ones fail with this error number.
  void Fail(SystemCall call, int error, int times = 1, int spared = 0);
  // How many of these failures are left.
  int left(SystemCall call) const { return of(call).times; }
  void End();

  // Called by the system calls: whether this call fails. Sets errno, unless the error is 0.
  bool Takes(SystemCall call);
  bool ChangesReads() const { return most_bytes != 0 || left(SystemCall::kFileRead) > 0; }

  // The most bytes that one read of a file returns; 0: no limit.
  std::atomic<size_t> most_bytes{0};
  // While set, calls of pread do not return; waiting counts them.
  std::atomic<bool> paused{false};
  std::atomic<int> waiting{0};
  // open with O_DIRECT fails with EINVAL.
  std::atomic<bool> refuse_direct{false};
  // io_uring_setup succeeds, and reports a kernel without features.
  std::atomic<bool> old_ring{false};

 private:
  struct Faults {
    std::atomic<int> spared{0}, times{0}, error{0};
  };
  Faults& of(SystemCall call) { return faults_[static_cast<int>(call)]; }
  const Faults& of(SystemCall call) const { return faults_[static_cast<int>(call)]; }

  Faults faults_[static_cast<int>(SystemCall::kCount)];
};

extern SystemFaults system_faults;

// Ends all faults at the end of a test.
struct FaultScope {
  SystemFaults* operator->() const { return &system_faults; }
  ~FaultScope() { system_faults.End(); }
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_POSIX_SYSTEM_FAULTS_H_
