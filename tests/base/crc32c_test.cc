// The CRC is the only guard of 4.7 GB of weights: it must be the standard one, whichever instruction computes it.
#include "lfm2/base/crc32c.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace lfm2::test {

TEST_CASE("the examples of RFC 3720, appendix B.4") {
  std::vector<uint8_t> bytes(32, 0);
  CHECK(Crc32c(0, bytes.data(), 32) == 0x8a9136aau);
  CHECK(Crc32cPortable(0, bytes.data(), 32) == 0x8a9136aau);
  bytes.assign(32, 0xff);
  CHECK(Crc32c(0, bytes.data(), 32) == 0x62a8ab43u);
  CHECK(Crc32cPortable(0, bytes.data(), 32) == 0x62a8ab43u);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = i;
  CHECK(Crc32c(0, bytes.data(), 32) == 0x46dd794eu);
  CHECK(Crc32cPortable(0, bytes.data(), 32) == 0x46dd794eu);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(31 - i);
  CHECK(Crc32c(0, bytes.data(), 32) == 0x113fdb5cu);
  CHECK(Crc32cPortable(0, bytes.data(), 32) == 0x113fdb5cu);
  // An iSCSI Read (10) command.
  const uint8_t command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,    0, 0, 0, 0,
                               0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                               0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  CHECK(Crc32c(0, command, 48) == 0xd9963a56u);
  CHECK(Crc32cPortable(0, command, 48) == 0xd9963a56u);
}

TEST_CASE("the usual check value, and nothing for nothing") {
  CHECK(Crc32c(0, "123456789", 9) == 0xe3069283u);
  CHECK(Crc32c(0, "", 0) == 0);
  CHECK(Crc32c(0x12345678u, "", 0) == 0x12345678u);
}

TEST_CASE("the instruction and the table agree at every length, alignment and cut") {
  std::vector<uint8_t> bytes(300);
  uint32_t x = 1;
  for (uint8_t& b : bytes) b = static_cast<uint8_t>((x = x * 1664525u + 1013904223u) >> 24);
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t size = 0; size < 280; ++size) {
      const uint32_t whole = Crc32cPortable(0, bytes.data() + begin, size);
      REQUIRE(Crc32c(0, bytes.data() + begin, size) == whole);
      const size_t cut = size * 2 / 3;
      REQUIRE(Crc32c(Crc32c(0, bytes.data() + begin, cut), bytes.data() + begin + cut, size - cut) == whole);
    }
  }
}

}  // namespace lfm2::test
