// A direct file never returns wrong bytes as the file's, whatever the drive, the file system or the kernel does, and
// also if the file is cut short meanwhile.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <set>
#include <string>
#include <thread>

#include "lfm2/posix/direct_file.h"
#include "tests/posix/direct_reads.h"
#include "tests/posix/system_faults.h"
#include "tests/posix/temporary_file.h"

namespace lfm2::test {

TEST_CASE("an io_uring that accepts no read for a while is tried again; one that never does is an error at once") {
  const std::string content = Content(4 * kPage);
  const TemporaryFile file(content);
  ForIoUring([&] {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(Backend::kIoUring)).ok());
    const Blocks memory(4);
    struct Case {
      int enters, error;
    };
    for (const Case& c : {Case{1, 0}, Case{3, 0}, Case{900, 0}, Case{3, EINTR}, Case{900, EBUSY}, Case{999, EAGAIN}}) {
      CAPTURE(c.enters);
      CAPTURE(c.error);
      const FaultScope faults;
      faults->Fail(SystemCall::kRingEnter, c.error, c.enters);
      errno = 0;
      REQUIRE(ReadOne(direct, 0, 4 * kPage, memory[0]).ok());
      CHECK(faults->left(SystemCall::kRingEnter) == 0);
      CHECK(Holds(memory[0], content, 0, 4 * kPage));
      std::memset(memory[0], 0x55, 4 * kPage);
    }
    for (const Case& c : {Case{1000000, 0}, Case{1, ENOMEM}}) {
      CAPTURE(c.error);
      const FaultScope faults;
      faults->Fail(SystemCall::kRingEnter, c.error, c.enters);
      errno = 0;
      const Status status = ReadOne(direct, 0, kPage, memory[0]);
      CHECK(status.code() == StatusCode::kIo);
      CHECK(status.value() == static_cast<uint64_t>(c.error == 0 ? EAGAIN : c.error));
    }
    REQUIRE(ReadOne(direct, kPage, kPage, memory[0]).ok());
    CHECK(Holds(memory[0], content, kPage, kPage));
  });
}

TEST_CASE("a wait for io_uring that a signal interrupts continues") {
  const std::string content = Content(64 * kPage);
  const TemporaryFile file(content);
  ForIoUring([&] {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(Backend::kIoUring)).ok());
    const FaultScope faults;
    faults->Fail(SystemCall::kPoll, EINTR, 5);
    ReadRandomly(direct, content, 200, 8, 4);
  });
}

TEST_CASE("Close waits for the reads that an io_uring accepted, and drops those that it refused") {
  const std::string content = Content(64 * kPage);
  const TemporaryFile file(content);
  ForIoUring([&] {
    for (const int refused : {0, 1, 3, 8}) {
      const Blocks memory(64);
      DirectFile direct;
      REQUIRE(direct.Open(file.path(), Options(Backend::kIoUring)).ok());
      const FaultScope faults;
      faults->Fail(SystemCall::kRingEnter, ENOMEM, refused, 2);
      for (uint32_t i = 0; i < 8; ++i) {
        REQUIRE(direct.queue()->Submit({i * 8 * kPage, 8 * kPage, memory[size_t{i} * 8], i}).ok());
      }
      direct.Close();
      faults->End();
      REQUIRE(direct.Open(file.path(), Options(Backend::kIoUring)).ok());
      ReadRandomly(direct, content, 50, 8, 5);
    }
  });
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
    const Status beyond = ReadOne(direct, 8 * kPage, kPage, memory[0]);
    CHECK((beyond.code() == StatusCode::kIo && beyond.value() == kPage));
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

TEST_CASE("without time to wait each Wait returns a read or a timeout, and in the end all reads") {
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

TEST_CASE("interrupted and partial reads continue where they stopped") {
  const std::string content = Content(9 * kPage + 77);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend, 1)).ok());
    for (const int error : {EINTR, EAGAIN}) {
      const FaultScope faults;
      const Blocks memory(10);
      faults->Fail(SystemCall::kFileRead, error, 5);
      REQUIRE(ReadOne(direct, 0, 10 * kPage, memory[0]).ok());
      CHECK(faults->left(SystemCall::kFileRead) == 0);
      CHECK(Holds(memory[0], content, 0, 10 * kPage));
    }
    // A read that ends within a block continues at the beginning of the block. Smaller ones would never end.
    for (const size_t most : {3 * kPage, kPage, kPage + 1000, 2 * kPage - 1}) {
      CAPTURE(most);
      const FaultScope faults;
      const Blocks memory(10);
      faults->most_bytes = most;
      REQUIRE(ReadOne(direct, 0, 10 * kPage, memory[0]).ok());
      CHECK(Holds(memory[0], content, 0, 10 * kPage));
    }
    // Partial reads, interruptions and many reads at a time, in any order.
    const FaultScope faults;
    faults->most_bytes = 2 * kPage;
    faults->Fail(SystemCall::kFileRead, EINTR, 40, 20);
    ReadRandomly(direct, content, 200, 8, 6);
    CHECK(faults->left(SystemCall::kFileRead) == 0);
  });
}

TEST_CASE("an error of the drive is reported with its number, its cause and its place, and the next read succeeds") {
  const std::string content = Content(9 * kPage);
  const TemporaryFile file(content);
  const struct {
    int error;
    const char* sentence;
  } cases[] = {
      {EIO,
       "I/O error: file cannot be read: the drive reported an error (check the drive, or copy the file); errno: 5, at "
       "byte 8192"},
      {ENODEV, "I/O error: file cannot be read: the drive is gone; errno: 19, at byte 8192"},
      {ENXIO, "I/O error: file cannot be read: the drive is gone; errno: 6, at byte 8192"},
      {ESTALE,
       "I/O error: file cannot be read: the file server no longer has it (open it again); errno: 116, at byte 8192"},
      {EBADF, "I/O error: file cannot be read; errno: 9, at byte 8192"},
  };
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend, 1)).ok());
    for (const auto& c : cases) {
      const FaultScope faults;
      const Blocks memory(9);
      faults->Fail(SystemCall::kFileRead, c.error);
      const Status status = ReadOne(direct, 2 * kPage, 3 * kPage, memory[0]);
      CHECK(Sentence(status) == c.sentence);
      CHECK((status.value() == static_cast<uint64_t>(c.error) && status.offset() == 2 * kPage));
      REQUIRE(ReadOne(direct, 0, 9 * kPage, memory[0]).ok());
      CHECK(Holds(memory[0], content, 0, 9 * kPage));
    }
    // After a partial read, the error is at the byte where the rest begins.
    const FaultScope faults;
    const Blocks memory(9);
    faults->most_bytes = 2 * kPage;
    faults->Fail(SystemCall::kFileRead, EIO, 1, 2);
    CHECK(ReadOne(direct, 2 * kPage, 7 * kPage, memory[0]).offset() == 6 * kPage);
    for (const int error : {EINTR, EAGAIN}) {
      faults->Fail(SystemCall::kFileRead, error, 1000000);
      const Status status = ReadOne(direct, 0, kPage, memory[0]);
      CHECK(status.value() == static_cast<uint64_t>(error));
      CHECK(Sentence(status).find("the system call was interrupted every time") != std::string::npos);
    }
  });
}

TEST_CASE("of many reads only those fail that the drive refused, and each completes once") {
  const std::string content = Content(64 * kPage);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend, 4)).ok());
    ReadQueue& queue = *direct.queue();
    for (const int failing : {1, 5, 64}) {
      const FaultScope faults;
      const Blocks memory(64);
      faults->Fail(SystemCall::kFileRead, EIO, failing, failing == 64 ? 0 : 7);
      for (uint32_t i = 0; i < 64; ++i) REQUIRE(queue.Submit({i * kPage, kPage, memory[i], i}).ok());
      std::set<uint32_t> tags;
      int failed = 0;
      for (int i = 0; i < 64; ++i) {
        ReadCompletion done;
        REQUIRE(queue.Wait(&done).ok());
        tags.insert(done.tag);
        if (done.status.ok()) {
          CHECK(Holds(memory[done.tag], content, done.tag * kPage, kPage));
        } else {
          CHECK((done.status.value() == EIO && done.status.offset() == done.tag * kPage));
          ++failed;
        }
      }
      CHECK(tags.size() == 64);
      CHECK(failed == failing);
    }
  });
}

TEST_CASE("without O_DIRECT, or if only opening with it works, reads go through the page cache") {
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
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    if (!direct.is_direct()) {
      MESSAGE("/tmp has no O_DIRECT");
      return;
    }
    faults->Fail(SystemCall::kFileRead, EINVAL, 3);
    ReadRandomly(direct, content, 300, 8, 9);
    CHECK(faults->left(SystemCall::kFileRead) == 0);
    CHECK(!direct.is_direct());
    // Without O_DIRECT, EINVAL is an error like any other.
    const Blocks memory(1);
    faults->Fail(SystemCall::kFileRead, EINVAL);
    CHECK(ReadOne(direct, 0, kPage, memory[0]).value() == EINVAL);
  });
}

TEST_CASE("if O_DIRECT cannot be turned off, a refused read is an error and not an endless loop") {
  const std::string content = Content(4 * kPage);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    if (!direct.is_direct()) return;
    const FaultScope faults;
    const Blocks memory(4);
    faults->Fail(SystemCall::kFcntl, EBADF, 2);
    faults->Fail(SystemCall::kFileRead, EINVAL, 2);
    CHECK(ReadOne(direct, 0, kPage, memory[0]).value() == EINVAL);
    REQUIRE(ReadOne(direct, 0, 4 * kPage, memory[0]).ok());
    CHECK(Holds(memory[0], content, 0, 4 * kPage));
  });
}

}  // namespace lfm2::test
