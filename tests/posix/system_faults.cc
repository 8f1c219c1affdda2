#include "tests/posix/system_faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace lfm2::test {

SystemFaults system_faults;

namespace {

// Whether this call is one of the next `left` ones.
bool Takes(std::atomic<int>* left) {
  int n = *left;
  while (n > 0) {
    if (left->compare_exchange_weak(n, n - 1)) return true;
  }
  return false;
}

}  // namespace

}  // namespace lfm2::test

extern "C" ssize_t pread(int fd, void* to, size_t bytes, off_t offset) {
  lfm2::test::SystemFaults& faults = lfm2::test::system_faults;
  if (faults.paused) {
    ++faults.waiting;
    while (faults.paused) ::usleep(200);
    --faults.waiting;
  }
  if (lfm2::test::Takes(&faults.failing_reads)) {
    errno = faults.read_error;
    return -1;
  }
  const size_t most = faults.most_bytes;
  iovec range{to, most != 0 && most < bytes ? most : bytes};
  return ::preadv(fd, &range, 1, offset);
}

extern "C" int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if ((flags & O_DIRECT) != 0 && lfm2::test::system_faults.refuse_direct) {
    errno = EINVAL;
    return -1;
  }
  return ::openat(AT_FDCWD, path, flags, mode);
}

// Forwards six arguments however many there are, as the C library's own does. AddressSanitizer would call that a
// mistake.
extern "C" __attribute__((no_sanitize_address)) long syscall(long number, ...) {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (long& argument : a) argument = va_arg(arguments, long);
  va_end(arguments);
#if defined(__NR_io_uring_enter)
  lfm2::test::SystemFaults& faults = lfm2::test::system_faults;
  if (number == __NR_io_uring_enter && a[1] > 0 && lfm2::test::Takes(&faults.failing_enters)) {
    if (faults.enter_error == 0) return 0;  // and errno stays what it was
    errno = faults.enter_error;
    return -1;
  }
#endif
  using Function = long (*)(long, ...);
  static const Function next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "syscall"));
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
