// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as in RFC 3720 appendix B.4: the check of every image part.
#ifndef LFM2_BASE_CRC32C_H_
#define LFM2_BASE_CRC32C_H_

// The processor's instruction. On x86-64 it is part of SSE4.2, which compilers do not use by default.
#if defined(__x86_64__)
#include <nmmintrin.h>
#if !defined(__SSE4_2__)
#include <cpuid.h>
#endif
#define LFM2_HAVE_CRC32C_INSTRUCTION 1
#define LFM2_CRC32C_TARGET N_SSE4
#define LFM2_CRC32C_ATTRIBUTE __attribute__((target("sse4.2")))
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define LFM2_HAVE_CRC32C_INSTRUCTION 1
#define LFM2_CRC32C_TARGET N_ARM_CRC
#define LFM2_CRC32C_ATTRIBUTE
#else
#define LFM2_HAVE_CRC32C_INSTRUCTION 0
#endif

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

namespace crc32c_internal {

inline constexpr uint32_t kPolynomial = 0x82f63b78u;

// of[n].entry[b]: the register after byte b and n zero bytes, starting from 0.
struct Table {
  uint32_t entry[256];
};
template <uint32_t kCount>
struct Tables {
  Table of[kCount];
};

template <uint32_t kCount>
constexpr Tables<kCount> MakeTables() {
  Tables<kCount> t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1u) != 0 ? kPolynomial : 0u);
    t.of[0].entry[i] = c;
  }
  for (uint32_t n = 1; n < kCount; ++n) {
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t shorter = t.of[n - 1].entry[i];
      t.of[n].entry[i] = (shorter >> 8) ^ t.of[0].entry[shorter & 0xffu];
    }
  }
  return t;
}

// 1 KiB to process one byte at a time, 8 KiB for eight.
template <uint32_t kCount>
inline constexpr Tables<kCount> kTables = MakeTables<kCount>();

// Firmware uses the small table: its fast memory is scarce, and its drives are slower than this.
#if defined(__unix__) || defined(__APPLE__) || defined(_WIN32)
inline constexpr bool kHasOperatingSystem = true;
#else
inline constexpr bool kHasOperatingSystem = false;
#endif

}  // namespace crc32c_internal

// One look-up per byte. The other forms are tested against it.
inline uint32_t Crc32cPortable(uint32_t crc, const void* data, size_t bytes) {
  const auto& table = crc32c_internal::kTables<1>.of[0].entry;
  const unsigned char* p = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (size_t i = 0; i < bytes; ++i) crc = (crc >> 8) ^ table[(crc ^ p[i]) & 0xffu];
  return ~crc;
}

// Eight independent look-ups for eight bytes: the result of Crc32cPortable, three to five times as fast.
inline uint32_t Crc32cSliced(uint32_t crc, const void* data, size_t bytes) {
  const auto& t = crc32c_internal::kTables<8>.of;
  const unsigned char* p = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (; bytes >= 8; bytes -= 8, p += 8) {
    const uint32_t low = LoadAs<uint32_t>(p) ^ crc, high = LoadAs<uint32_t>(p + 4);
    crc = t[7].entry[low & 0xffu] ^ t[6].entry[low >> 8 & 0xffu] ^ t[5].entry[low >> 16 & 0xffu] ^
          t[4].entry[low >> 24] ^ t[3].entry[high & 0xffu] ^ t[2].entry[high >> 8 & 0xffu] ^
          t[1].entry[high >> 16 & 0xffu] ^ t[0].entry[high >> 24];
  }
  return Crc32cPortable(~crc, p, bytes);
}

#if LFM2_HAVE_CRC32C_INSTRUCTION
namespace crc32c_internal {

// What 2^log2_bytes zero bytes do to a CRC register, tabulated by byte of the register: a linear map over GF(2), found
// by squaring the map of one zero bit.
constexpr Tables<4> MakeZerosTable(uint32_t log2_bytes) {
  uint32_t column[32] = {};  // the map of bit i alone
  for (uint32_t i = 0; i < 32; ++i) column[i] = i == 0 ? kPolynomial : 1u << (i - 1);
  for (uint32_t step = 0; step < 3 + log2_bytes; ++step) {
    uint32_t squared[32] = {};
    for (uint32_t i = 0; i < 32; ++i) {
      for (uint32_t bit = 0; bit < 32; ++bit) squared[i] ^= (column[i] >> bit & 1u) != 0 ? column[bit] : 0u;
    }
    for (uint32_t i = 0; i < 32; ++i) column[i] = squared[i];
  }
  Tables<4> t{};
  for (uint32_t byte = 0; byte < 4; ++byte) {
    for (uint32_t value = 1; value < 256; ++value) {
      const uint32_t low = value & (~value + 1u);  // the lowest bit that is set
      uint32_t bit = 0;
      while (low >> bit != 1u) ++bit;
      t.of[byte].entry[value] = t.of[byte].entry[value ^ low] ^ column[8 * byte + bit];
    }
  }
  return t;
}

inline constexpr uint32_t kLongLog2 = 12;
inline constexpr uint32_t kShortLog2 = 8;
inline constexpr Tables<4> kLongZeros = MakeZerosTable(kLongLog2);
inline constexpr Tables<4> kShortZeros = MakeZerosTable(kShortLog2);

// Static, like everything that depends on the compiler's flags: translation units built for different machines must not
// share one copy.
namespace LFM2_CRC32C_TARGET {

#if defined(__x86_64__)
LFM2_CRC32C_ATTRIBUTE static inline uint32_t Step8(uint32_t crc, const unsigned char* p) {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, LoadAs<uint64_t>(p)));
}
LFM2_CRC32C_ATTRIBUTE static inline uint32_t Step1(uint32_t crc, const unsigned char* p) {
  return _mm_crc32_u8(crc, *p);
}
#elif defined(__aarch64__)
static inline uint32_t Step8(uint32_t crc, const unsigned char* p) { return __crc32cd(crc, LoadAs<uint64_t>(p)); }
static inline uint32_t Step1(uint32_t crc, const unsigned char* p) { return __crc32cb(crc, *p); }
#else
static inline uint32_t Step8(uint32_t crc, const unsigned char* p) {
  return __crc32cw(__crc32cw(crc, LoadAs<uint32_t>(p)), LoadAs<uint32_t>(p + 4));
}
static inline uint32_t Step1(uint32_t crc, const unsigned char* p) { return __crc32cb(crc, *p); }
#endif

LFM2_CRC32C_ATTRIBUTE static inline uint32_t AppendZeros(const Tables<4>& t, uint32_t crc) {
  return t.of[0].entry[crc & 0xffu] ^ t.of[1].entry[crc >> 8 & 0xffu] ^ t.of[2].entry[crc >> 16 & 0xffu] ^
         t.of[3].entry[crc >> 24];
}

// The instruction starts one word per cycle and takes three cycles, so three runs of 2^log2_bytes are computed at a
// time and combined by appending to each as many zeros as bytes follow it.
LFM2_CRC32C_ATTRIBUTE static inline uint32_t ThreeRuns(uint32_t crc, uint32_t log2_bytes, const Tables<4>& zeros,
                                                       const unsigned char** data, size_t* bytes) {
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

LFM2_CRC32C_ATTRIBUTE static inline uint32_t Crc(uint32_t crc, const void* data, size_t bytes) {
  const unsigned char* p = static_cast<const unsigned char*>(data);
  crc = ThreeRuns(~crc, kLongLog2, kLongZeros, &p, &bytes);
  crc = ThreeRuns(crc, kShortLog2, kShortZeros, &p, &bytes);
  for (; bytes >= 8; bytes -= 8, p += 8) crc = Step8(crc, p);
  for (; bytes > 0; --bytes, ++p) crc = Step1(crc, p);
  return ~crc;
}

}  // namespace LFM2_CRC32C_TARGET

// Whether to use the instruction. Short inputs do not ask the processor: in a virtual machine CPUID may take ten
// microseconds.
static inline bool UseInstruction(size_t bytes) {
#if defined(__x86_64__) && !defined(__SSE4_2__)
  if (bytes < size_t{64} << 10) return false;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  __cpuid(1, a, b, c, d);
  return (c >> 20 & 1u) != 0;
#else
  static_cast<void>(bytes);
  return true;
#endif
}

}  // namespace crc32c_internal
#endif

// The CRC of everything that `crc` covers followed by `data`. The first `crc` is 0.
static inline uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes) {
#if LFM2_HAVE_CRC32C_INSTRUCTION
  if (crc32c_internal::UseInstruction(bytes)) {
    return crc32c_internal::LFM2_CRC32C_TARGET::Crc(crc, data, bytes);
  }
#endif
  if constexpr (crc32c_internal::kHasOperatingSystem) return Crc32cSliced(crc, data, bytes);
  return Crc32cPortable(crc, data, bytes);
}

}  // namespace lfm2

#endif  // LFM2_BASE_CRC32C_H_
