// A size that wraps around passes every later check. Here base/numeric.h is compiled with 8-bit numbers in place of its
// 64-bit ones, so that every input can be tried; tests/proof/prove.py proves the same for 64 bits.
#include <doctest/doctest.h>

#include "lfm2/base/config.h"

#define uint64_t uint8_t
#undef UINT64_MAX
#define UINT64_MAX UINT8_MAX
#define lfm2 lfm2_narrow
#include "lfm2/base/numeric.h"
#undef lfm2
#undef uint64_t

namespace lfm2::test {
TEST_CASE("every sum and every product of 8-bit numbers is exact or refused") {
  uint32_t wrong = 0;
  for (uint32_t a = 0; a < 256; ++a) {
    for (uint32_t b = 0; b < 256; ++b) {
      uint8_t sum = 77, product = 78;
      const bool adds = lfm2_narrow::CheckedAdd(static_cast<uint8_t>(a), static_cast<uint8_t>(b), &sum);
      const bool multiplies = lfm2_narrow::CheckedMul(static_cast<uint8_t>(a), static_cast<uint8_t>(b), &product);
      wrong += adds == (a + b < 256) && sum == (adds ? a + b : 77) ? 0 : 1;
      wrong += multiplies == (a * b < 256) && product == (multiplies ? a * b : 78) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("every 8-bit number is rounded up to the least multiple of every step that fits") {
  uint32_t wrong = 0, checked = 0;
  for (uint32_t n = 0; n < 256; ++n) {
    for (uint32_t step = 1; n + step < 256; ++step) {
      uint32_t multiple = 0, times = 0;
      for (; multiple < n; multiple += step) ++times;
      wrong += lfm2_narrow::RoundUp(static_cast<uint8_t>(n), static_cast<uint8_t>(step)) == multiple ? 0 : 1;
      wrong += lfm2_narrow::DivideUp(static_cast<uint8_t>(n), static_cast<uint8_t>(step)) == times ? 0 : 1;
      ++checked;
    }
  }
  CHECK(wrong == 0);
  CHECK(checked == 32640);
}

}  // namespace lfm2::test
