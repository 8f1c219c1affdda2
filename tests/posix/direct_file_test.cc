// A direct file reads the file's bytes, however many reads are pending, and refuses what it cannot read.
#include "lfm2/posix/direct_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/posix/direct_reads.h"
#include "tests/posix/temporary_file.h"

namespace lfm2::test {

TEST_CASE("ten thousand random reads give the file's bytes, and zeros beyond its end") {
  const std::string content = Content(50 * kPage + 1234);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    CHECK(!direct.is_open());
    CHECK(direct.queue() == nullptr);
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    CHECK(direct.size() == content.size());
    CHECK(direct.Map(0, 1) == nullptr);
    CHECK(direct.uses_io_uring() == (backend == Backend::kIoUring));
    CHECK(direct.queue()->alignment() == kPage);
    CHECK(direct.queue()->NowNs() > 0);
    ReadRandomly(direct, content, 10000, 12, 1);
  });
}

TEST_CASE("every queue depth, with fewer and with more reads pending") {
  const std::string content = Content(20 * kPage);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    for (uint32_t depth = 1; depth <= FileQueue::kMaxReads; ++depth) {
      DirectFile direct;
      REQUIRE(direct.Open(file.path(), Options(backend, depth)).ok());
      ReadRandomly(direct, content, 150, direct.queue()->capacity(), depth);
      ReadRandomly(direct, content, 20, 1, depth);
    }
  });
}

TEST_CASE("files shorter than a block, of whole blocks, and with an end within one") {
  ForEachBackend([&](Backend backend) {
    for (const size_t bytes : {size_t{1}, kPage - 1, kPage, kPage + 1, 3 * kPage, 3 * kPage + 511}) {
      const std::string content = Content(bytes);
      const TemporaryFile file(content);
      DirectFile direct;
      REQUIRE(direct.Open(file.path(), Options(backend)).ok());
      const size_t blocks = DivideUp(bytes, kPage);
      const Blocks memory(blocks);
      REQUIRE(ReadOne(direct, 0, blocks * kPage, memory[0]).ok());
      CHECK(Holds(memory[0], content, 0, blocks * kPage));
      REQUIRE(ReadOne(direct, (blocks - 1) * kPage, kPage, memory[0]).ok());
      CHECK(Holds(memory[0], content, (blocks - 1) * kPage, kPage));
      CHECK(ReadOne(direct, 0, (blocks + 1) * kPage, memory[0]).code() == StatusCode::kInvalidArgument);
    }
  });
}

TEST_CASE("requests that are not whole blocks or not within the file are refused, and never complete") {
  const TemporaryFile file(Content(4 * kPage));
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    const Blocks memory(5);
    ReadQueue& queue = *direct.queue();
    const auto code = [&](uint64_t offset, uint64_t bytes, size_t shift) {
      return queue.Submit({offset, bytes, memory[0] + shift, 0}).code();
    };
    CHECK(code(512, kPage, 0) == StatusCode::kInvalidArgument);
    CHECK(code(0, 512, 0) == StatusCode::kInvalidArgument);
    CHECK(code(0, kPage, 64) == StatusCode::kInvalidArgument);
    CHECK(code(0, 0, 0) == StatusCode::kInvalidArgument);
    CHECK(code(4 * kPage, kPage, 0) == StatusCode::kInvalidArgument);
    CHECK(code(3 * kPage, 2 * kPage, 0) == StatusCode::kInvalidArgument);
    CHECK(code(kPage, UINT64_MAX - kPage + 1, 0) == StatusCode::kInvalidArgument);
    CHECK(code(UINT64_MAX - kPage + 1, kPage, 0) == StatusCode::kInvalidArgument);
    CHECK(code(UINT64_MAX - kPage + 1, 2 * kPage, 0) == StatusCode::kInvalidArgument);
    ReadCompletion done;
    CHECK(!queue.Poll(&done));
    CHECK(queue.Wait(&done).code() == StatusCode::kFailedPrecondition);
    CHECK(ReadOne(direct, 0, 4 * kPage, memory[0]).ok());
  });
}

TEST_CASE("a full queue refuses one more read and completes all others, each once") {
  const std::string content = Content(8 * kPage);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend, 3)).ok());
    ReadQueue& queue = *direct.queue();
    const uint32_t capacity = queue.capacity();
    const Blocks memory(capacity + 1);
    for (uint32_t i = 0; i < capacity; ++i) REQUIRE(queue.Submit({i % 8 * kPage, kPage, memory[i], i}).ok());
    CHECK(queue.Submit({0, kPage, memory[capacity], 999}).code() == StatusCode::kFailedPrecondition);
    std::vector<uint32_t> seen(capacity, 0);
    for (uint32_t i = 0; i < capacity; ++i) {
      ReadCompletion done;
      REQUIRE(queue.Wait(&done).ok());
      REQUIRE(done.status.ok());
      REQUIRE(done.tag < capacity);
      ++seen[done.tag];
      CHECK(Holds(memory[done.tag], content, done.tag % 8 * kPage, kPage));
    }
    CHECK(seen == std::vector<uint32_t>(capacity, 1));
    CHECK(memory[capacity][0] == std::byte{0x55});
  });
}

TEST_CASE("with a depth of one, reads complete in the order of their requests") {
  const TemporaryFile file(Content(64 * kPage));
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    REQUIRE(direct.Open(file.path(), Options(backend, 1)).ok());
    const Blocks memory(64);
    for (uint32_t i = 0; i < 64; ++i) {
      REQUIRE(direct.queue()->Submit({(i * 37 % 64) * kPage, kPage, memory[i], i}).ok());
    }
    for (uint32_t i = 0; i < 64; ++i) {
      ReadCompletion done;
      REQUIRE(direct.queue()->Wait(&done).ok());
      CHECK(done.tag == i);
    }
  });
}

TEST_CASE("what cannot be opened is refused with its reason, and another file can be opened then") {
  DirectFile direct;
  const Status absent = direct.Open("/nowhere/at/all.lfm2");
  CHECK((absent.code() == StatusCode::kIo && absent.value() == ENOENT));
  CHECK(direct.Open("/tmp").code() == StatusCode::kInvalidArgument);
  CHECK(direct.Open("/dev/null").code() == StatusCode::kInvalidArgument);
  const TemporaryFile empty("");
  CHECK(direct.Open(empty.path()).code() == StatusCode::kInvalidArgument);
  const std::string pipe = std::string(empty.path()) + ".pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(direct.Open(pipe.c_str()).code() == StatusCode::kInvalidArgument);
  ::unlink(pipe.c_str());

  const TemporaryFile file("something");
  DirectFileOptions options;
  options.queue_depth = 0;
  CHECK(direct.Open(file.path(), options).code() == StatusCode::kInvalidArgument);
  options.queue_depth = FileQueue::kMaxReads + 1;
  CHECK(direct.Open(file.path(), options).code() == StatusCode::kInvalidArgument);
  options.queue_depth = 1;
  options.piece_bytes = 0;
  CHECK(direct.Open(file.path(), options).code() == StatusCode::kInvalidArgument);
  options.piece_bytes = 6000;
  CHECK(direct.Open(file.path(), options).code() == StatusCode::kInvalidArgument);
  CHECK((!direct.is_open() && direct.queue() == nullptr && direct.size() == 0));

  const TemporaryFile other("another");
  REQUIRE(direct.Open(file.path()).ok());
  CHECK(direct.Open(other.path()).code() == StatusCode::kFailedPrecondition);
  CHECK(direct.size() == 9);
  direct.Close();
  direct.Close();
  CHECK((!direct.is_open() && direct.queue() == nullptr && direct.size() == 0));
  REQUIRE(direct.Open(other.path()).ok());
  CHECK(direct.size() == 7);
}

TEST_CASE("Close waits for the reads that the system has, whose memory may then be freed, and drops the others") {
  const std::string content = Content(256 * kPage);
  const TemporaryFile file(content);
  ForEachBackend([&](Backend backend) {
    DirectFile direct;
    for (uint32_t round = 0; round < 20; ++round) {
      const Blocks memory(64 * 16);
      REQUIRE(direct.Open(file.path(), Options(backend, 1 + round % 8)).ok());
      for (uint32_t i = 0; i < round * 3; ++i) {
        REQUIRE(direct.queue()->Submit({i % 16 * 16 * kPage, 16 * kPage, memory[size_t{i} * 16], i}).ok());
      }
      direct.Close();
    }
    REQUIRE(direct.Open(file.path(), Options(backend)).ok());
    ReadRandomly(direct, content, 100, 8, 5);
  });
}

TEST_CASE("the reads of two direct files at once are not mixed up") {
  const std::string one = Content(40 * kPage), two = Content(41 * kPage + 3).substr(kPage / 2);
  const TemporaryFile first(one), second(two);
  ForEachBackend([&](Backend backend) {
    DirectFile a, b;
    REQUIRE(a.Open(first.path(), Options(backend)).ok());
    REQUIRE(b.Open(second.path(), Options(backend)).ok());
    const Blocks memory(80);
    for (uint32_t i = 0; i < 40; ++i) {
      REQUIRE(a.queue()->Submit({i * kPage, kPage, memory[i], i}).ok());
      REQUIRE(b.queue()->Submit({i * kPage, kPage, memory[40 + i], 100 + i}).ok());
    }
    for (uint32_t i = 0; i < 40; ++i) {
      ReadCompletion done;
      REQUIRE(b.queue()->Wait(&done).ok());
      CHECK((done.status.ok() && done.tag >= 100));
      REQUIRE(a.queue()->Wait(&done).ok());
      CHECK((done.status.ok() && done.tag < 40));
    }
    CHECK(Holds(memory[0], one, 0, 40 * kPage));
    CHECK(Holds(memory[40], two, 0, 40 * kPage));
    b.Close();
    ReadRandomly(a, one, 50, 4, 2);
  });
}

}  // namespace lfm2::test
