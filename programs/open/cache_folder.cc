#include "programs/open/cache_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "programs/console/interruptible.h"

namespace lfm2::tools {

namespace {

constexpr char kAdvice[] =
    "; XDG_CACHE_HOME can name another place, and lfm2-pack MODEL IMAGE.lfm2 makes an image without the cache";

// A descriptor, closed at the end, which releases its lock.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool Lock(int how) const {
    int result = -1;
    do result = fd_ < 0 ? -1 : ::flock(fd_, how);
    while (result != 0 && errno == EINTR);
    return result == 0;
  }

 private:
  int fd_;
};

// Whether OutputFile has given a file a temporary name.
bool IsTemporary(const std::string& name) {
  constexpr size_t kSuffix = 7;
  if (name.size() <= kSuffix || name[name.size() - kSuffix] != '.') return false;
  const std::string stem = name.substr(0, name.size() - kSuffix);
  return stem.size() > 5 &&
         (stem.compare(stem.size() - 5, 5, ".lfm2") == 0 || stem.compare(stem.size() - 5, 5, ".from") == 0);
}

}  // namespace

Error CacheFolder::Find() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  // By the specification of these variables a path that is not absolute is ignored.
  if (cache != nullptr && cache[0] == '/') {
    path_ = std::string(cache) + "/lfm2";
  } else if (home != nullptr && home[0] == '/') {
    path_ = std::string(home) + "/.cache/lfm2";
  } else {
    return Error::Of("there is no cache directory: neither XDG_CACHE_HOME nor HOME is set to an absolute path",
                     kAdvice);
  }
  return Error();
}

std::vector<std::string> CacheFolder::Names() const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  return names;
}

Error CacheFolder::Make() const {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (!error) return Error();
  return Error::Of("cannot create the cache directory ", path_, ": ", error.message(), kAdvice);
}

Error CacheFolder::Open(const std::string& name, OutputFile* file) const {
  // Until this process has locked its file, no other one removes it as abandoned.
  const Descriptor folder(path_, O_RDONLY | O_DIRECTORY);
  if (folder.Lock(LOCK_EX)) RemoveAbandoned();
  const Error opened = file->Open(Path(name));
  if (opened.ok()) return opened;
  return Error::Of(opened.text(), kAdvice);
}

// The process that writes a file holds its lock, which ends with the process.
void CacheFolder::RemoveAbandoned() const {
  for (const std::string& name : Names()) {
    if (!IsTemporary(name)) continue;
    const Descriptor file(Path(name), O_RDONLY | O_NONBLOCK);
    if (file.Lock(LOCK_EX | LOCK_NB)) ::unlink(Path(name).c_str());
  }
}

Error CacheFolder::CheckSpace(uint64_t bytes) const {
  const Error checked = CheckRoom(Path(""), bytes);
  return checked.ok() ? checked : Error::Of(checked.text(), kAdvice);
}

}  // namespace lfm2::tools
