// A container's quota decides how many threads a program starts: one for every core of the host would use up each
// period at once, and all of them would stall until the next.
#include "lfm2/posix/usable_cores.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/temporary_folder.h"

namespace lfm2::test {
namespace {

using posix::CgroupFiles;
using posix::CpuQuota;

// The files of a system with cgroups.
class FakeSystem {
 public:
  void Write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  CpuQuota Read() const {
    const std::string cgroups = root_ / "self", mount = root_ / "mount";
    return CgroupFiles(cgroups.c_str(), mount.c_str()).ReadCpuQuota();
  }

 private:
  TemporaryFolder root_;
};

bool Is(const CpuQuota& quota, uint64_t microseconds, uint64_t period) {
  return quota.is_limited() && quota.quota == microseconds && quota.period == period;
}

}  // namespace

TEST_CASE("no cgroups, malformed files, or no quota: no limit") {
  const FakeSystem none;
  CHECK(!none.Read().is_limited());
  for (const char* text : {"", "nonsense", "0:", "0::", "0::/", "::::\n::\n", "0::/a\n"}) {
    const FakeSystem system;
    system.Write("self", text);
    CHECK(!system.Read().is_limited());
  }
  for (const char* text : {"", "max", "max 100000\n", "-1 100000", "100000", "100000 0", "100000 x",
                           "99999999999999999999999 100000", "100000 99999999999999999999999"}) {
    const FakeSystem system;
    system.Write("self", "0::/a\n");
    system.Write("mount/a/cpu.max", text);
    CHECK(!system.Read().is_limited());
  }
}

TEST_CASE("cgroup v2: the smallest quota of the group and all above it") {
  const FakeSystem system;
  system.Write("self", "0::/machine/box/task\n");
  system.Write("mount/machine/box/task/cpu.max", "max 100000\n");
  CHECK(!system.Read().is_limited());
  system.Write("mount/machine/box/cpu.max", "250000 100000\n");
  CHECK(Is(system.Read(), 250000, 100000));
  system.Write("mount/machine/cpu.max", "120000 50000\n");  // 2.4 cores
  CHECK(Is(system.Read(), 120000, 50000));
  system.Write("mount/machine/box/task/cpu.max", "1000000 100000\n");
  CHECK(Is(system.Read(), 120000, 50000));
  system.Write("mount/cpu.max", "50000 100000\n");
  CHECK(Is(system.Read(), 50000, 100000));
}

TEST_CASE("in a container that has only its path on the host, the top of the mount counts") {
  const FakeSystem system;
  system.Write("self", "0::/system.slice/docker-0123456789abcdef.scope\n");
  system.Write("mount/cpu.max", "200000 100000\n");
  CHECK(Is(system.Read(), 200000, 100000));
}

TEST_CASE("cgroup v1: the hierarchy of the controller cpu, wherever its line is") {
  const FakeSystem system;
  system.Write("self", "9:name=systemd:/\n3:cpuset:/set\n4:cpuacct,cpu:/docker/1\n2:cpuacct:/other\n0::/\n");
  system.Write("mount/cpu/set/cpu.cfs_quota_us", "1000\n");
  system.Write("mount/cpu/set/cpu.cfs_period_us", "100000\n");
  system.Write("mount/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
  system.Write("mount/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  CHECK(!system.Read().is_limited());
  system.Write("mount/cpu/docker/1/cpu.cfs_quota_us", "150000\n");
  CHECK(Is(system.Read(), 150000, 100000));
  system.Write("mount/cpu/docker/cpu.cfs_quota_us", "30000\n");
  system.Write("mount/cpu/docker/cpu.cfs_period_us", "100000\n");
  CHECK(Is(system.Read(), 30000, 100000));
}

TEST_CASE("paths and files that are too long count as missing") {
  const FakeSystem system;
  system.Write("self", "0::/" + std::string(5000, 'a') + "\n");
  system.Write("mount/cpu.max", "100000 100000\n");
  CHECK(!system.Read().is_limited());
  const FakeSystem other;
  other.Write("self", "0::/" + std::string(4000, 'a') + "/b\n");
  other.Write("mount/cpu.max", "100000 100000\n");
  CHECK(Is(other.Read(), 100000, 100000));
}

TEST_CASE("fractions of a core: threads are rounded up, and spin only within whole cores") {
  const auto quota = [](uint64_t microseconds) {
    CpuQuota q;
    q.quota = microseconds;
    q.period = 100000;
    return q;
  };
  CHECK((quota(10000).cores() == 1 && quota(10000).whole_cores() == 1));
  CHECK((quota(100000).cores() == 1 && quota(100000).whole_cores() == 1));
  CHECK((quota(250000).cores() == 3 && quota(250000).whole_cores() == 2));
  CHECK((quota(300000).cores() == 3 && quota(300000).whole_cores() == 3));
  CHECK(posix::UsableCores(CpuQuota()) == posix::AffineCores());
  CHECK(posix::UsableCores(quota(100000)) == 1);
  CHECK(posix::UsableCores(quota(100000u * 4000)) == posix::AffineCores());
}

}  // namespace lfm2::test
