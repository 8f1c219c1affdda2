// Faults of the operating system: this program's own pread, open and syscall come before the C library's.
#ifndef LFM2_TESTS_POSIX_SYSTEM_FAULTS_H_
#define LFM2_TESTS_POSIX_SYSTEM_FAULTS_H_

#include <atomic>
#include <cstddef>

namespace lfm2::test {

struct SystemFaults {
  // The next so many calls of pread fail with this error number.
  std::atomic<int> failing_reads{0};
  std::atomic<int> read_error{0};
  // A pread yields at most so many bytes; 0: what it was asked for.
  std::atomic<size_t> most_bytes{0};
  // While set, calls of pread do not return; how many there are.
  std::atomic<bool> paused{false};
  std::atomic<int> waiting{0};
  // open with O_DIRECT fails with EINVAL.
  std::atomic<bool> refuse_direct{false};
  // The next so many calls of io_uring_enter that submit a read take none: they return 0, or fail with this error.
  std::atomic<int> failing_enters{0};
  std::atomic<int> enter_error{0};
};

extern SystemFaults system_faults;

// Ends all faults where a test ends.
struct FaultScope {
  SystemFaults& operator*() const { return system_faults; }
  SystemFaults* operator->() const { return &system_faults; }
  ~FaultScope() {
    system_faults.failing_reads = 0;
    system_faults.most_bytes = 0;
    system_faults.paused = false;
    system_faults.refuse_direct = false;
    system_faults.failing_enters = 0;
    system_faults.enter_error = 0;
  }
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_POSIX_SYSTEM_FAULTS_H_
