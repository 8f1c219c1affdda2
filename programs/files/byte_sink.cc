#include "programs/files/byte_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace lfm2::tools {

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Error OutputFile::Open(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) return Error::Of(path, " is not a regular file");
  path_ = path;
  std::string name = path + ".XXXXXX";
  fd_ = ::mkstemp(name.data());
  if (fd_ < 0) return Error::Of("no file can be made beside ", path, ": ", std::strerror(errno));
  temporary_ = name;
  static_cast<void>(::flock(fd_, LOCK_EX | LOCK_NB));  // some drives have no locks
  // mkstemp makes the file private; the finished one gets the permissions that any new file gets.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(fd_, 0666 & ~mask) != 0) return Error::Of(temporary_, ": ", std::strerror(errno));
  return Error();
}

Error OutputFile::Write(uint64_t offset, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::pwrite(fd_, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::Of(temporary_, ": ", std::strerror(errno));
    at += n;
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<size_t>(n);
  }
  return Error();
}

Error OutputFile::CommitAs(const std::string& path) {
  path_ = path;
  return Commit();
}

Error OutputFile::Commit() {
  if (::fsync(fd_) != 0) return Error::Of(temporary_, ": ", std::strerror(errno));
  // Closing gives the lock up, so it comes last.
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return Error::Of(path_, ": ", std::strerror(errno));
  temporary_.clear();
  ::close(fd_);
  fd_ = -1;
  return Error();
}

Error MemorySink::Write(uint64_t offset, const void* data, size_t bytes) {
  const size_t at = static_cast<size_t>(offset);
  if (bytes_.size() < at + bytes) bytes_.resize(at + bytes);
  if (bytes > 0) std::memcpy(bytes_.data() + at, data, bytes);
  return Error();
}

}  // namespace lfm2::tools
