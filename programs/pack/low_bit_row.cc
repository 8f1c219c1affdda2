#include "programs/pack/low_bit_row.h"

#include <cstring>

#include "programs/pack/codebook_row.h"
#include "programs/pack/row_bits.h"

namespace lfm2::tools {

namespace {

// Q2_K: scales [16] with their mins, pairs [64], delta, min delta. Group g has its pairs at bit 2 * (g % 4) of the 32
// bytes g / 4.
void ReadQ2_K(const uint8_t* from, LowBitRow* row) {
  for (uint32_t i = 0; i < 16; ++i) {
    row->scale[i] = from[i] & 15;
    row->min[i] = from[i] >> 4;
  }
  for (uint32_t g = 0; g < 8; ++g) GetBitsOfBytes(from + 16 + g / 4 * 32, g % 4 * 2, 2, 32, row->bits + 32 * g);
  row->delta = GetHalf(from + 80);
  row->min_delta = GetHalf(from + 82);
}
void WriteQ2_K(const LowBitRow& row, uint8_t* to) {
  for (uint32_t i = 0; i < 16; ++i) to[i] = static_cast<uint8_t>((row.scale[i] & 15) | row.min[i] << 4);
  for (uint32_t c = 0; c < 256; ++c) PutBits(row.bits[c] & 3u, to + 16 + c / 128 * 32 + c % 32, c % 128 / 32 * 2);
  PutHalf(row.delta, to + 80);
  PutHalf(row.min_delta, to + 82);
}

// Q3_K: third bits [32], of group g bit g; pairs [64] as Q2_K; scales [12] of six bits, four of number i in nibble i /
// 8 of byte i % 8, two at bit 2 * (i / 4) of byte 8 + i % 4; delta.
void ReadQ3_K(const uint8_t* from, LowBitRow* row) {
  const uint8_t* const scales = from + 96;
  for (uint32_t i = 0; i < 16; ++i) {
    row->scale[i] =
        static_cast<uint8_t>(GetBits(scales + i % 8, i / 8 * 4, 4) | GetBits(scales + 8 + i % 4, i / 4 * 2, 2) << 4);
  }
  for (uint32_t g = 0; g < 8; ++g) {
    uint8_t* const bits = row->bits + 32 * g;
    uint8_t third[32];
    GetBitsOfBytes(from + 32 + g / 4 * 32, g % 4 * 2, 2, 32, bits);
    GetBitsOfBytes(from, g, 1, 32, third);
    for (uint32_t c = 0; c < 32; ++c) bits[c] = static_cast<uint8_t>(bits[c] | third[c] << 2);
  }
  row->delta = GetHalf(from + 108);
}
void WriteQ3_K(const LowBitRow& row, uint8_t* to) {
  uint8_t* const scales = to + 96;
  for (uint32_t i = 0; i < 16; ++i) {
    PutBits(row.scale[i] & 15u, scales + i % 8, i / 8 * 4);
    PutBits(row.scale[i] >> 4 & 3u, scales + 8 + i % 4, i / 4 * 2);
  }
  for (uint32_t c = 0; c < 256; ++c) {
    PutBits(row.bits[c] & 3u, to + 32 + c / 128 * 32 + c % 32, c % 128 / 32 * 2);
    PutBits(row.bits[c] >> 2 & 1u, to + c % 32, c / 32);
  }
  PutHalf(row.delta, to + 108);
}

// IQ4_XS: delta, upper two bits of the scales [2], lower four [4], nibbles [128]: columns j and j + 16 of a group share
// a byte.
void ReadIQ4_XS(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t g = 0; g < 8; ++g) {
    row->scale[2 * g] =
        static_cast<uint8_t>(GetBits(from + 4 + g / 2, g % 2 * 4, 4) | GetBits(from + 2 + g / 4, g % 4 * 2, 2) << 4);
    for (uint32_t h = 0; h < 2; ++h) GetBitsOfBytes(from + 8 + 16 * g, 4 * h, 4, 16, row->bits + 32 * g + 16 * h);
  }
}
void WriteIQ4_XS(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t g = 0; g < 8; ++g) {
    PutBits(row.scale[2 * g] & 15u, to + 4 + g / 2, g % 2 * 4);
    PutBits(row.scale[2 * g] >> 4 & 3u, to + 2 + g / 4, g % 4 * 2);
    for (uint32_t c = 0; c < 32; ++c) PutBits(row.bits[32 * g + c] & 15u, to + 8 + 16 * g + c % 16, c / 16 * 4);
  }
}

// TQ1_0: 48 bytes of five digits to the base of three, the first 32 of columns m, 32 + m, .., the other 16 of columns
// 160 + m, 176 + m, ..; 4 bytes of four digits, of columns 240 + m, 244 + m, ..; delta. The highest digit of byte b is
// that of b * 3 / 256, the next that of b * 3 % 256, and so on.
template <class Digit>  // Digit(byte, digit, column)
void ForEachDigit(const Digit& digit) {
  for (uint32_t n = 0; n < 5; ++n) {
    for (uint32_t m = 0; m < 32; ++m) digit(m, n, 32 * n + m);
    for (uint32_t m = 0; m < 16; ++m) digit(32 + m, n, 160 + 16 * n + m);
  }
  for (uint32_t n = 0; n < 4; ++n) {
    for (uint32_t m = 0; m < 4; ++m) digit(48 + m, n, 240 + 4 * n + m);
  }
}
constexpr uint32_t kPowersOfThree[] = {1, 3, 9, 27, 81};
void ReadTQ1_0(const uint8_t* from, LowBitRow* row) {
  ForEachDigit([&](uint32_t byte, uint32_t digit, uint32_t column) {
    const uint32_t rest = from[byte] * kPowersOfThree[digit] & 255;
    row->bits[column] = static_cast<uint8_t>(rest * 3 >> 8);
  });
  row->delta = GetHalf(from + 52);
}
bool WriteTQ1_0(const LowBitRow& row, uint8_t* to) {
  uint32_t numbers[52] = {};
  bool known = true;
  ForEachDigit([&](uint32_t byte, uint32_t digit, uint32_t column) {
    known = known && row.bits[column] < 3;
    numbers[byte] += row.bits[column] * kPowersOfThree[4 - digit];
  });
  if (!known) return false;
  for (uint32_t i = 0; i < 52; ++i) to[i] = static_cast<uint8_t>((numbers[i] * 256 + 242) / 243);
  PutHalf(row.delta, to + 52);
  return true;
}

// TQ2_0: pairs [64], of columns m, 32 + m, 64 + m, 96 + m of 128 in byte m; delta.
void ReadTQ2_0(const uint8_t* from, LowBitRow* row) {
  for (uint32_t g = 0; g < 8; ++g) GetBitsOfBytes(from + g / 4 * 32, g % 4 * 2, 2, 32, row->bits + 32 * g);
  row->delta = GetHalf(from + 64);
}
void WriteTQ2_0(const LowBitRow& row, uint8_t* to) {
  for (uint32_t c = 0; c < 256; ++c) PutBits(row.bits[c] & 3u, to + c / 128 * 32 + c % 32, c % 128 / 32 * 2);
  PutHalf(row.delta, to + 64);
}

// Q1_0: delta, 128 bits: plus or minus delta. Q2_0: delta, 64 pairs.
void ReadQ1_0(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t c = 0; c < 128; ++c) row->bits[c] = static_cast<uint8_t>(2 * GetBits(from + 2 + c / 8, c % 8, 1));
}
bool WriteQ1_0(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t c = 0; c < 128; ++c) {
    if (row.bits[c] != 0 && row.bits[c] != 2) return false;
    PutBits(row.bits[c] / 2u, to + 2 + c / 8, c % 8);
  }
  return true;
}
void ReadQ2_0(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t c = 0; c < 64; ++c) row->bits[c] = static_cast<uint8_t>(GetBits(from + 2 + c / 4, c % 4 * 2, 2));
}
void WriteQ2_0(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t c = 0; c < 64; ++c) PutBits(row.bits[c] & 3u, to + 2 + c / 4, c % 4 * 2);
}

// NVFP4: 64 columns, two groups: scales [4], nibbles [32]: columns j and j + 8 of 16 share a byte. 0x7f counts as 0, as
// in ggml.
void ReadNvfp4(const uint8_t* from, LowBitRow* row) {
  for (uint32_t i = 0; i < 4; ++i) row->scale[i] = (from[i] & 0x7f) == 0x7f ? 0 : from[i] & 0x7f;
  for (uint32_t c = 0; c < 64; ++c)
    row->bits[c] = static_cast<uint8_t>(GetBits(from + 4 + c / 16 * 8 + c % 8, c % 16 / 8 * 4, 4));
}
void WriteNvfp4(const LowBitRow& row, uint8_t* to) {
  for (uint32_t i = 0; i < 4; ++i) to[i] = row.scale[i] & 0x7f;
  for (uint32_t c = 0; c < 64; ++c) PutBits(row.bits[c] & 15u, to + 4 + c / 16 * 8 + c % 8, c % 16 / 8 * 4);
}

}  // namespace

bool IsLowBit(TensorType type) {
  switch (type) {
    case TensorType::kQ2_K:
    case TensorType::kQ3_K:
    case TensorType::kIQ4_XS:
    case TensorType::kIQ3_XXS:
    case TensorType::kIQ3_S:
    case TensorType::kIQ2_XXS:
    case TensorType::kIQ2_XS:
    case TensorType::kIQ2_S:
    case TensorType::kIQ1_S:
    case TensorType::kIQ1_M:
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0:
    case TensorType::kQ1_0:
    case TensorType::kQ2_0:
    case TensorType::kNvfp4: return true;
    default: return false;
  }
}

void ReadLowBits(TensorType type, const uint8_t* from, LowBitRow* row) {
  switch (type) {
    case TensorType::kQ2_K: return ReadQ2_K(from, row);
    case TensorType::kQ3_K: return ReadQ3_K(from, row);
    case TensorType::kIQ4_XS: return ReadIQ4_XS(from, row);
    case TensorType::kTQ1_0: return ReadTQ1_0(from, row);
    case TensorType::kTQ2_0: return ReadTQ2_0(from, row);
    case TensorType::kQ1_0: return ReadQ1_0(from, row);
    case TensorType::kQ2_0: return ReadQ2_0(from, row);
    case TensorType::kNvfp4: return ReadNvfp4(from, row);
    default: return ReadCodebookRow(type, from, row);
  }
}

bool WriteLowBits(TensorType type, const LowBitRow& row, uint8_t* to) {
  switch (type) {
    case TensorType::kQ2_K: return WriteQ2_K(row, to), true;
    case TensorType::kQ3_K: return WriteQ3_K(row, to), true;
    case TensorType::kIQ4_XS: return WriteIQ4_XS(row, to), true;
    case TensorType::kTQ1_0: return WriteTQ1_0(row, to);
    case TensorType::kTQ2_0: return WriteTQ2_0(row, to), true;
    case TensorType::kQ1_0: return WriteQ1_0(row, to);
    case TensorType::kQ2_0: return WriteQ2_0(row, to), true;
    case TensorType::kNvfp4: return WriteNvfp4(row, to), true;
    default: return WriteCodebookRow(type, row, to);
  }
}

}  // namespace lfm2::tools
