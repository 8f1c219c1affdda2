// How many cores this process may keep busy: by its affinity, and by the quota of its cgroup.
#ifndef LFM2_POSIX_USABLE_CORES_H_
#define LFM2_POSIX_USABLE_CORES_H_

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2::posix {

// The limit of a container or service manager: `quota` microseconds of processor time in every `period`. period 0: no
// limit.
struct CpuQuota {
  uint64_t quota = 0;
  uint64_t period = 0;

  constexpr bool is_limited() const { return period > 0; }
  // Cores that can be busy all the time, and cores that can be busy at once; at least 1.
  constexpr uint32_t whole_cores() const { return Cores(quota / period); }
  constexpr uint32_t cores() const { return Cores(DivideUp(quota, period)); }
  constexpr bool is_below(const CpuQuota& other) const {
    // The numbers have at most 32 bits: ReadCpuQuota.
    return is_limited() && (!other.is_limited() || quota * other.period < other.quota * period);
  }

 private:
  static constexpr uint32_t Cores(uint64_t n) { return static_cast<uint32_t>(Max<uint64_t>(n, 1)); }
};

// Reads the CPU quota of a process: the smallest of its cgroup and all above it, for cgroup v2 (cpu.max) and v1
// (cpu.cfs_quota_us). cgroups: a file like /proc/self/cgroup; mount: where the cgroup file systems are mounted. There
// is no limit if these files do not exist. Allocates nothing.
class CgroupFiles {
 public:
  explicit CgroupFiles(const char* cgroups = "/proc/self/cgroup", const char* mount = "/sys/fs/cgroup")
      : cgroups_(cgroups), mount_(mount) {}

  CpuQuota ReadCpuQuota() const {
    char text[kMaxText];
    CpuQuota least;
    if (!ReadFile(cgroups_, "", "", "", text)) return least;
    // Lines "hierarchy:controllers:path"; v2 has the hierarchy 0 and no controllers.
    for (char* line = text; *line != '\0';) {
      char* const end = line + std::strcspn(line, "\n");
      char* const next = *end == '\0' ? end : end + 1;
      *end = '\0';
      char* const controllers = std::strchr(line, ':');
      char* const path = controllers == nullptr ? nullptr : std::strchr(controllers + 1, ':');
      if (path != nullptr) {
        *path = '\0';
        const bool is_v2 = controllers[1] == '\0';
        if (is_v2 || HasCpu(controllers + 1)) TakeLeast(path + 1, is_v2, &least);
      }
      line = next;
    }
    return least;
  }

 private:
  static constexpr size_t kMaxText = 4096;  // a longer file or path counts as missing
  static constexpr uint64_t kMaxNumber = UINT32_MAX;

  static bool HasCpu(const char* controllers) {
    for (;;) {
      const size_t size = std::strcspn(controllers, ",");
      if (size == 3 && std::memcmp(controllers, "cpu", 3) == 0) return true;
      if (controllers[size] == '\0') return false;
      controllers += size + 1;
    }
  }

  // path: "/a/b", shortened from the end. In a container it may be the host's path, of which only the top is mounted.
  void TakeLeast(char* path, bool is_v2, CpuQuota* least) const {
    for (size_t size = std::strlen(path);; path[size] = '\0') {
      while (size > 0 && path[size - 1] == '/') path[--size] = '\0';
      CpuQuota quota;
      const bool found = is_v2 ? ReadV2(path, &quota) : ReadV1(path, &quota);
      if (found && quota.is_below(*least)) *least = quota;
      if (size == 0) return;
      while (size > 0 && path[size - 1] != '/') --size;
    }
  }

  // "max 100000" or "150000 100000".
  bool ReadV2(const char* path, CpuQuota* quota) const {
    char text[kMaxText];
    if (!ReadFile(mount_, "", path, "/cpu.max", text)) return false;
    const char* at = text;
    return Number(&at, &quota->quota) && Number(&at, &quota->period) && quota->period > 0;
  }
  // Without a quota the file has -1, which Number refuses.
  bool ReadV1(const char* path, CpuQuota* quota) const {
    char text[kMaxText];
    const char* at = text;
    if (!ReadFile(mount_, "/cpu", path, "/cpu.cfs_quota_us", text) || !Number(&at, &quota->quota)) return false;
    at = text;
    return ReadFile(mount_, "/cpu", path, "/cpu.cfs_period_us", text) && Number(&at, &quota->period) &&
           quota->period > 0;
  }

  // Decimal digits and the white space after them; at least one digit.
  static bool Number(const char** at, uint64_t* number) {
    const char* p = *at;
    *number = 0;
    for (; *p >= '0' && *p <= '9' && *number <= kMaxNumber; ++p)
      *number = *number * 10 + static_cast<uint64_t>(*p - '0');
    if (p == *at || *number > kMaxNumber) return false;
    while (*p == ' ' || *p == '\n') ++p;
    *at = p;
    return true;
  }

  // The whole of a small file whose path is the four parts, as a string.
  static bool ReadFile(const char* a, const char* b, const char* c, const char* d, char (&text)[kMaxText]) {
    const char* const parts[] = {a, b, c, d};
    size_t size = 0;
    for (const char* part : parts) {
      const size_t bytes = std::strlen(part);
      if (bytes >= kMaxText - size) return false;
      std::memcpy(text + size, part, bytes + 1);
      size += bytes;
    }
    const int fd = ::open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size = 0;
    ssize_t got = 1;
    while (got > 0 && size < kMaxText - 1) {
      got = ::read(fd, text + size, kMaxText - 1 - size);
      if (got > 0) size += static_cast<size_t>(got);
      if (got < 0 && errno == EINTR) got = 1;
    }
    ::close(fd);
    text[size] = '\0';
    return got == 0;
  }

  const char* cgroups_;
  const char* mount_;
};

// Cores that this process may run on, by its affinity; at least 1.
inline uint32_t AffineCores() {
#if defined(__linux__)
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<uint32_t>(Max(CPU_COUNT(&set), 1));
#endif
  return static_cast<uint32_t>(Max(::sysconf(_SC_NPROCESSORS_ONLN), 1l));
}

// How many threads of this process can compute at once without slowing each other down; at least 1. A quota of 2.5
// cores counts as 3.
inline uint32_t UsableCores(const CpuQuota& quota = CgroupFiles().ReadCpuQuota()) {
  return quota.is_limited() ? Min(AffineCores(), quota.cores()) : AffineCores();
}

}  // namespace lfm2::posix

#endif  // LFM2_POSIX_USABLE_CORES_H_
