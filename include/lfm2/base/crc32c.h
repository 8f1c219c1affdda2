// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as in RFC 3720 appendix B.4: the check of every image part.
#ifndef LFM2_BASE_CRC32C_H_
#define LFM2_BASE_CRC32C_H_

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

namespace crc32c_internal {

struct Table {
  uint32_t entry[256];
};

constexpr Table MakeTable() {
  Table t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1u) != 0 ? 0x82f63b78u : 0u);
    t.entry[i] = c;
  }
  return t;
}

inline constexpr Table kTable = MakeTable();

}  // namespace crc32c_internal

// The portable form: one table look-up a byte. Also the oracle of the instruction's form.
inline uint32_t Crc32cPortable(uint32_t crc, const void* data, size_t bytes) {
  const unsigned char* p = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (size_t i = 0; i < bytes; ++i) crc = (crc >> 8) ^ crc32c_internal::kTable.entry[(crc ^ p[i]) & 0xffu];
  return ~crc;
}

#if (defined(__SSE4_2__) && defined(__x86_64__)) || (defined(__ARM_FEATURE_CRC32) && defined(__aarch64__))
#define LFM2_HAVE_CRC32C_INSTRUCTION 1
#else
#define LFM2_HAVE_CRC32C_INSTRUCTION 0
#endif

#if LFM2_HAVE_CRC32C_INSTRUCTION
namespace crc32c_internal {

// What 2^log2_bytes zero bytes do to a CRC register, a byte of the register at a time: a linear map over GF(2), found
// by squaring the map of one zero bit.
struct ZerosTable {
  uint32_t entry[4][256];
};

constexpr ZerosTable MakeZerosTable(uint32_t log2_bytes) {
  uint32_t column[32] = {};  // the map of bit i alone
  for (uint32_t i = 0; i < 32; ++i) column[i] = i == 0 ? 0x82f63b78u : 1u << (i - 1);
  for (uint32_t step = 0; step < 3 + log2_bytes; ++step) {
    uint32_t squared[32] = {};
    for (uint32_t i = 0; i < 32; ++i) {
      for (uint32_t bit = 0; bit < 32; ++bit) squared[i] ^= (column[i] >> bit & 1u) != 0 ? column[bit] : 0u;
    }
    for (uint32_t i = 0; i < 32; ++i) column[i] = squared[i];
  }
  ZerosTable t{};
  for (uint32_t byte = 0; byte < 4; ++byte) {
    for (uint32_t value = 1; value < 256; ++value) {
      const uint32_t low = value & (~value + 1u);  // the lowest bit that is set
      uint32_t bit = 0;
      while (low >> bit != 1u) ++bit;
      t.entry[byte][value] = t.entry[byte][value ^ low] ^ column[8 * byte + bit];
    }
  }
  return t;
}

inline constexpr uint32_t kLongLog2 = 12;
inline constexpr uint32_t kShortLog2 = 8;
inline constexpr ZerosTable kLongZeros = MakeZerosTable(kLongLog2);
inline constexpr ZerosTable kShortZeros = MakeZerosTable(kShortLog2);

static inline uint32_t AppendZeros(const ZerosTable& t, uint32_t crc) {
  return t.entry[0][crc & 0xffu] ^ t.entry[1][crc >> 8 & 0xffu] ^ t.entry[2][crc >> 16 & 0xffu] ^ t.entry[3][crc >> 24];
}

#if defined(__SSE4_2__)
static inline uint32_t Step8(uint32_t crc, const unsigned char* p) {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, LoadAs<uint64_t>(p)));
}
static inline uint32_t Step1(uint32_t crc, const unsigned char* p) { return _mm_crc32_u8(crc, *p); }
#else
static inline uint32_t Step8(uint32_t crc, const unsigned char* p) { return __crc32cd(crc, LoadAs<uint64_t>(p)); }
static inline uint32_t Step1(uint32_t crc, const unsigned char* p) { return __crc32cb(crc, *p); }
#endif

// The instruction takes one word a cycle but answers after three: three runs of 2^log2_bytes at a time, put together by
// appending to each as many zeros as follow it.
static inline uint32_t ThreeRuns(uint32_t crc, uint32_t log2_bytes, const ZerosTable& zeros, const unsigned char** data,
                                 size_t* bytes) {
  const size_t run = size_t{1} << log2_bytes;
  const unsigned char* p = *data;
  for (; *bytes >= 3 * run; *bytes -= 3 * run, p += 3 * run) {
    uint32_t second = 0, third = 0;
    for (size_t i = 0; i < run; i += 8) {
      crc = Step8(crc, p + i);
      second = Step8(second, p + run + i);
      third = Step8(third, p + 2 * run + i);
    }
    crc = AppendZeros(zeros, crc) ^ second;
    crc = AppendZeros(zeros, crc) ^ third;
  }
  *data = p;
  return crc;
}

}  // namespace crc32c_internal
#endif

// The CRC of everything that `crc` covers followed by `data`. Begin with 0. Static, as what it calls, because its body
// depends on the compiler's flags: translation units built for different machines must not share one.
static inline uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes) {
#if LFM2_HAVE_CRC32C_INSTRUCTION
  namespace in = crc32c_internal;
  const unsigned char* p = static_cast<const unsigned char*>(data);
  crc = in::ThreeRuns(~crc, in::kLongLog2, in::kLongZeros, &p, &bytes);
  crc = in::ThreeRuns(crc, in::kShortLog2, in::kShortZeros, &p, &bytes);
  for (; bytes >= 8; bytes -= 8, p += 8) crc = in::Step8(crc, p);
  for (; bytes > 0; --bytes, ++p) crc = in::Step1(crc, p);
  return ~crc;
#else
  return Crc32cPortable(crc, data, bytes);
#endif
}

}  // namespace lfm2

#endif  // LFM2_BASE_CRC32C_H_
