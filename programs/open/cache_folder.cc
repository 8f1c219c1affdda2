#include "programs/open/cache_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "programs/console/console.h"

namespace lfm2::tools {

namespace {

constexpr char kAdvice[] =
    "; XDG_CACHE_HOME may name another place, and lfm2-pack MODEL IMAGE.lfm2 makes an image by hand";

// A descriptor that may hold a lock, and gives it back.
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

// What OutputFile appends to a name.
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
  // The specification of these variables: a path that is not absolute counts as none.
  if (cache != nullptr && cache[0] == '/') {
    path_ = std::string(cache) + "/lfm2";
  } else if (home != nullptr && home[0] == '/') {
    path_ = std::string(home) + "/.cache/lfm2";
  } else {
    return Error::Of("there is no cache folder, because neither XDG_CACHE_HOME nor HOME names one", kAdvice);
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
  return Error::Of("the cache folder ", path_, " cannot be made: ", error.message(), kAdvice);
}

Error CacheFolder::Open(const std::string& name, OutputFile* file) const {
  // Nobody removes what this process makes before it has locked it.
  const Descriptor folder(path_, O_RDONLY | O_DIRECTORY);
  if (folder.Lock(LOCK_EX)) RemoveAbandoned();
  const Error opened = file->Open(Path(name));
  if (opened.ok()) return opened;
  return Error::Of("the cache folder ", path_, " cannot be written: ", opened.text(), kAdvice);
}

// Whoever writes a file has it locked; the lock ends with the process, however that ends.
void CacheFolder::RemoveAbandoned() const {
  for (const std::string& name : Names()) {
    if (!IsTemporary(name)) continue;
    const Descriptor file(Path(name), O_RDONLY | O_NONBLOCK);
    if (file.Lock(LOCK_EX | LOCK_NB)) ::unlink(Path(name).c_str());
  }
}

Error CacheFolder::CheckRoom(uint64_t bytes) const {
  struct statvfs info;
  if (::statvfs(path_.c_str(), &info) != 0) return Error::Of("the cache folder ", path_, ": ", std::strerror(errno));
  const uint64_t free = uint64_t{info.f_bavail} * info.f_frsize;
  if (free >= bytes) return Error();
  return Error::Of("its image takes ", HumanBytes(bytes), ", and the cache folder ", path_, " has room for ",
                   HumanBytes(free), ": ", HumanBytes(bytes - free), " are missing", kAdvice);
}

}  // namespace lfm2::tools
