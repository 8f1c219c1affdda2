// Figures for a slow drive are only worth something if no byte comes sooner than from such a drive, and all do come.
#include "programs/storage/throttled_storage.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "lfm2/storage/read_all.h"
#include "tests/storage/simulated_device.h"

namespace lfm2::test {
namespace {

constexpr size_t kBytes = size_t{1} << 20;
alignas(4096) std::byte content[kBytes];
alignas(4096) std::byte memory[kBytes];

Span<const std::byte> Content() {
  uint32_t x = 5;
  for (std::byte& b : content) b = static_cast<std::byte>((x = x * 1664525u + 1013904223u) >> 24);
  return {content, kBytes};
}

}  // namespace

TEST_CASE("the model: bytes one read after the other, latency side by side as far as the queue is deep") {
  tools::DriveModel drive({1000000000, 100, 2});  // a byte a nanosecond
  CHECK(drive.End(0, 50) == 150);
  CHECK(drive.End(0, 50) == 200);
  CHECK(drive.End(0, 50) == 300);      // begins at 150
  CHECK(drive.End(1000, 10) == 1110);  // after a pause
  tools::DriveModel unlimited;
  CHECK(unlimited.End(7, 1000000) == 7);
}

TEST_CASE("all bytes come, from queues that end in any order, and not sooner than the speed allows") {
  for (const bool shuffled : {false, true}) {
    SimulatedDeviceOptions options;
    options.shuffled = shuffled;
    const SimulatedDevice device(Content(), options);
    const tools::ThrottledStorage slow(device, {100000000, 200000, 4});  // 100 MB/s
    CHECK(slow.size() == kBytes);
    CHECK(slow.Map(0, 1) == nullptr);
    std::memset(memory, 0, kBytes);
    const uint64_t begin = slow.queue()->NowNs();
    REQUIRE(ReadAll(*slow.queue(), 0, kBytes, memory).ok());
    CHECK(slow.queue()->NowNs() - begin >= kBytes * 10 + 200000);
    CHECK(std::memcmp(memory, content, kBytes) == 0);
  }
}

TEST_CASE("a read is not there before its time, and then with its own tag and status") {
  SimulatedDevice device(Content());
  const tools::ThrottledStorage slow(device, {0, 30000000, 4});
  ReadQueue& queue = *slow.queue();
  device.FailRead(1, Fault::kIoError);
  const uint64_t begin = queue.NowNs();
  for (uint32_t i = 0; i < 3; ++i) REQUIRE(queue.Submit({i * 4096, 4096, memory + i * 4096, 70 + i}).ok());
  ReadCompletion done;
  for (uint32_t i = 0; i < 3; ++i) {
    if (!queue.Poll(&done)) REQUIRE(queue.Wait(&done).ok());
    CHECK(queue.NowNs() - begin >= 30000000);
    CHECK(done.tag == 70 + i);
    CHECK(done.status.ok() == (i != 1));
  }
  CHECK(!queue.Poll(&done));
  CHECK(queue.Wait(&done).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("requests that the drive refuses are refused, a full queue too, and timeouts pass through") {
  SimulatedDevice device(Content());
  const tools::ThrottledStorage slow(device, {});
  ReadQueue& queue = *slow.queue();
  CHECK(queue.Submit({1, 4096, memory, 0}).code() == StatusCode::kInvalidArgument);
  device.FailAt(0, Fault::kTimeout);
  for (uint32_t i = 0; i < queue.capacity(); ++i) REQUIRE(queue.Submit({0, 4096, memory + i * 4096, i}).ok());
  CHECK(queue.Submit({0, 4096, memory, 0}).code() == StatusCode::kFailedPrecondition);
  uint32_t collected = 0, timeouts = 0;
  while (collected < queue.capacity()) {
    ReadCompletion done;
    const Status status = queue.Wait(&done);
    timeouts += status.code() == StatusCode::kTimeout ? 1 : 0;
    collected += status.ok() ? 1 : 0;
  }
  CHECK(timeouts > 0);
}

}  // namespace lfm2::test
