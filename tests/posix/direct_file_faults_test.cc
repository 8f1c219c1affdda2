// A direct file never passes off for the file's bytes what is not: whatever the drive, the file system, the kernel or
// whoever cuts the file short does meanwhile.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>

#include "lfm2/posix/direct_file.h"
#include "tests/posix/direct_reads.h"
#include "tests/posix/system_faults.h"
#include "tests/posix/temporary_file.h"

namespace lfm2::test {

TEST_CASE("io_uring that takes no read for a while is asked again; one that never does gives an error at once") {
  const std::string content = Content(4 * kPage);
  const TemporaryFile file(content);
  DirectFile direct;
  const Status opened = direct.Open(file.path(), Options(Backend::kIoUring));
  if (opened.code() == StatusCode::kUnsupported) {
    MESSAGE("skipped: no io_uring here");
    return;
  }
  REQUIRE(opened.ok());
  const Blocks memory(4);
  struct Case {
    int enters, error;
  };
  for (const Case& c : {Case{1, 0}, Case{3, 0}, Case{900, 0}, Case{3, EINTR}, Case{900, EBUSY}, Case{1001, EAGAIN}}) {
    CAPTURE(c.enters);
    CAPTURE(c.error);
    const FaultScope faults;
    faults->enter_error = c.error;
    faults->failing_enters = c.enters;
    errno = 0;
    REQUIRE(ReadOne(direct, 0, 4 * kPage, memory[0]).ok());
    CHECK(faults->failing_enters == 0);
    CHECK(Holds(memory[0], content, 0, 4 * kPage));
    std::memset(memory[0], 0x55, 4 * kPage);
  }
  for (const Case& c : {Case{1000000, 0}, Case{1, ENOMEM}}) {
    CAPTURE(c.error);
    const FaultScope faults;
    faults->enter_error = c.error;
    faults->failing_enters = c.enters;
    errno = 0;
    const Status status = ReadOne(direct, 0, kPage, memory[0]);
    CHECK(status.code() == StatusCode::kIo);
    CHECK(status.value() == static_cast<uint64_t>(c.error == 0 ? EAGAIN : c.error));
  }
  REQUIRE(ReadOne(direct, kPage, kPage, memory[0]).ok());
  CHECK(Holds(memory[0], content, kPage, kPage));
}

TEST_CASE("a file that is cut short while it is open: errors for what is gone, never zeros") {
  const std::string content = Content(10 * kPage);
  ForEachBackend([&](Backend backend) {
    const TemporaryFile file(content);
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    const Blocks memory(10);
    REQUIRE(::truncate(file.path(), 4 * kPage + 100) == 0);
    const Status across = ReadOne(direct, 2 * kPage, 5 * kPage, memory[0]);
    CHECK((across.code() == StatusCode::kIo && across.value() == 3 * kPage - 100));
    CHECK(across.offset() == 4 * kPage);
    const Status behind = ReadOne(direct, 8 * kPage, kPage, memory[0]);
    CHECK((behind.code() == StatusCode::kIo && behind.value() == kPage));
    CHECK(ReadOne(direct, 4 * kPage, kPage, memory[0]).code() == StatusCode::kIo);
    REQUIRE(ReadOne(direct, 0, 4 * kPage, memory[0]).ok());
    CHECK(Holds(memory[0], content, 0, 4 * kPage));
  });
}

TEST_CASE("Close does not return while a read still writes to the caller's memory") {
  const std::string content = Content(4 * kPage);
  const TemporaryFile file(content);
  const FaultScope faults;
  DirectFile direct;
  REQUIRE(direct.Open(file.path(), Options(Backend::kThreads, 2)).ok());
  const Blocks memory(4);
  faults->paused = true;
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(direct.queue()->Submit({i * kPage, kPage, memory[i], i}).ok());
  while (faults->waiting < 2) ::usleep(100);
  std::atomic<bool> closed{false};
  std::thread closing([&] {
    direct.Close();
    closed = true;
  });
  ::usleep(20000);
  CHECK(!closed);
  faults->paused = false;
  closing.join();
  CHECK(Holds(memory[0], content, 0, 2 * kPage));
  CHECK(memory[2][0] == std::byte{0x55});
}

TEST_CASE("a drive that does not answer is a timeout; its reads are collected when it does") {
  const std::string content = Content(4 * kPage);
  const TemporaryFile file(content);
  const FaultScope faults;
  DirectFileOptions options = Options(Backend::kThreads, 2);
  options.timeout_ms = 5;
  DirectFile direct;
  REQUIRE(direct.Open(file.path(), options).ok());
  ReadQueue& queue = *direct.queue();
  const Blocks memory(4);
  faults->paused = true;
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(queue.Submit({i * kPage, kPage, memory[i], i}).ok());
  ReadCompletion done;
  for (int i = 0; i < 3; ++i) {
    const Status status = queue.Wait(&done);
    CHECK((status.code() == StatusCode::kTimeout && status.value() == 5));
    CHECK(!queue.Poll(&done));
  }
  faults->paused = false;
  uint32_t tags = 0;
  for (int collected = 0; collected < 4;) {
    const Status status = queue.Wait(&done);
    if (status.code() == StatusCode::kTimeout) continue;
    REQUIRE(status.ok());
    REQUIRE(done.status.ok());
    tags |= 1u << done.tag;
    ++collected;
  }
  CHECK(tags == 15);
  CHECK(Holds(memory[0], content, 0, 4 * kPage));
}

TEST_CASE("with no time to wait every read is either there or a timeout, and in the end all are there") {
  const std::string content = Content(512 * kPage);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFileOptions options = Options(backend, 2);
    options.timeout_ms = 0;
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), options).ok());
    const Blocks memory(512);
    for (uint32_t i = 0; i < 8; ++i) {
      REQUIRE(direct.queue()->Submit({i * 64 * kPage, 64 * kPage, memory[size_t{i} * 64], i}).ok());
    }
    for (int collected = 0; collected < 8;) {
      ReadCompletion done;
      const Status status = direct.queue()->Wait(&done);
      if (status.code() == StatusCode::kTimeout) continue;
      REQUIRE(status.ok());
      REQUIRE(done.status.ok());
      ++collected;
    }
    CHECK(Holds(memory[0], content, 0, content.size()));
  });
}

TEST_CASE("interrupted and partial reads go on where they stopped") {
  const std::string content = Content(9 * kPage + 77);
  const TemporaryFile file(content);
  const FaultScope faults;
  DirectFile direct;
  REQUIRE(direct.Open(file.path(), Options(Backend::kThreads, 1)).ok());
  for (const int error : {EINTR, EAGAIN}) {
    const Blocks memory(10);
    faults->read_error = error;
    faults->failing_reads = 5;
    REQUIRE(ReadOne(direct, 0, 10 * kPage, memory[0]).ok());
    CHECK(faults->failing_reads == 0);
    CHECK(Holds(memory[0], content, 0, 10 * kPage));
  }
  // A read that ends within a block is taken up again at the block's begin. Smaller ones would never end.
  for (const size_t most : {3 * kPage, kPage, kPage + 1000, 2 * kPage - 1}) {
    const Blocks memory(10);
    faults->most_bytes = most;
    REQUIRE(ReadOne(direct, 0, 10 * kPage, memory[0]).ok());
    CHECK(Holds(memory[0], content, 0, 10 * kPage));
  }
}

TEST_CASE("an error of the drive is reported with its number and place, and the next read is none the worse") {
  const std::string content = Content(9 * kPage);
  const TemporaryFile file(content);
  const FaultScope faults;
  DirectFile direct;
  REQUIRE(direct.Open(file.path(), Options(Backend::kThreads, 1)).ok());
  const Blocks memory(9);
  faults->read_error = EIO;
  faults->failing_reads = 1;
  const Status status = ReadOne(direct, 2 * kPage, 3 * kPage, memory[0]);
  CHECK((status.code() == StatusCode::kIo && status.value() == EIO && status.offset() == 2 * kPage));
  REQUIRE(ReadOne(direct, 0, 9 * kPage, memory[0]).ok());
  CHECK(Holds(memory[0], content, 0, 9 * kPage));
  faults->read_error = EAGAIN;
  faults->failing_reads = 1000000;
  CHECK(ReadOne(direct, 0, kPage, memory[0]).value() == EAGAIN);
}

TEST_CASE("a file system without O_DIRECT, or that only says it had it, is read through the page cache") {
  const std::string content = Content(30 * kPage + 5);
  const TemporaryFile file(content);
  const FaultScope faults;
  faults->refuse_direct = true;
  for (const Backend backend : {Backend::kAutomatic, Backend::kThreads}) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    CHECK((!direct.is_direct() && !direct.uses_io_uring()));
    ReadRandomly(direct, content, 300, 8, 9);
  }
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    CHECK(!direct.is_direct());
    ReadRandomly(direct, content, 300, 8, 9);
  });

  faults->refuse_direct = false;
  DirectFile direct;
  REQUIRE(direct.Open(file.path(), Options(Backend::kThreads)).ok());
  if (direct.is_direct()) {
    faults->read_error = EINVAL;
    faults->failing_reads = 3;
    ReadRandomly(direct, content, 300, 8, 9);
    CHECK(faults->failing_reads == 0);
    CHECK(!direct.is_direct());
  } else {
    MESSAGE("/tmp has no O_DIRECT");
  }
}

TEST_CASE("where a sandbox forbids io_uring, threads read") {
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
