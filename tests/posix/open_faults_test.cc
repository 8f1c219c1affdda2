// Whichever system call fails in Open, it reports what failed and why, leaves nothing open, and can be tried again.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"
#include "lfm2/posix/usable_cores.h"
#include "tests/posix/direct_reads.h"
#include "tests/posix/system_faults.h"
#include "tests/posix/temporary_file.h"
#include "tests/temporary_folder.h"

namespace lfm2::test {
namespace {

long OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<long>(std::distance(begin(all), end(all)));
}

struct OpenFailure {
  SystemCall call;
  int error;
  const char* sentence;
};

// Open reports each failure, and succeeds after it.
template <class F>
void RefusesEach(F* file, const char* path, const OpenFailure* failures, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    CAPTURE(failures[i].error);
    const FaultScope faults;
    const long before = OpenDescriptors();
    faults->Fail(failures[i].call, failures[i].error);
    CHECK(Sentence(file->Open(path)) == failures[i].sentence);
    CHECK(faults->left(failures[i].call) == 0);
    CHECK((!file->is_open() && file->size() == 0));
    CHECK(OpenDescriptors() == before);
    REQUIRE(file->Open(path).ok());
    CHECK(file->size() == 9);
    file->Close();
    CHECK(OpenDescriptors() == before);
  }
}

constexpr OpenFailure kOpenFailures[] = {
    {SystemCall::kOpen, ENOENT, "I/O error: file cannot be opened: no such file (check the path); errno: 2"},
    {SystemCall::kOpen, ENOTDIR,
     "I/O error: file cannot be opened: part of the path is not a directory (check the path); errno: 20"},
    {SystemCall::kOpen, ENAMETOOLONG, "I/O error: file cannot be opened: the path is too long; errno: 36"},
    {SystemCall::kOpen, ELOOP, "I/O error: file cannot be opened: the path has too many symbolic links; errno: 40"},
    {SystemCall::kOpen, EACCES,
     "I/O error: file cannot be opened: permission denied (check its owner and mode); errno: 13"},
    {SystemCall::kOpen, EPERM,
     "I/O error: file cannot be opened: permission denied (check its owner and mode); errno: 1"},
    {SystemCall::kOpen, EMFILE,
     "I/O error: file cannot be opened: the process has too many open files (see ulimit -n); errno: 24"},
    {SystemCall::kOpen, ENFILE, "I/O error: file cannot be opened: the system has too many open files; errno: 23"},
    {SystemCall::kOpen, EOVERFLOW,
     "I/O error: file cannot be opened: it is too large (compile with _FILE_OFFSET_BITS=64); errno: 75"},
    {SystemCall::kOpen, ETXTBSY, "I/O error: file cannot be opened; errno: 26"},
    {SystemCall::kFstat, EIO, "I/O error: file cannot be opened: the drive reported an error; errno: 5"},
};
constexpr OpenFailure kMapFailures[] = {
    {SystemCall::kMmap, ENOMEM,
     "I/O error: file cannot be mapped: not enough address space (see ulimit -v, or use a DirectFile); errno: 12"},
    {SystemCall::kMmap, ENODEV,
     "I/O error: file cannot be mapped: its file system cannot map files (use a DirectFile); errno: 19"},
    {SystemCall::kMmap, EACCES, "I/O error: file cannot be mapped: permission denied (use a DirectFile); errno: 13"},
    {SystemCall::kMmap, EPERM, "I/O error: file cannot be mapped: permission denied (use a DirectFile); errno: 1"},
    {SystemCall::kMmap, EAGAIN, "I/O error: file cannot be mapped; errno: 11"},
};

}  // namespace

TEST_CASE("every call by which a file is opened or mapped may fail") {
  const TemporaryFile file("something");
  posix::MappedFile mapped;
  RefusesEach(&mapped, file.path(), kOpenFailures, std::size(kOpenFailures));
  RefusesEach(&mapped, file.path(), kMapFailures, std::size(kMapFailures));
  DirectFile direct;
  RefusesEach(&direct, file.path(), kOpenFailures, std::size(kOpenFailures));
}

TEST_CASE("a kernel that refuses a ring, has an older one or gives it no memory: threads are used, and nothing leaks") {
  const std::string content = Content(10 * kPage);
  const TemporaryFile file(content);
  ForIoUring([&] {
    for (const int fault : {0, 1, 2, 3, 4}) {
      CAPTURE(fault);
      for (const Backend backend : {Backend::kAutomatic, Backend::kIoUring}) {
        const FaultScope faults;
        const long before = OpenDescriptors();
        if (fault == 0) faults->Fail(SystemCall::kRingSetup, ENOMEM);
        if (fault == 1) faults->Fail(SystemCall::kRingSetup, EMFILE);
        if (fault == 2) faults->old_ring = true;
        if (fault == 3) faults->Fail(SystemCall::kMmap, ENOMEM);
        if (fault == 4) faults->Fail(SystemCall::kMmap, ENOMEM, 1, 1);
        DirectFile direct;
        const Status status = direct.Open(file.path(), Options(backend));
        CHECK(OpenDescriptors() == before + (backend == Backend::kAutomatic ? 1 : 0));
        if (backend == Backend::kIoUring) {
          CHECK(Sentence(status) ==
                "unsupported: options.backend is not available: the kernel has no io_uring or denies it (use "
                "kAutomatic)");
          CHECK(!direct.is_open());
          continue;
        }
        REQUIRE(status.ok());
        CHECK(!direct.uses_io_uring());
        ReadRandomly(direct, content, 100, 8, 7);
        direct.Close();
        CHECK(OpenDescriptors() == before);
      }
    }
  });
}

#if !defined(LFM2_TEST_SANITIZER)
TEST_CASE("if a thread cannot be created, none is left, and Open can be tried again") {
  const std::string content = Content(10 * kPage);
  const TemporaryFile file(content);
  for (const int spared : {0, 1, 3}) {
    for (const int error : {EAGAIN, ENOMEM, EPERM}) {
      const FaultScope faults;
      const long before = OpenDescriptors();
      const std::string cause =
          error == EPERM
              ? "cannot be created; errno: 1"
              : "cannot be created: no memory or too many threads (use fewer); errno: " + std::to_string(error);
      DirectFile direct;
      faults->Fail(SystemCall::kThread, error, 1, spared);
      CHECK(Sentence(direct.Open(file.path(), Options(Backend::kThreads))) == "I/O error: reader thread " + cause);
      CHECK((!direct.is_open() && OpenDescriptors() == before));
      REQUIRE(direct.Open(file.path(), Options(Backend::kThreads)).ok());
      ReadRandomly(direct, content, 50, 8, 8);

      posix::ThreadPool pool;
      faults->Fail(SystemCall::kThread, error, 1, spared);
      CHECK(Sentence(pool.Open(6)) == "I/O error: thread " + cause);
      CHECK((!pool.is_open() && pool.executor() == nullptr));
      REQUIRE(pool.Open(6).ok());
    }
  }
}
#endif

TEST_CASE("if threads cannot be pinned, Open reports it, and works without pinning") {
  const std::string want = "I/O error: thread cannot be pinned to a core (open the pool without pinning); errno: ";
  struct Case {
    SystemCall call;
    int spared;
  };
  // Open counts the cores before it pins.
  for (const Case& c :
       {Case{SystemCall::kSetAffinity, 0}, Case{SystemCall::kSetAffinity, 2}, Case{SystemCall::kGetAffinity, 1}}) {
    const FaultScope faults;
    posix::ThreadPool pool;
    faults->Fail(c.call, EPERM, 1, c.spared);
    CHECK(Sentence(pool.Open(4, posix::ThreadPool::Pinning::kCores)) == want + "1");
    CHECK(faults->left(c.call) == 0);
    CHECK(!pool.is_open());
    REQUIRE(pool.Open(4).ok());
  }
}

TEST_CASE("if the affinity or the quota cannot be read, all existing cores count") {
  const FaultScope faults;
  faults->Fail(SystemCall::kGetAffinity, EPERM);
  CHECK(posix::AffineCores() == static_cast<uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  CHECK(faults->left(SystemCall::kGetAffinity) == 0);

  const TemporaryFolder system;
  const std::string self = system / "self", mount = system / "mount";
  std::filesystem::create_directories(mount + "/a");
  std::ofstream(self) << "0::/a\n";
  std::ofstream(mount + "/a/cpu.max") << "200000 100000\n";
  const posix::CgroupFiles files(self.c_str(), mount.c_str());
  faults->Fail(SystemCall::kRead, EINTR, 3);
  CHECK(files.ReadCpuQuota().cores() == 2);
  CHECK(faults->left(SystemCall::kRead) == 0);
  for (const int spared : {0, 1, 2}) {  // of the list of groups, and of the quota
    faults->Fail(SystemCall::kRead, EIO, 1, spared);
    CHECK(!files.ReadCpuQuota().is_limited());
  }
  faults->Fail(SystemCall::kOpen, EACCES, 1000);
  CHECK(!posix::CgroupFiles().ReadCpuQuota().is_limited());
}

TEST_CASE("if a sandbox forbids io_uring, threads read") {
  const std::string content = Content(10 * kPage);
  const TemporaryFile file(content);
  for (const int error : {EPERM, ENOSYS}) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      sock_filter program[] = {
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      };
      const sock_fprog filter{4, program};
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        ::_exit(2);
      }
      DirectFile direct;
      const bool refused = direct.Open(file.path(), Options(Backend::kIoUring)).code() == StatusCode::kUnsupported;
      const bool opened = direct.Open(file.path()).ok() && !direct.uses_io_uring();
      const Blocks memory(10);
      const bool read = opened && ReadOne(direct, 0, 10 * kPage, memory[0]).ok();
      ::_exit(refused && read && Holds(memory[0], content, 0, 10 * kPage) ? 0 : 1);
    }
    int result = 0;
    REQUIRE(::waitpid(child, &result, 0) == child);
    CHECK(WIFEXITED(result));
    if (WEXITSTATUS(result) == 2) {
      MESSAGE("no seccomp here");
    } else {
      CHECK(WEXITSTATUS(result) == 0);
    }
  }
}

}  // namespace lfm2::test
