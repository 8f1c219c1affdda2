// One row's integers of a group of 32 columns, into and out of the places that a block of 16 rows has for them
// (lfm2/format/tensor_type.h).
#ifndef LFM2_TOOLS_PACK_INTERLEAVE_H_
#define LFM2_TOOLS_PACK_INTERLEAVE_H_

#include <cstdint>

#include "lfm2/kernels/formats.h"

namespace lfm2::tools {

// Integers as they are stored, by their bits: nibbles of tables are indices, bytes may be signed ones.
struct GroupIntegers {
  uint8_t column[32];
};

// group: where the integers of the group begin. Places that share a byte with these must be zero before the first call.
template <Integers kind>
void PutIntegers(const GroupIntegers& from, uint32_t row, uint8_t* group) {
  constexpr uint32_t bits = BitsOf(kind);
  const auto merge = [](uint8_t* byte, uint32_t value) { *byte = static_cast<uint8_t>(*byte | value); };
  for (uint32_t quad = 0; quad < 8; ++quad) {
    const uint32_t chunk = quad % 4 / 2 * 64, place = 4 * (quad % 2) + 2 * (quad / 4);
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t value = from.column[quad * 4 + i], at = row * 4 + i;
      if constexpr (bits == 8) {
        group[quad * 64 + at] = static_cast<uint8_t>(value);
      } else if constexpr (bits < 4) {
        merge(group + chunk + at, (value & 3) << place);
        if constexpr (bits == 3) merge(group + 128 + at, (value >> 2 & 1) << kThirdBit[quad]);
      } else {
        merge(group + quad % 4 * 64 + at, (value & 15) << 4 * (quad / 4));
        if constexpr (bits == 5) merge(group + 256 + at, (value >> 4 & 1) << quad);
        if constexpr (bits == 6) merge(group + 256 + chunk + at, (value >> 4 & 3) << place);
      }
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

#endif  // LFM2_TOOLS_PACK_INTERLEAVE_H_
