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

// The CRC of everything that `crc` covers followed by `data`. Begin with 0. Static, because its body depends on the
// compiler's flags: translation units built for different machines must not share one.
static inline uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes) {
#if (defined(__SSE4_2__) && defined(__x86_64__)) || (defined(__ARM_FEATURE_CRC32) && defined(__aarch64__))
  const unsigned char* p = static_cast<const unsigned char*>(data);
#if defined(__SSE4_2__)
  uint64_t c = ~crc;
  for (; bytes >= 8; bytes -= 8, p += 8) c = _mm_crc32_u64(c, LoadAs<uint64_t>(p));
  uint32_t c32 = static_cast<uint32_t>(c);
  for (; bytes > 0; --bytes, ++p) c32 = _mm_crc32_u8(c32, *p);
#else
  uint32_t c32 = ~crc;
  for (; bytes >= 8; bytes -= 8, p += 8) c32 = __crc32cd(c32, LoadAs<uint64_t>(p));
  for (; bytes > 0; --bytes, ++p) c32 = __crc32cb(c32, *p);
#endif
  return ~c32;
#else
  return Crc32cPortable(crc, data, bytes);
#endif
}

}  // namespace lfm2

#endif  // LFM2_BASE_CRC32C_H_
