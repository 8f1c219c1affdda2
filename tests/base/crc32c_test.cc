// The CRC is the only check of 4.7 GB of weights: it must be the standard one, however it is computed.
#include "lfm2/base/crc32c.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace lfm2::test {
namespace {

std::vector<uint8_t> Noise(size_t size) {
  std::vector<uint8_t> bytes(size);
  uint32_t x = 1;
  for (uint8_t& b : bytes) b = static_cast<uint8_t>((x = x * 1664525u + 1013904223u) >> 24);
  return bytes;
}

// Division by the polynomial, one bit at a time: an oracle without tables.
uint32_t BitByBit(const uint8_t* bytes, size_t size) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool one = ((crc ^ static_cast<uint32_t>(bytes[i] >> bit)) & 1u) != 0;
      crc = (crc >> 1) ^ (one ? 0x82f63b78u : 0u);
    }
  }
  return ~crc;
}

void CheckForms(const void* bytes, size_t size, uint32_t expected) {
  CHECK(Crc32c(0, bytes, size) == expected);
  CHECK(Crc32cSliced(0, bytes, size) == expected);
  CHECK(Crc32cPortable(0, bytes, size) == expected);
}

}  // namespace

TEST_CASE("the examples of RFC 3720, appendix B.4") {
  std::vector<uint8_t> bytes(32, 0);
  CheckForms(bytes.data(), 32, 0x8a9136aau);
  bytes.assign(32, 0xff);
  CheckForms(bytes.data(), 32, 0x62a8ab43u);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = i;
  CheckForms(bytes.data(), 32, 0x46dd794eu);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(31 - i);
  CheckForms(bytes.data(), 32, 0x113fdb5cu);
  // An iSCSI Read (10) command.
  const uint8_t command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,    0, 0, 0, 0,
                               0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                               0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  CheckForms(command, 48, 0xd9963a56u);
}

TEST_CASE("the standard check value, and 0 for no bytes") {
  CheckForms("123456789", 9, 0xe3069283u);
  CheckForms("", 0, 0);
  CHECK(Crc32c(0x12345678u, "", 0) == 0x12345678u);
  CHECK(Crc32cSliced(0x12345678u, "", 0) == 0x12345678u);
}

TEST_CASE("every length and alignment, in one call and in two") {
  const std::vector<uint8_t> bytes = Noise(300);
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t size = 0; size < 280; ++size) {
      const uint8_t* const p = bytes.data() + begin;
      const uint32_t whole = BitByBit(p, size);
      REQUIRE(Crc32cPortable(0, p, size) == whole);
      REQUIRE(Crc32cSliced(0, p, size) == whole);
      REQUIRE(Crc32c(0, p, size) == whole);
      const size_t cut = size * 2 / 3;
      REQUIRE(Crc32c(Crc32c(0, p, cut), p + cut, size - cut) == whole);
      REQUIRE(Crc32cSliced(Crc32cSliced(0, p, cut), p + cut, size - cut) == whole);
    }
  }
}

// Long inputs are computed as three runs at a time; builds for any x86-64 check for the instruction from 64 KiB on.
TEST_CASE("lengths around those where the method of computation changes") {
  const std::vector<uint8_t> bytes = Noise(200000);
  for (const size_t edge : {768u, 1536u, 12288u, 12288u + 768u, 24576u, 36864u, 65536u, 131072u, 199000u}) {
    for (size_t size = edge - 9; size <= edge + 9; ++size) {
      const size_t begin = size % 8;
      const uint32_t whole = Crc32cPortable(7, bytes.data() + begin, size);
      REQUIRE(Crc32c(7, bytes.data() + begin, size) == whole);
      REQUIRE(Crc32cSliced(7, bytes.data() + begin, size) == whole);
    }
  }
}

TEST_CASE("pieces of a record, checked in order as they arrive, give the record's CRC") {
  const std::vector<uint8_t> bytes = Noise(150001);
  const uint32_t whole = BitByBit(bytes.data(), bytes.size());
  for (const size_t piece : {512u, 4096u, 65536u, 70000u}) {
    uint32_t crc = 0;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      crc = Crc32c(crc, bytes.data() + at, Min(piece, bytes.size() - at));
    }
    CHECK(crc == whole);
  }
}

TEST_CASE("one flipped bit anywhere changes the CRC") {
  std::vector<uint8_t> bytes = Noise(20000);
  const uint32_t good = Crc32c(0, bytes.data(), bytes.size());
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 977) {
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
    REQUIRE(Crc32c(0, bytes.data(), bytes.size()) != good);
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
  }
}

}  // namespace lfm2::test
