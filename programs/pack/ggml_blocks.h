// What repacking and its inverse both know of ggml's blocks: their sizes, and the bits that an image keeps in another
// order.
#ifndef LFM2_PROGRAMS_PACK_GGML_BLOCKS_H_
#define LFM2_PROGRAMS_PACK_GGML_BLOCKS_H_

#include <cstddef>
#include <cstdint>

namespace lfm2::tools {

inline constexpr size_t kQ4_0Bytes = 18, kQ4_1Bytes = 20, kQ5_0Bytes = 22, kQ5_1Bytes = 24, kQ8_0Bytes = 34;
inline constexpr size_t kQ4_KBytes = 144, kQ5_KBytes = 176, kQ6_KBytes = 210, kMxfp4Bytes = 17;

// ggml's fifth bits are a 32-bit word, bit c for column c; bit k of an image's byte row * 4 + i is column 4 k + i.
inline void PutFifthBits(uint32_t word, uint32_t row, uint8_t* fifth) {
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t byte = 0;
    for (uint32_t quad = 0; quad < 8; ++quad) byte |= (word >> (4 * quad + i) & 1) << quad;
    fifth[row * 4 + i] = static_cast<uint8_t>(byte);
  }
}
inline uint32_t GetFifthBits(const uint8_t* fifth, uint32_t row) {
  uint32_t word = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint32_t quad = 0; quad < 8; ++quad) word |= (uint32_t{fifth[row * 4 + i]} >> quad & 1) << (4 * quad + i);
  }
  return word;
}

// Scale and min of group g in the 12 bytes that ggml's Q4_K and Q5_K have for eight groups, six bits each: those of the
// first four in bytes g and g + 4, those of the others in the nibbles of byte g + 4 and the upper bits of the first.
inline void GetSixBits(const uint8_t* bytes, uint32_t g, uint32_t* scale, uint32_t* min) {
  if (g < 4) {
    *scale = bytes[g] & 63u;
    *min = bytes[g + 4] & 63u;
  } else {
    *scale = (bytes[g + 4] & 15u) | uint32_t{bytes[g - 4]} >> 6 << 4;
    *min = uint32_t{bytes[g + 4]} >> 4 | uint32_t{bytes[g]} >> 6 << 4;
  }
}
// The bytes are zero before the first group.
inline void PutSixBits(uint32_t scale, uint32_t min, uint32_t g, uint8_t* bytes) {
  const auto merge = [](uint8_t* byte, uint32_t bits) { *byte = static_cast<uint8_t>(*byte | bits); };
  if (g < 4) {
    merge(bytes + g, scale);
    merge(bytes + g + 4, min);
  } else {
    merge(bytes + g + 4, (scale & 15) | (min & 15) << 4);
    merge(bytes + g - 4, scale >> 4 << 6);
    merge(bytes + g, min >> 4 << 6);
  }
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGML_BLOCKS_H_
