// Other tests rely on the simulated drive: on its bytes, its times and its faults.
#include "tests/storage/simulated_device.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "lfm2/storage/read_all.h"

namespace lfm2::test {
namespace {

constexpr size_t kBlocks = 40;
alignas(kBlock) std::byte memory[kBlocks * kBlock];

const std::vector<std::byte>& Content() {
  static const std::vector<std::byte> content = [] {
    std::vector<std::byte> bytes(kBlocks * kBlock);
    uint32_t x = 11;
    for (std::byte& b : bytes) b = static_cast<std::byte>((x = x * 1664525u + 1013904223u) >> 24);
    return bytes;
  }();
  return content;
}

Span<const std::byte> Bytes() { return {Content().data(), Content().size()}; }

ReadRequest Block(uint32_t block) { return {block * kBlock, kBlock, memory + block * kBlock, block}; }
size_t WrongBytes(uint32_t block) {
  size_t wrong = 0;
  for (size_t i = block * kBlock; i < (block + 1) * kBlock; ++i) wrong += memory[i] != Content()[i] ? 1 : 0;
  return wrong;
}

Status ReadBlock(const SimulatedDevice& device, uint32_t block) {
  ReadCompletion done;
  LFM2_RETURN_IF_ERROR(device.queue()->Submit(Block(block)));
  LFM2_RETURN_IF_ERROR(device.queue()->Wait(&done));
  CHECK(done.tag == block);
  return done.status;
}

}  // namespace

TEST_CASE("without faults every byte arrives, and none before its read has completed") {
  for (const bool shuffled : {false, true}) {
    SimulatedDeviceOptions options;
    options.shuffled = shuffled;
    SimulatedDevice device(Bytes(), options);
    CHECK(device.Map(0, 1) == nullptr);
    for (uint32_t i = 0; i < 16; ++i) REQUIRE(device.queue()->Submit(Block(i)).ok());
    CHECK(device.queue()->Submit(Block(16)).code() == StatusCode::kFailedPrecondition);
    CHECK(device.under_way() == 16);
    std::vector<uint32_t> order;
    for (uint32_t i = 0; i < 16; ++i) {
      ReadCompletion done;
      REQUIRE(device.queue()->Poll(&done));
      CHECK(done.status.ok());
      CHECK(WrongBytes(done.tag) == 0);
      order.push_back(done.tag);
    }
    std::vector<uint32_t> sorted;
    for (uint32_t i = 0; i < 16; ++i) sorted.push_back(i);
    CHECK((order == sorted) == !shuffled);
    std::sort(order.begin(), order.end());
    CHECK(order == sorted);
    ReadCompletion done;
    CHECK(!device.queue()->Poll(&done));
    CHECK(device.queue()->Wait(&done).code() == StatusCode::kFailedPrecondition);
    CHECK((device.reads() == 16 && device.bytes_read() == 16 * kBlock && device.faults() == 0));
  }
}

TEST_CASE("memory contains noise while a read is pending") {
  SimulatedDevice device(Bytes());
  std::memcpy(memory, Content().data(), kBlock);
  REQUIRE(device.queue()->Submit(Block(0)).ok());
  CHECK(WrongBytes(0) > kBlock / 2);
  ReadCompletion done;
  REQUIRE(device.queue()->Wait(&done).ok());
  CHECK(WrongBytes(0) == 0);
}

TEST_CASE("bandwidth, latency and depth, on a clock that advances by waiting and computing") {
  SimulatedDeviceOptions options;
  options.speed = {kBlock * 1000, 250000, 2};  // one block per millisecond
  SimulatedDevice device(Bytes(), options);
  ReadQueue& queue = *device.queue();
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(queue.Submit(Block(i)).ok());
  ReadCompletion done;
  CHECK(!queue.Poll(&done));
  // Latency overlaps with the transfer of earlier reads: they complete at 1.25 ms, 2.25 ms, and so on.
  for (uint32_t i = 0; i < 4; ++i) {
    REQUIRE(queue.Wait(&done).ok());
    CHECK(done.tag == i);
    CHECK(queue.NowNs() == 1250000 + i * 1000000);
  }
  device.Advance(10000000);
  REQUIRE(queue.Submit(Block(4)).ok());
  device.Advance(5000000);
  REQUIRE(queue.Poll(&done));
  CHECK(queue.NowNs() == 19250000);

  // With a depth of one every read has the latency.
  options.speed.queue_depth = 1;
  SimulatedDevice narrow(Bytes(), options);
  for (uint32_t i = 0; i < 3; ++i) REQUIRE(narrow.queue()->Submit(Block(i)).ok());
  for (uint32_t i = 0; i < 3; ++i) REQUIRE(narrow.queue()->Wait(&done).ok());
  CHECK(narrow.queue()->NowNs() == 3 * 1250000);
}

TEST_CASE("faults at places chosen by the test") {
  SimulatedDevice device(Bytes());
  device.FailRead(1, Fault::kIoError);
  device.FailRead(3, Fault::kShortRead);
  device.FailAt(5 * kBlock + 100, Fault::kBadBits, 2);
  CHECK(ReadBlock(device, 0).ok());
  const Status failed = ReadBlock(device, 0);
  CHECK((failed.code() == StatusCode::kIo && failed.value() == kSimulatedIoError));
  CHECK(ReadBlock(device, 1).ok());
  const Status cut = ReadBlock(device, 2);
  CHECK((cut.code() == StatusCode::kIo && cut.value() > 0 && cut.value() <= kBlock));
  CHECK(WrongBytes(2) > 0);
  CHECK(ReadBlock(device, 4).ok());
  for (int i = 0; i < 2; ++i) {
    CHECK(ReadBlock(device, 5).ok());
    CHECK(WrongBytes(5) == 1);
  }
  CHECK(ReadBlock(device, 5).ok());
  CHECK(WrongBytes(5) == 0);

  device.Vanish(2);
  CHECK(ReadBlock(device, 6).value() == kSimulatedNoDevice);
  CHECK(ReadBlock(device, 6).value() == kSimulatedNoDevice);
  CHECK(ReadBlock(device, 6).ok());
  device.Vanish();
  for (int i = 0; i < 100; ++i) CHECK(ReadBlock(device, 6).code() == StatusCode::kIo);
  device.Return();
  CHECK(ReadBlock(device, 6).ok());
  device.FailAt(0, Fault::kIoError, UINT32_MAX);
  for (int i = 0; i < 100; ++i) CHECK(!ReadBlock(device, 0).ok());
  device.Heal();
  CHECK(ReadBlock(device, 0).ok());
  CHECK(device.count(Fault::kVanished) == 102);
  CHECK(device.faults() == 1 + 1 + 2 + 102 + 100);
}

TEST_CASE("a read that times out completes some Waits later, and does not delay others") {
  SimulatedDevice device(Bytes());
  ReadQueue& queue = *device.queue();
  device.FailAt(0, Fault::kTimeout);
  REQUIRE(queue.Submit(Block(0)).ok());
  REQUIRE(queue.Submit(Block(1)).ok());
  ReadCompletion done;
  REQUIRE(queue.Wait(&done).ok());
  CHECK(done.tag == 1);
  uint32_t timeouts = 0;
  for (;;) {
    const uint64_t begin = queue.NowNs();
    const Status status = queue.Wait(&done);
    if (status.ok()) break;
    CHECK(status.code() == StatusCode::kTimeout);
    CHECK(queue.NowNs() == begin + 1000000);
    CHECK(WrongBytes(0) > 0);
    ++timeouts;
  }
  CHECK((timeouts >= 1 && timeouts <= 3));
  CHECK((done.tag == 0 && done.status.ok() && WrongBytes(0) == 0));
}

TEST_CASE("random faults have the requested frequency, and are the same for the same seed") {
  FaultRates rates;
  rates.io_error = 0.1;
  rates.short_read = 0.1;
  rates.bad_bits = 0.1;
  rates.timeout = 0.1;
  rates.vanish = 0.01;
  std::vector<std::vector<uint64_t>> counts;
  for (const uint32_t seed : {5u, 5u, 6u}) {
    SimulatedDeviceOptions options;
    options.seed = seed;
    SimulatedDevice device(Bytes(), options);
    device.SetRates(rates);
    for (uint32_t i = 0; i < 2000; ++i) {
      ReadCompletion done;
      REQUIRE(device.queue()->Submit(Block(i % kBlocks)).ok());
      while (!device.queue()->Wait(&done).ok()) {
      }
      if (done.status.ok()) CHECK(WrongBytes(done.tag) <= 1);
    }
    counts.push_back({});
    for (const Fault fault : {Fault::kIoError, Fault::kShortRead, Fault::kBadBits, Fault::kTimeout, Fault::kVanished}) {
      counts.back().push_back(device.count(fault));
      CHECK(device.count(fault) > 100);
      CHECK(device.count(fault) < 350);
    }
    device.Heal();
    const uint64_t before = device.faults();
    CHECK(ReadAll(*device.queue(), 0, kBlocks * kBlock, memory).ok());
    CHECK(std::memcmp(memory, Content().data(), kBlocks * kBlock) == 0);
    CHECK(device.faults() == before);
  }
  CHECK(counts[0] == counts[1]);
  CHECK(counts[0] != counts[2]);
}

}  // namespace lfm2::test
