// Firmware gives the library a function that reads blocks: every byte must come from the right block, and no request
// may leave the partition.
#include "lfm2/storage/block_storage.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "lfm2/storage/read_all.h"

namespace lfm2::test {
namespace {

// An SD card with a partition in it.
struct Card {
  uint32_t block_bytes = 512;
  std::vector<std::byte> bytes;
  int error = 0;
  uint64_t bad_block = UINT64_MAX;
  std::vector<uint32_t> calls;  // number of blocks in each

  Card(uint32_t block, size_t blocks) : block_bytes(block), bytes(block * blocks) {
    uint32_t x = 7;
    for (std::byte& b : bytes) b = static_cast<std::byte>((x = x * 1664525u + 1013904223u) >> 24);
  }

  static int Read(void* context, uint64_t first_block, uint32_t blocks, std::byte* to) {
    Card& card = *static_cast<Card*>(context);
    card.calls.push_back(blocks);
    REQUIRE((first_block + blocks) * card.block_bytes <= card.bytes.size());
    if (first_block <= card.bad_block && card.bad_block < first_block + blocks) return card.error;
    std::memcpy(to, card.bytes.data() + first_block * card.block_bytes, size_t{blocks} * card.block_bytes);
    return 0;
  }
};

BlockDevice Device(Card* card, uint64_t first_block, uint64_t bytes) {
  BlockDevice device;
  device.context = card;
  device.read = Card::Read;
  device.block_bytes = card->block_bytes;
  device.first_block = first_block;
  device.bytes = bytes;
  device.piece_bytes = 8192;
  return device;
}

alignas(4096) std::byte memory[17 * 4096];

}  // namespace

TEST_CASE("every block size: bytes of the partition come from its blocks") {
  for (const uint32_t block : {512u, 1024u, 2048u, 4096u}) {
    Card card(block, 200);
    BlockStorage storage;
    CHECK((storage.size() == 0 && storage.queue() == nullptr));
    REQUIRE(storage.Open(Device(&card, 33, 100 * block)).ok());
    CHECK(storage.size() == 100 * block);
    CHECK(storage.Map(0, 1) == nullptr);
    ReadQueue& queue = *storage.queue();
    CHECK(queue.alignment() == block);
    CHECK(queue.piece_bytes() == 8192);
    CHECK(queue.NowNs() == 0);
    for (uint32_t first = 0; first < 100; first += 7) {
      for (uint32_t count = 1; count <= 16 && first + count <= 100; ++count) {
        std::memset(memory, 0, sizeof(memory));
        REQUIRE(queue.Submit({uint64_t{first} * block, uint64_t{count} * block, memory, first}).ok());
        ReadCompletion done;
        REQUIRE(queue.Wait(&done).ok());
        REQUIRE((done.tag == first && done.status.ok()));
        REQUIRE(std::memcmp(memory, card.bytes.data() + (33 + first) * block, count * block) == 0);
        REQUIRE(memory[count * block] == std::byte{0});
      }
    }
    for (const uint32_t blocks : card.calls) REQUIRE(blocks * block <= 8192);
  }
}

TEST_CASE("opening twice is refused and changes nothing; after Close another device opens") {
  Card first(512, 64), second(4096, 16);
  BlockStorage storage;
  storage.Close();
  REQUIRE(storage.Open(Device(&first, 3, 512)).ok());
  CHECK(storage.Open(Device(&second, 0, 8192)).code() == StatusCode::kFailedPrecondition);
  CHECK((storage.size() == 512 && storage.queue()->alignment() == 512));
  REQUIRE(ReadAll(*storage.queue(), 0, 512, memory).ok());
  storage.Close();
  CHECK((!storage.is_open() && storage.size() == 0 && storage.queue() == nullptr));
  storage.Close();
  REQUIRE(storage.Open(Device(&second, 1, 8192)).ok());
  CHECK((storage.size() == 8192 && storage.queue()->alignment() == 4096));
  REQUIRE(ReadAll(*storage.queue(), 0, 8192, memory).ok());
  CHECK(std::memcmp(memory, second.bytes.data() + 4096, 8192) == 0);
}

TEST_CASE("a whole image by ReadAll, also with an end within a block") {
  Card card(512, 128);
  for (const uint64_t bytes : {uint64_t{40000}, uint64_t{40448}, uint64_t{1}}) {
    BlockStorage storage;
    REQUIRE(storage.Open(Device(&card, 5, bytes)).ok());
    const uint64_t whole = RoundUp<uint64_t>(bytes, 512);
    REQUIRE(ReadAll(*storage.queue(), 0, whole, memory).ok());
    CHECK(std::memcmp(memory, card.bytes.data() + 5 * 512, static_cast<size_t>(bytes)) == 0);
    ReadCompletion done;
    CHECK(storage.queue()->Submit({whole, 512, memory, 0}).code() == StatusCode::kInvalidArgument);
    CHECK(!storage.queue()->Poll(&done));
  }
}

TEST_CASE("completions wait in order until they are collected, and a full queue reads no more") {
  Card card(512, 64);
  BlockStorage storage;
  REQUIRE(storage.Open(Device(&card, 0, 64 * 512)).ok());
  ReadQueue& queue = *storage.queue();
  ReadCompletion done;
  CHECK(!queue.Poll(&done));
  CHECK(queue.Wait(&done).code() == StatusCode::kFailedPrecondition);
  for (uint32_t round = 0; round < 3; ++round) {
    const uint32_t capacity = queue.capacity();
    for (uint32_t i = 0; i < capacity; ++i) REQUIRE(queue.Submit({i * 512, 512, memory + i * 512, 10 + i}).ok());
    const size_t calls = card.calls.size();
    CHECK(queue.Submit({0, 512, memory + capacity * 512, 99}).code() == StatusCode::kFailedPrecondition);
    CHECK(card.calls.size() == calls);
    for (uint32_t i = 0; i < capacity; ++i) {
      REQUIRE(queue.Poll(&done));
      CHECK((done.tag == 10 + i && done.status.ok()));
    }
    CHECK(!queue.Poll(&done));
  }
}

TEST_CASE("the driver's error number is reported with the byte, and the next read works") {
  Card card(512, 64);
  BlockStorage storage;
  REQUIRE(storage.Open(Device(&card, 10, 54 * 512)).ok());
  ReadQueue& queue = *storage.queue();
  ReadCompletion done;
  for (const int error : {5, -110}) {
    card.error = error;
    card.bad_block = 10 + 17;
    REQUIRE(queue.Submit({0, 40 * 512, memory, 1}).ok());
    REQUIRE(queue.Wait(&done).ok());
    CHECK(done.status.code() == StatusCode::kIo);
    CHECK(done.status.value() == static_cast<uint64_t>(std::abs(error)));
    CHECK(done.status.offset() == 16 * 512);  // where the failed call begins
    card.bad_block = UINT64_MAX;
    REQUIRE(queue.Submit({0, 40 * 512, memory, 2}).ok());
    REQUIRE(queue.Wait(&done).ok());
    CHECK((done.tag == 2 && done.status.ok()));
  }
}

TEST_CASE("requests that are not whole blocks or not within the partition never reach the driver") {
  Card card(512, 64);
  BlockStorage storage;
  REQUIRE(storage.Open(Device(&card, 10, 20 * 512)).ok());
  ReadQueue& queue = *storage.queue();
  const auto code = [&](uint64_t offset, uint64_t bytes, std::byte* to) {
    return queue.Submit({offset, bytes, to, 0}).code();
  };
  CHECK(code(100, 512, memory) == StatusCode::kInvalidArgument);
  CHECK(code(0, 100, memory) == StatusCode::kInvalidArgument);
  CHECK(code(0, 512, memory + 64) == StatusCode::kInvalidArgument);
  CHECK(code(0, 0, memory) == StatusCode::kInvalidArgument);
  CHECK(code(20 * 512, 512, memory) == StatusCode::kInvalidArgument);
  CHECK(code(19 * 512, 1024, memory) == StatusCode::kInvalidArgument);
  CHECK(code(512, UINT64_MAX - 511, memory) == StatusCode::kInvalidArgument);
  CHECK(code(UINT64_MAX - 511, 512, memory) == StatusCode::kInvalidArgument);
  CHECK(card.calls.empty());
}

TEST_CASE("a device with an impossible field is refused, naming the field") {
  Card card(512, 64);
  BlockStorage storage;
  const auto where = [&](const BlockDevice& device) {
    const Status status = storage.Open(device);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(storage.queue() == nullptr);
    return std::string(status.where());
  };
  BlockDevice device = Device(&card, 0, 512);
  device.read = nullptr;
  CHECK(where(device) == "device.read");
  for (const uint32_t bytes : {0u, 256u, 513u, 8192u, 0x80000000u}) {
    device = Device(&card, 0, 512);
    device.block_bytes = bytes;
    CHECK(where(device) == "device.block_bytes");
  }
  for (const uint32_t bytes : {0u, 512u, 4097u}) {
    device = Device(&card, 0, 512);
    device.piece_bytes = bytes;
    CHECK(where(device) == "device.piece_bytes");
  }
  CHECK(where(Device(&card, 0, 0)) == "device.bytes");
  CHECK(where(Device(&card, 0, UINT64_MAX)) == "device.bytes");
  CHECK(where(Device(&card, 0, uint64_t{1} << 63)) == "device.bytes");
  CHECK(where(Device(&card, UINT64_MAX, 512)) == "device.bytes");
  CHECK(storage.Open(Device(&card, 0, (uint64_t{1} << 63) - 1)).ok());
}

TEST_CASE("the driver's clock is the queue's") {
  Card card(512, 64);
  BlockDevice device = Device(&card, 0, 512);
  device.now_ns = [](void* context) { return uint64_t{static_cast<Card*>(context)->block_bytes} * 1000u; };
  BlockStorage storage;
  REQUIRE(storage.Open(device).ok());
  CHECK(storage.queue()->NowNs() == 512000);
}

}  // namespace lfm2::test
