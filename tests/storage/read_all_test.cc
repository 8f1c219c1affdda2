// Reads a range of bytes in pieces, as the front part of an image is read.
#include "lfm2/storage/read_all.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "tests/storage/simulated_device.h"
#include "tests/storage/watched_storage.h"

namespace lfm2::test {
namespace {

constexpr size_t kBlocks = 48;
constexpr std::byte kUntouched{0xa5};
alignas(kBlock) std::byte memory[(kBlocks + 2) * kBlock];
std::byte* const kTo = memory + kBlock;

const std::vector<std::byte>& Content() {
  static const std::vector<std::byte> content = [] {
    std::vector<std::byte> bytes(kBlocks * kBlock);
    uint32_t x = 5;
    for (std::byte& b : bytes) b = static_cast<std::byte>((x = x * 1664525u + 1013904223u) >> 24);
    return bytes;
  }();
  return content;
}

struct Device {
  explicit Device(const SimulatedDeviceOptions& options, size_t bytes = kBlocks * kBlock)
      : drive({Content().data(), bytes}, options), watched(drive) {
    std::memset(memory, static_cast<int>(kUntouched), sizeof(memory));
  }
  ReadQueue& queue() { return *watched.queue(); }
  SimulatedDevice drive;
  WatchedStorage watched;
};

SimulatedDeviceOptions Options(uint32_t capacity, uint32_t piece_bytes, uint32_t alignment = 4096) {
  SimulatedDeviceOptions options;
  options.capacity = capacity;
  options.piece_bytes = piece_bytes;
  options.alignment = alignment;
  options.shuffled = true;
  return options;
}

// Whether kTo[bytes] are those of the storage from `offset` on, and nothing around them was changed.
bool IsThere(uint64_t offset, size_t bytes) {
  if (std::memcmp(kTo, Content().data() + static_cast<size_t>(offset), bytes) != 0) return false;
  for (const std::byte* p = memory; p < kTo; ++p) {
    if (*p != kUntouched) return false;
  }
  for (const std::byte* p = kTo + bytes; p < memory + sizeof(memory); ++p) {
    if (*p != kUntouched) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every byte arrives once, in its place, with pieces of any size, reads in any number and any order") {
  for (const uint32_t capacity : {1u, 2u, 3u, 64u}) {
    for (const uint32_t piece_blocks : {1u, 3u, 16u, 100u}) {
      for (const uint32_t blocks : {1u, 2u, 15u, 16u, 17u, 40u}) {
        for (const uint32_t first : {0u, 8u}) {
          CAPTURE(capacity);
          CAPTURE(piece_blocks);
          CAPTURE(blocks);
          Device device(Options(capacity, piece_blocks * kBlock));
          const Status status = ReadAll(device.queue(), first * kBlock, blocks * kBlock, kTo);
          REQUIRE(status.ok());
          CHECK(IsThere(first * kBlock, blocks * kBlock));
          const uint64_t pieces = (blocks + piece_blocks - 1) / piece_blocks;
          CHECK(device.watched.reads() == pieces);
          CHECK(device.watched.bytes() == blocks * kBlock);
          CHECK(device.watched.under_way() == 0);
          // The device is kept as busy as possible.
          CHECK(device.watched.most_under_way() == (pieces < capacity ? pieces : capacity));
          CHECK(device.watched.mistakes() == "");
        }
      }
    }
  }
}

TEST_CASE("nothing is read for no bytes; blocks of 512 bytes are enough; the last block may extend beyond the end") {
  Device device(Options(4, 1536, 512), 10 * kBlock + 700);
  CHECK(ReadAll(device.queue(), 0, 0, kTo).ok());
  CHECK(device.watched.reads() == 0);
  CHECK(IsThere(0, 0));
  CHECK(ReadAll(device.queue(), 512, 2560, kTo).ok());
  CHECK(IsThere(512, 2560));
  CHECK(ReadAll(device.queue(), 10 * kBlock, 1024, kTo).ok());
  CHECK(std::memcmp(kTo, Content().data() + 10 * kBlock, 700) == 0);
  const Status outside = ReadAll(device.queue(), 10 * kBlock, 1536, kTo);
  CHECK(outside.code() == StatusCode::kInvalidArgument);
  CHECK(device.watched.under_way() == 0);
}

TEST_CASE("a piece that fails names its byte, nothing stays pending, and the next call succeeds") {
  for (const uint32_t capacity : {1u, 2u, 5u}) {
    for (const Fault fault : {Fault::kIoError, Fault::kVanished, Fault::kShortRead}) {
      for (uint32_t piece = 0; piece < 12; ++piece) {
        CAPTURE(capacity);
        CAPTURE(piece);
        Device device(Options(capacity, 2 * kBlock));
        const uint64_t offset = 4 * kBlock, at = offset + piece * 2 * kBlock;
        device.drive.FailAt(at, fault);
        const Status status = ReadAll(device.queue(), offset, 24 * kBlock, kTo);
        CHECK(status.code() == StatusCode::kIo);
        CHECK(status.offset() == at);
        if (fault == Fault::kIoError) CHECK(status.value() == kSimulatedIoError);
        CHECK(device.watched.under_way() == 0);
        CHECK(ReadAll(device.queue(), offset, 24 * kBlock, kTo).ok());
        CHECK(IsThere(offset, 24 * kBlock));
        CHECK(device.watched.mistakes() == "");
      }
    }
  }
}

TEST_CASE("a device that does not answer costs one timeout per call, not an endless wait") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SimulatedDeviceOptions options = Options(3, kBlock);
    options.seed = seed;
    Device device(options);
    device.drive.FailRead(seed % 10, Fault::kTimeout);
    const Status status = ReadAll(device.queue(), 0, 10 * kBlock, kTo);
    CHECK(status.code() == StatusCode::kTimeout);
    CHECK(device.queue().NowNs() == options.timeout_ns);
    // Memory that the device still owns is not written by others, and is collected before anything is read again.
    int tries = 0;
    while (!ReadAll(device.queue(), 0, 10 * kBlock, kTo).ok()) REQUIRE(++tries < 4);
    CHECK(IsThere(0, 10 * kBlock));
    CHECK(device.watched.mistakes() == "");
  }
}

}  // namespace lfm2::test
