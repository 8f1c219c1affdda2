// Bits and half-floats in the bytes of a block.
#ifndef LFM2_PROGRAMS_PACK_ROW_BITS_H_
#define LFM2_PROGRAMS_PACK_ROW_BITS_H_

#include <cstdint>
#include <cstring>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

// `bits` bits of a byte from bit `shift` on.
inline uint32_t GetBits(const uint8_t* p, uint32_t shift, uint32_t bits) {
  return uint32_t{*p} >> shift & ((1u << bits) - 1);
}
// The place is zero before.
inline void PutBits(uint32_t value, uint8_t* p, uint32_t shift) { *p = static_cast<uint8_t>(*p | value << shift); }

// The same of `count` bytes, a multiple of four: bits of each to a byte of its own.
inline void GetBitsOfBytes(const uint8_t* from, uint32_t shift, uint32_t bits, uint32_t count, uint8_t* to) {
  const uint32_t mask = ((1u << bits) - 1) * 0x01010101u;
  for (uint32_t i = 0; i < count; i += 4) {
    const uint32_t word = LoadAs<uint32_t>(from + i) >> shift & mask;
    std::memcpy(to + i, &word, 4);
  }
}

inline uint16_t GetHalf(const uint8_t* p) { return LoadAs<uint16_t>(p); }
inline void PutHalf(uint16_t half, uint8_t* p) { std::memcpy(p, &half, 2); }

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_ROW_BITS_H_
