// The arena: regions are aligned and do not overlap, a plan counts exactly what carving uses, and nothing overflows.
#include "lfm2/base/arena.h"

#include <doctest/doctest.h>

namespace lfm2::test {

TEST_CASE("regions are aligned, do not overlap, and have the size that a plan counts") {
  alignas(kAlignment) static std::byte memory[1024];
  Arena arena{Span<std::byte>(memory)};
  Arena plan = Arena::Counting();
  uint8_t* const a = arena.Carve<uint8_t>(1);
  double* const b = arena.Carve<double>(9);
  float* const c = arena.Carve<float>(0);
  CHECK(plan.Carve<uint8_t>(1) == nullptr);
  CHECK(plan.Carve<double>(9) == nullptr);
  CHECK(plan.Carve<float>(0) == nullptr);
  CHECK(reinterpret_cast<std::byte*>(a) == memory);
  CHECK(reinterpret_cast<std::byte*>(b) == memory + 64);
  CHECK(reinterpret_cast<std::byte*>(c) == memory + 192);
  CHECK(arena.used() == 192);
  CHECK(plan.used() == 192);
  CHECK((!arena.overflowed() && !plan.overflowed()));
}

TEST_CASE("the last byte can be carved, one more cannot, and the failure is remembered") {
  alignas(kAlignment) static std::byte memory[256];
  Arena arena{Span<std::byte>(memory)};
  CHECK(arena.Carve<std::byte>(257) == nullptr);
  CHECK(arena.overflowed());
  CHECK(arena.used() == 0);
  Arena full{Span<std::byte>(memory)};
  CHECK(full.Carve<std::byte>(256) == memory);
  CHECK(!full.overflowed());
  CHECK(full.Carve<std::byte>(1) == nullptr);
  CHECK(full.overflowed());
}

TEST_CASE("counts that overflow are refused, also by a counting arena") {
  Arena plan = Arena::Counting();
  CHECK(plan.Carve<uint64_t>(UINT64_MAX / 4) == nullptr);
  CHECK(plan.overflowed());
  Arena near_end = Arena::Counting();
  static_cast<void>(near_end.Carve<std::byte>(UINT64_MAX - 10));
  CHECK(near_end.overflowed());
  Arena sum = Arena::Counting();
  static_cast<void>(sum.Carve<std::byte>(UINT64_MAX / 2));
  static_cast<void>(sum.Carve<std::byte>(UINT64_MAX / 2 + 1));
  CHECK(sum.overflowed());
}

TEST_CASE("phases that never overlap share memory after Rewind") {
  alignas(kAlignment) static std::byte memory[256];
  Arena arena{Span<std::byte>(memory)};
  static_cast<void>(arena.Carve<std::byte>(10));
  const uint64_t mark = arena.used();
  std::byte* const first = arena.Carve<std::byte>(100);
  arena.Rewind(mark);
  CHECK(arena.Carve<std::byte>(100) == first);
}

TEST_CASE("a plan can be made at compile time") {
  constexpr uint64_t kBytes = [] {
    Arena plan = Arena::Counting();
    static_cast<void>(plan.Carve<float>(100));
    return plan.used();
  }();
  static_assert(kBytes == 448, "400 bytes, rounded up to 64");
  CHECK(kBytes == 448);
}

}  // namespace lfm2::test
