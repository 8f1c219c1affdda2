#include "tests/posix/system_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/uio.h>
#include <unistd.h>

namespace lfm2::test {

SystemFaults system_faults;

}  // namespace lfm2::test

extern "C" ssize_t pread(int fd, void* to, size_t bytes, off_t offset) {
  lfm2::test::SystemFaults& faults = lfm2::test::system_faults;
  if (faults.paused) {
    ++faults.waiting;
    while (faults.paused) ::usleep(200);
    --faults.waiting;
  }
  int left = faults.failing_reads;
  while (left > 0) {
    if (faults.failing_reads.compare_exchange_weak(left, left - 1)) {
      errno = faults.read_error;
      return -1;
    }
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
