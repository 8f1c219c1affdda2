#include "programs/files/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lfm2::tools {

FileSource::~FileSource() {
  if (fd_ >= 0) ::close(fd_);
}

Error FileSource::Open(const std::string& path) {
  path_ = path;
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) return Error::Of(path, ": ", std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return Error::Of(path, " is not a regular file");
  size_ = static_cast<uint64_t>(info.st_size);
  return Error();
}

Error FileSource::Read(uint64_t offset, void* out, size_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) {
    return Error::Of(path_, " ends at byte ", size_, ", but ", uint64_t{bytes}, " bytes at ", offset,
                     " were asked for");
  }
  char* at = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t n = ::pread(fd_, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::Of(path_, ": ", std::strerror(errno));
    if (n == 0) return Error::Of(path_, " was cut short while it was read");
    at += n;
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<size_t>(n);
  }
  return Error();
}

bool FileSource::IsSameFile(const std::string& path) const {
  struct stat mine, other;
  return ::fstat(fd_, &mine) == 0 && ::stat(path.c_str(), &other) == 0 && mine.st_dev == other.st_dev &&
         mine.st_ino == other.st_ino;
}

Error MemorySource::Read(uint64_t offset, void* out, size_t bytes) const {
  if (offset > bytes_.size() || bytes > bytes_.size() - offset) {
    return Error::Of("the file ends at byte ", uint64_t{bytes_.size()}, ", but ", uint64_t{bytes}, " bytes at ", offset,
                     " were asked for");
  }
  if (bytes > 0) std::memcpy(out, bytes_.data() + static_cast<size_t>(offset), bytes);
  return Error();
}

}  // namespace lfm2::tools
