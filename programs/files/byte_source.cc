#include "programs/files/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "programs/files/file_error.h"

namespace lfm2::tools {

FileSource::~FileSource() {
  if (fd_ >= 0) ::close(fd_);
}

Error FileSource::Open(const std::string& path) {
  path_ = path;
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) {
    return FileError(FileUse::kOpen, path, errno);
  }
  if (!S_ISREG(info.st_mode)) return NotRegularFile(FileUse::kOpen, path, info.st_mode);
  size_ = static_cast<uint64_t>(info.st_size);
  return Error();
}

Error FileSource::Read(uint64_t offset, void* out, size_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) {
    return Error::Of("cannot read ", path_, ": it has ", size_, " bytes, and ", uint64_t{bytes}, " bytes from byte ",
                     offset, " on are needed (is it complete?)");
  }
  char* at = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t n = ::pread(fd_, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(FileUse::kRead, path_, errno);
    if (n == 0) return Error::Of("cannot read ", path_, ": it became shorter while it was read (do not change it)");
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
    return Error::Of("the file has ", uint64_t{bytes_.size()}, " bytes, and ", uint64_t{bytes}, " bytes from byte ",
                     offset, " on are needed");
  }
  if (bytes > 0) std::memcpy(out, bytes_.data() + static_cast<size_t>(offset), bytes);
  return Error();
}

}  // namespace lfm2::tools
