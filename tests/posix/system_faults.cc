#include "tests/posix/system_faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <mutex>

#include "tests/posix/ring_faults.h"

namespace lfm2::test {

SystemFaults system_faults;

namespace {

std::mutex g_taking_faults;

// The C library's function that this program's own one hides.
template <class F>
F* NextFunction(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

void SystemFaults::Fail(SystemCall call, int error, int times, int spared) {
  const std::lock_guard<std::mutex> lock(g_taking_faults);
  Faults& faults = of(call);
  faults.error = error;
  faults.spared = spared;
  faults.times = times;
}

void SystemFaults::End() {
  for (int call = 0; call < static_cast<int>(SystemCall::kCount); ++call) Fail(static_cast<SystemCall>(call), 0, 0);
  most_bytes = 0;
  paused = refuse_direct = old_ring = false;
}

bool SystemFaults::Takes(SystemCall call) {
  Faults& faults = of(call);
  if (faults.times == 0) return false;
  const std::lock_guard<std::mutex> lock(g_taking_faults);
  if (faults.times == 0) return false;
  if (faults.spared > 0) {
    --faults.spared;
    return false;
  }
  --faults.times;
  if (faults.error != 0) errno = faults.error;
  return true;
}

}  // namespace lfm2::test

using lfm2::test::system_faults;
using lfm2::test::SystemCall;

extern "C" ssize_t pread(int fd, void* to, size_t bytes, off_t offset) {
  if (system_faults.paused) {
    ++system_faults.waiting;
    while (system_faults.paused) ::usleep(200);
    --system_faults.waiting;
  }
  if (system_faults.Takes(SystemCall::kFileRead)) return -1;
  iovec range{to, bytes};
  return lfm2::test::CutShort(to, ::preadv(fd, &range, 1, offset));
}

extern "C" int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if (system_faults.Takes(SystemCall::kOpen)) return -1;
  if ((flags & O_DIRECT) != 0 && system_faults.refuse_direct) {
    errno = EINVAL;
    return -1;
  }
  return ::openat(AT_FDCWD, path, flags, mode);
}

extern "C" int fstat(int fd, struct stat* info) noexcept {
  return system_faults.Takes(SystemCall::kFstat) ? -1 : ::fstatat(fd, "", info, AT_EMPTY_PATH);
}

extern "C" ssize_t read(int fd, void* to, size_t bytes) {
  if (system_faults.Takes(SystemCall::kRead)) return -1;
  iovec range{to, bytes};
  return ::readv(fd, &range, 1);
}

extern "C" int poll(pollfd* fds, nfds_t count, int milliseconds) {
  if (system_faults.Takes(SystemCall::kPoll)) return -1;
  const timespec time{milliseconds / 1000, milliseconds % 1000 * 1000000l};
  return ::ppoll(fds, count, milliseconds < 0 ? nullptr : &time, nullptr);
}

extern "C" int sched_getaffinity(pid_t process, size_t bytes, cpu_set_t* set) noexcept {
  static const auto next = lfm2::test::NextFunction<int(pid_t, size_t, cpu_set_t*)>("sched_getaffinity");
  return system_faults.Takes(SystemCall::kGetAffinity) ? -1 : next(process, bytes, set);
}

extern "C" int pthread_setaffinity_np(pthread_t thread, size_t bytes, const cpu_set_t* set) noexcept {
  static const auto next = lfm2::test::NextFunction<int(pthread_t, size_t, const cpu_set_t*)>("pthread_setaffinity_np");
  return system_faults.Takes(SystemCall::kSetAffinity) ? errno : next(thread, bytes, set);
}

#if !defined(LFM2_TEST_SANITIZER)
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) noexcept {
  using Create = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = lfm2::test::NextFunction<Create>("pthread_create");
  return system_faults.Takes(SystemCall::kThread) ? errno : next(thread, attributes, start, argument);
}
#endif

// The two below forward as many arguments as there can be, as the C library's own do. AddressSanitizer would call that
// a mistake.
extern "C" __attribute__((no_sanitize_address)) int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const long argument = va_arg(arguments, long);
  va_end(arguments);
  if (system_faults.Takes(SystemCall::kFcntl)) return -1;
#if defined(SYS_fcntl64)
  return static_cast<int>(::syscall(SYS_fcntl64, fd, command, argument));
#else
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
#endif
}

extern "C" __attribute__((no_sanitize_address)) long syscall(long number, ...) {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (long& argument : a) argument = va_arg(arguments, long);
  va_end(arguments);
  static const auto next = lfm2::test::NextFunction<long(long, ...)>("syscall");
  const auto call = [&] { return next(number, a[0], a[1], a[2], a[3], a[4], a[5]); };
#if defined(__NR_io_uring_setup)
  if (number == __NR_io_uring_setup) {
    return system_faults.Takes(SystemCall::kRingSetup) ? -1 : lfm2::test::SetUpRing(call, a[1]);
  }
  if (number == __NR_io_uring_enter && a[1] > 0) {
    const int before = errno;
    errno = 0;
    if (system_faults.Takes(SystemCall::kRingEnter)) {
      if (errno != 0) return -1;
      errno = before;
      return 0;
    }
    errno = before;
    return lfm2::test::EnterRing(call, static_cast<int>(a[0]));
  }
#endif
  return call();
}

extern "C" void* mmap(void* at, size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  if (fd >= 0 && system_faults.Takes(SystemCall::kMmap)) return MAP_FAILED;
#if defined(SYS_mmap2)
  const long address = ::syscall(SYS_mmap2, at, bytes, protection, flags, fd, static_cast<long>(offset / 4096));
#else
  const long address = ::syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
#endif
  void* const mapped = address == -1 ? MAP_FAILED : reinterpret_cast<void*>(address);
  if (fd >= 0 && mapped != MAP_FAILED) lfm2::test::NoteRingMapping(fd, offset, mapped);
  return mapped;
}
