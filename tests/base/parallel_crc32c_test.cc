// Several workers check what was read: a CRC that is put together wrongly refuses every good record.
#include "lfm2/base/parallel_crc32c.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

namespace lfm2::test {
namespace {

// Runs tasks on one thread, the last one first.
struct BackwardExecutor {
  explicit BackwardExecutor(uint32_t workers) { executor = {this, workers, &Run}; }
  static void Run(void* context, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    static_cast<BackwardExecutor*>(context)->most = Max(static_cast<BackwardExecutor*>(context)->most, tasks);
    for (uint32_t i = tasks; i > 0; --i) task(argument, i - 1);
  }
  Executor executor;
  uint32_t most = 0;
};

std::vector<std::byte> Noise(size_t size) {
  std::vector<std::byte> bytes(size);
  uint32_t x = 1;
  for (std::byte& b : bytes) b = static_cast<std::byte>((x = x * 1664525u + 1013904223u) >> 24);
  return bytes;
}

}  // namespace

TEST_CASE("the CRC of two parts is that of the whole, cut anywhere") {
  const std::string check = "123456789";  // whose CRC-32C is published: 0xe3069283
  for (size_t cut = 0; cut <= check.size(); ++cut) {
    const uint32_t first = Crc32cPortable(0, check.data(), cut);
    const uint32_t second = Crc32cPortable(0, check.data() + cut, check.size() - cut);
    CHECK(CombineCrc32c(first, second, check.size() - cut) == 0xe3069283u);
  }
  static_assert(CombineCrc32c(0x12345678u, 0, 0) == 0x12345678u);
}

TEST_CASE("any number of workers gives the CRC of one") {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65536}, size_t{131071}, size_t{131072}, size_t{131073},
                            size_t{524288}, size_t{524289}, size_t{1} << 21, (size_t{1} << 21) + 4095}) {
    const std::vector<std::byte> bytes = Noise(size);
    CAPTURE(size);
    for (const uint32_t begin : {0u, 0x9abcdef0u}) {
      const uint32_t want = Crc32cPortable(begin, bytes.data(), size);
      CHECK(ParallelCrc32c(nullptr, begin, bytes.data(), size) == want);
      for (const uint32_t workers : {1u, 2u, 3u, 8u, 64u, Executor::kMaxWorkers}) {
        BackwardExecutor backward(workers);
        CHECK(ParallelCrc32c(&backward.executor, begin, bytes.data(), size) == want);
        CHECK((backward.most >= 2) == (workers >= 2 && size >= 131072));
      }
    }
  }
}

}  // namespace lfm2::test
