#include "programs/files/byte_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "programs/files/file_error.h"

namespace lfm2::tools {

namespace {

// Of a file's name, for a temporary one: with a suffix the file system still accepts it.
constexpr size_t kMaxStemBytes = 240;

size_t NameBegin(const std::string& path) { return path.rfind('/') + 1; }

// The file as Linux names it for linkat.
std::string DescriptorPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// Calls make(name) with names in the directory of `path` until it returns 0 or more, or fails for another reason than
// that the name is taken. Returns its result.
template <class F>
int MakeTemporary(const std::string& path, std::string* name, F&& make) {
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    *name = path.substr(0, NameBegin(path) + kMaxStemBytes) + ".";
    for (int i = 0; i < 6; ++i) *name += kLetters[random() % kLetters.size()];
    const int result = make(name->c_str());
    if (result >= 0 || errno != EEXIST) return result;
  }
  return -1;
}

// -1 where the file system or the kernel has no files without a name, or where they could not be given one later.
int OpenUnnamed(const std::string& directory) {
#if defined(O_TMPFILE)
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (fd < 0 || ::access(DescriptorPath(fd).c_str(), F_OK) == 0) return fd;
  ::close(fd);
#else
  static_cast<void>(directory);
#endif
  return -1;
}

}  // namespace

std::string DirectoryOf(const std::string& path) {
  const size_t begin = NameBegin(path);
  return begin == 0 ? "." : path.substr(0, begin);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Error OutputFile::Open(const std::string& path) {
  path_ = path;
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return NotRegularFile(FileUse::kWrite, path, info.st_mode);
  } else if (errno != ENOENT || path.empty()) {
    return FileError(FileUse::kCreate, path, errno);
  }
  fd_ = OpenUnnamed(DirectoryOf(path));
  if (fd_ < 0) LFM2_RETURN_IF_FAILED(OpenNamed());
  static_cast<void>(::flock(fd_, LOCK_EX | LOCK_NB));  // some drives have no locks
  return Error();
}

Error OutputFile::OpenNamed() {
  std::string name;
  fd_ = MakeTemporary(path_, &name,
                      [](const char* free) { return ::open(free, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
  if (fd_ < 0) return FileError(FileUse::kCreate, path_, errno);
  temporary_ = name;
  return Error();
}

Error OutputFile::Write(uint64_t offset, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::pwrite(fd_, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(FileUse::kWrite, path_, errno);
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

// No call gives a file the name of another one, so where there is one the new file takes a temporary name for a moment.
Error OutputFile::Link() {
  const std::string from = DescriptorPath(fd_);
  const auto link = [&](const char* to) { return ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to, AT_SYMLINK_FOLLOW); };
  if (link(path_.c_str()) == 0) return Error();
  std::string name;
  if (errno != EEXIST || MakeTemporary(path_, &name, link) != 0) return FileError(FileUse::kCreate, path_, errno);
  temporary_ = name;
  return Error();
}

Error OutputFile::Commit() {
  if (::fsync(fd_) != 0) return FileError(FileUse::kWrite, path_, errno);
  if (temporary_.empty()) LFM2_RETURN_IF_FAILED(Link());
  if (!temporary_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return FileError(FileUse::kCreate, path_, errno);
  }
  temporary_.clear();
  // Closing gives up the lock, so it comes last.
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
