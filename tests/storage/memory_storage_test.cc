// Storage in memory returns only addresses within its bytes, whatever offsets a corrupt image has.
#include "lfm2/storage/memory_storage.h"

#include <doctest/doctest.h>

namespace lfm2::test {

TEST_CASE("ranges within the bytes have an address, all others have none") {
  const std::byte bytes[100] = {};
  const MemoryStorage storage{Span<const std::byte>(bytes)};
  const Storage& base = storage;
  CHECK(base.size() == 100);
  CHECK(base.Map(0, 100) == bytes);
  CHECK(base.Map(99, 1) == bytes + 99);
  CHECK(base.Map(100, 0) == bytes + 100);
  CHECK(base.Map(0, 101) == nullptr);
  CHECK(base.Map(100, 1) == nullptr);
  CHECK(base.Map(101, 0) == nullptr);
  CHECK(base.Map(50, UINT64_MAX - 20) == nullptr);
  CHECK(base.Map(UINT64_MAX, 1) == nullptr);
}

TEST_CASE("an empty storage has no bytes") {
  const MemoryStorage storage;
  CHECK(storage.size() == 0);
  CHECK(storage.Map(0, 1) == nullptr);
}

}  // namespace lfm2::test
