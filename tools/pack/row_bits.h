// Bits and half-floats in the bytes of a block.
#ifndef LFM2_TOOLS_PACK_ROW_BITS_H_
#define LFM2_TOOLS_PACK_ROW_BITS_H_

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

inline uint16_t GetHalf(const uint8_t* p) { return LoadAs<uint16_t>(p); }
inline void PutHalf(uint16_t half, uint8_t* p) { std::memcpy(p, &half, 2); }

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_PACK_ROW_BITS_H_
