// One row's integers of a group of 32 columns, into and out of the places that a block of 16 rows has for them
// (lfm2/format/tensor_type.h).
#ifndef LFM2_PROGRAMS_PACK_INTERLEAVE_H_
#define LFM2_PROGRAMS_PACK_INTERLEAVE_H_

#include <cstdint>
#include <cstring>

#include "lfm2/kernels/formats.h"

namespace lfm2::tools {

// Integers as they are stored, by their bits: nibbles of tables are indices, bytes may be signed ones.
struct GroupIntegers {
  uint8_t column[32];
};

// group: where the integers of the group begin. Places that share a byte with these must be zero before the first call.
// Four columns, which lie side by side everywhere, go as one word.
template <Integers kind>
void PutIntegers(const GroupIntegers& from, uint32_t row, uint8_t* group) {
  constexpr uint32_t bits = BitsOf(kind);
  const auto merge = [row, group](uint32_t offset, uint32_t value) {
    uint8_t* const at = group + offset + row * 4;
    value |= LoadAs<uint32_t>(at);
    std::memcpy(at, &value, 4);
  };
  for (uint32_t quad = 0; quad < 8; ++quad) {
    const uint32_t chunk = quad % 4 / 2 * 64, place = 4 * (quad % 2) + 2 * (quad / 4);
    const uint32_t values = LoadAs<uint32_t>(from.column + quad * 4);
    if constexpr (bits == 8) {
      std::memcpy(group + quad * 64 + row * 4, &values, 4);
    } else if constexpr (bits < 4) {
      merge(chunk, (values & 0x03030303u) << place);
      if constexpr (bits == 3) merge(128, (values >> 2 & 0x01010101u) << kThirdBit[quad]);
    } else {
      merge(quad % 4 * 64, (values & 0x0f0f0f0fu) << 4 * (quad / 4));
      if constexpr (bits == 5) merge(256, (values >> 4 & 0x01010101u) << quad);
      if constexpr (bits == 6) merge(256 + chunk, (values >> 4 & 0x03030303u) << place);
    }
  }
}

template <Integers kind>
GroupIntegers GetIntegers(const uint8_t* group, uint32_t row) {
  GroupIntegers out;
  for (uint32_t c = 0; c < 32; ++c) out.column[c] = static_cast<uint8_t>(StoredBitsOf<kind>(group, row, c));
  return out;
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_INTERLEAVE_H_
