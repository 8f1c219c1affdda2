#include "programs/files/file_error.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace lfm2::tools {

namespace {

const char* VerbOf(FileUse use) {
  switch (use) {
    case FileUse::kOpen: return "open";
    case FileUse::kRead: return "read";
    case FileUse::kCreate: return "create";
    case FileUse::kWrite: return "write";
  }
  return "";
}

const char* ReasonOf(FileUse use, int error) {
  switch (error) {
    case ENOENT:
      return use == FileUse::kCreate ? "no such directory (create it first)" : "no such file (check the path)";
    case ENOTDIR: return "part of the path is not a directory (check the path)";
    case EISDIR: return "it is a directory (give a file)";
    case ELOOP: return "the path has too many symbolic links (check the path)";
    case ENAMETOOLONG: return "the name is too long (use a shorter one)";
    case EACCES:
    case EPERM:
      return use == FileUse::kCreate ? "permission denied (check the owner and mode of its directory)"
                                     : "permission denied (check its owner and mode)";
    case EMFILE: return "the process has too many open files (raise the limit: ulimit -n)";
    case ENFILE: return "the system has too many open files (close other programs)";
    case ENOSPC: return "the drive is full (free space, or write elsewhere)";
    case EDQUOT: return "the disk quota is used up (free space, or write elsewhere)";
    case EFBIG: return "the file would exceed the size limit (see ulimit -f, or write to another drive)";
    case EROFS: return "the drive is read-only (write elsewhere)";
    case EIO: return "the drive reported an error (check the drive)";
    case EBADF: return "it is closed";
    default: return std::strerror(error);
  }
}

const char* KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a directory (give a file)";
  if (S_ISFIFO(mode)) return "it is a pipe (give a regular file)";
  if (S_ISSOCK(mode)) return "it is a socket (give a regular file)";
  return "it is a device (give a regular file)";
}

// An empty path has to be seen in a sentence.
std::string Visible(const std::string& path) { return path.empty() ? "\"\"" : path; }

}  // namespace

Error FileError(FileUse use, const std::string& path, int error) {
  return Error::Of("cannot ", VerbOf(use), " ", Visible(path), ": ", ReasonOf(use, error));
}

Error NotRegularFile(FileUse use, const std::string& path, mode_t mode) {
  return Error::Of("cannot ", VerbOf(use), " ", Visible(path), ": ", KindOf(mode));
}

}  // namespace lfm2::tools
