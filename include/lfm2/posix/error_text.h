// What common error numbers of failed system calls mean, and what to do about them: static texts for a Status. Each
// ends with "errno", and the Status adds the number.
#ifndef LFM2_POSIX_ERROR_TEXT_H_
#define LFM2_POSIX_ERROR_TEXT_H_

#include <errno.h>

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"

namespace lfm2::posix {

inline const char* OpenErrorText(int error) {
  switch (error) {
    case ENOENT: return "cannot be opened: no such file (check the path); errno";
    case ENOTDIR: return "cannot be opened: part of the path is not a directory (check the path); errno";
    case ENAMETOOLONG: return "cannot be opened: the path is too long; errno";
    case ELOOP: return "cannot be opened: the path has too many symbolic links; errno";
    case EACCES:
    case EPERM: return "cannot be opened: permission denied (check its owner and mode); errno";
    case EMFILE: return "cannot be opened: the process has too many open files (see ulimit -n); errno";
    case ENFILE: return "cannot be opened: the system has too many open files; errno";
    case EOVERFLOW: return "cannot be opened: it is too large (compile with _FILE_OFFSET_BITS=64); errno";
    case EIO: return "cannot be opened: the drive reported an error; errno";
    default: return "cannot be opened; errno";
  }
}

inline const char* MapErrorText(int error) {
  switch (error) {
    case ENOMEM: return "cannot be mapped: not enough address space (see ulimit -v, or use a DirectFile); errno";
    case ENODEV: return "cannot be mapped: its file system cannot map files (use a DirectFile); errno";
    case EACCES:
    case EPERM: return "cannot be mapped: permission denied (use a DirectFile); errno";
    default: return "cannot be mapped; errno";
  }
}

inline const char* ReadErrorText(int error) {
  switch (error) {
    case EIO: return "cannot be read: the drive reported an error (check the drive, or copy the file); errno";
    case ENXIO:
    case ENODEV: return "cannot be read: the drive is gone; errno";
    case ESTALE: return "cannot be read: the file server no longer has it (open it again); errno";
    case EINTR:
    case EAGAIN: return "cannot be read: the system call was interrupted every time; errno";
    default: return "cannot be read; errno";
  }
}

inline const char* ThreadErrorText(int error) {
  switch (error) {
    case EAGAIN:
    case ENOMEM: return "cannot be created: no memory or too many threads (use fewer); errno";
    default: return "cannot be created; errno";
  }
}

inline Status IoError(const char* where, const char* what, int error) {
  return Status(StatusCode::kIo, where, what, static_cast<uint64_t>(error));
}

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_ERROR_TEXT_H_
