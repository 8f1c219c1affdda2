#include "programs/pack/codebook_row.h"

#include <cstring>

#include "lfm2/base/numeric.h"
#include "programs/pack/codebook.h"
#include "programs/pack/row_bits.h"

namespace lfm2::tools {

namespace {

// Seven signs as stored in a block; the eighth makes the number of minus signs even.
uint32_t EvenSigns(uint32_t seven) {
  uint32_t ones = 0;
  for (uint32_t i = 0; i < 7; ++i) ones += seven >> i & 1;
  return seven | (ones & 1) << 7;
}

// Levels of magnitude and a sign for each column to an index into the ascending values of the image's type, of which
// there are `levels` on either side of zero; and back.
void PutSigned(const uint8_t* magnitudes, uint32_t signs, uint32_t columns, uint32_t levels, uint8_t* bits) {
  for (uint32_t c = 0; c < columns; ++c) {
    const uint32_t m = magnitudes[c];
    bits[c] = static_cast<uint8_t>((signs >> c & 1) != 0 ? levels - 1 - m : levels + m);
  }
}
// Returns false if an index is not among the values.
bool GetSigned(const uint8_t* bits, uint32_t columns, uint32_t levels, uint8_t* magnitudes, uint32_t* signs) {
  *signs = 0;
  for (uint32_t c = 0; c < columns; ++c) {
    if (bits[c] >= 2 * levels) return false;
    const bool negative = bits[c] < levels;
    magnitudes[c] = static_cast<uint8_t>(negative ? levels - 1 - bits[c] : bits[c] - levels);
    *signs |= uint32_t{negative} << c;
  }
  return true;
}

constexpr uint32_t kIQ2Levels = 3, kIQ3Levels = 8;

// Eight columns of an IQ2 type, or two times four of an IQ3 type.
void ReadEight(const Codebook& book, uint32_t first, uint32_t second, uint32_t signs, uint8_t* bits) {
  uint8_t levels[8];
  std::memcpy(levels, book.Levels(first), book.columns());
  if (book.columns() == 4) std::memcpy(levels + 4, book.Levels(second), 4);
  PutSigned(levels, signs, 8, book.columns() == 4 ? kIQ3Levels : kIQ2Levels, bits);
}
bool WriteEight(const Codebook& book, const uint8_t* bits, uint32_t* first, uint32_t* second, uint32_t* signs) {
  uint8_t levels[8];
  if (!GetSigned(bits, 8, book.columns() == 4 ? kIQ3Levels : kIQ2Levels, levels, signs)) return false;
  const int32_t a = book.Find(levels), b = book.columns() == 4 ? book.Find(levels + 4) : 0;
  if (a < 0 || b < 0) return false;
  *first = static_cast<uint32_t>(a);
  *second = static_cast<uint32_t>(b);
  return true;
}

// IQ3_XXS: delta, entries [64], a word for each group: 4 x 7 signs and the scale. IQ2_XXS: delta, and for each group
// four entries of a byte and such a word.
void ReadWithWords(const Codebook& book, const uint8_t* from, LowBitRow* row) {
  const bool fours = book.columns() == 4;
  row->delta = GetHalf(from);
  for (uint32_t g = 0; g < 8; ++g) {
    const uint8_t* const entries = from + 2 + 8 * g;
    const uint32_t word = LoadAs<uint32_t>(fours ? from + 66 + 4 * g : entries + 4);
    row->scale[2 * g] = static_cast<uint8_t>(word >> 28);
    for (uint32_t l = 0; l < 4; ++l) {
      ReadEight(book, fours ? entries[2 * l] : entries[l], fours ? entries[2 * l + 1] : 0,
                EvenSigns(word >> 7 * l & 127), row->bits + 32 * g + 8 * l);
    }
  }
}
bool WriteWithWords(const Codebook& book, const LowBitRow& row, uint8_t* to) {
  const bool fours = book.columns() == 4;
  PutHalf(row.delta, to);
  for (uint32_t g = 0; g < 8; ++g) {
    uint8_t* const entries = to + 2 + 8 * g;
    uint32_t word = uint32_t{row.scale[2 * g]} << 28;
    for (uint32_t l = 0; l < 4; ++l) {
      uint32_t first = 0, second = 0, signs = 0;
      if (!WriteEight(book, row.bits + 32 * g + 8 * l, &first, &second, &signs)) return false;
      if (EvenSigns(signs & 127) != signs) return false;
      entries[fours ? 2 * l : l] = static_cast<uint8_t>(first);
      if (fours) entries[2 * l + 1] = static_cast<uint8_t>(second);
      word |= (signs & 127) << 7 * l;
    }
    std::memcpy(fours ? to + 66 + 4 * g : entries + 4, &word, 4);
  }
  return true;
}

// IQ3_S: delta, entries [64], their ninth bits [8], signs [32], scales of four bits [4].
void ReadIQ3_S(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t g = 0; g < 8; ++g) {
    row->scale[2 * g] = static_cast<uint8_t>(GetBits(from + 106 + g / 2, g % 2 * 4, 4));
    for (uint32_t l = 0; l < 4; ++l) {
      const uint8_t* const entries = from + 2 + 8 * g + 2 * l;
      ReadEight(CodebookIQ3_S(), entries[0] | GetBits(from + 66 + g, 2 * l, 1) << 8,
                entries[1] | GetBits(from + 66 + g, 2 * l + 1, 1) << 8, from[74 + 4 * g + l],
                row->bits + 32 * g + 8 * l);
    }
  }
}
bool WriteIQ3_S(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t g = 0; g < 8; ++g) {
    PutBits(row.scale[2 * g], to + 106 + g / 2, g % 2 * 4);
    for (uint32_t l = 0; l < 4; ++l) {
      uint32_t first = 0, second = 0, signs = 0;
      if (!WriteEight(CodebookIQ3_S(), row.bits + 32 * g + 8 * l, &first, &second, &signs)) return false;
      to[2 + 8 * g + 2 * l] = static_cast<uint8_t>(first);
      to[3 + 8 * g + 2 * l] = static_cast<uint8_t>(second);
      PutBits(first >> 8, to + 66 + g, 2 * l);
      PutBits(second >> 8, to + 66 + g, 2 * l + 1);
      to[74 + 4 * g + l] = static_cast<uint8_t>(signs);
    }
  }
  return true;
}

// IQ2_XS: delta, words of 16 bits [32]: an entry of 9 bits and 7 signs; scales of four bits [8].
void ReadIQ2_XS(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t i = 0; i < 32; ++i) {
    const uint32_t word = GetHalf(from + 2 + 2 * i);
    ReadEight(CodebookIQ2_XS(), word & 511, 0, EvenSigns(word >> 9), row->bits + 8 * i);
  }
  for (uint32_t i = 0; i < 16; ++i) row->scale[i] = static_cast<uint8_t>(GetBits(from + 66 + i / 2, i % 2 * 4, 4));
}
bool WriteIQ2_XS(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t i = 0; i < 32; ++i) {
    uint32_t entry = 0, none = 0, signs = 0;
    if (!WriteEight(CodebookIQ2_XS(), row.bits + 8 * i, &entry, &none, &signs)) return false;
    if (EvenSigns(signs & 127) != signs) return false;
    PutHalf(static_cast<uint16_t>(entry | (signs & 127) << 9), to + 2 + 2 * i);
  }
  for (uint32_t i = 0; i < 16; ++i) PutBits(row.scale[i], to + 66 + i / 2, i % 2 * 4);
  return true;
}

// IQ2_S: delta, entries [32], signs [32], the entries' upper two bits [8], scales of four bits [8].
void ReadIQ2_S(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t i = 0; i < 32; ++i) {
    const uint32_t entry = from[2 + i] | GetBits(from + 66 + i / 4, i % 4 * 2, 2) << 8;
    ReadEight(CodebookIQ2_S(), entry, 0, from[34 + i], row->bits + 8 * i);
  }
  for (uint32_t i = 0; i < 16; ++i) row->scale[i] = static_cast<uint8_t>(GetBits(from + 74 + i / 2, i % 2 * 4, 4));
}
bool WriteIQ2_S(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t i = 0; i < 32; ++i) {
    uint32_t entry = 0, none = 0, signs = 0;
    if (!WriteEight(CodebookIQ2_S(), row.bits + 8 * i, &entry, &none, &signs)) return false;
    to[2 + i] = static_cast<uint8_t>(entry);
    to[34 + i] = static_cast<uint8_t>(signs);
    PutBits(entry >> 8, to + 66 + i / 4, i % 4 * 2);
  }
  for (uint32_t i = 0; i < 16; ++i) PutBits(row.scale[i], to + 74 + i / 2, i % 2 * 4);
  return true;
}

// IQ1_S: delta, entries [32], a word of 16 bits for each group: their upper three bits, the scale, the sign of what is
// added to every level.
void ReadIQ1_S(const uint8_t* from, LowBitRow* row) {
  row->delta = GetHalf(from);
  for (uint32_t g = 0; g < 8; ++g) {
    const uint32_t word = GetHalf(from + 34 + 2 * g);
    for (uint32_t l = 0; l < 4; ++l)
      std::memcpy(row->bits + 32 * g + 8 * l, CodebookIQ1_S().Levels(from[2 + 4 * g + l] | (word >> 3 * l & 7) << 8),
                  8);
    row->scale[2 * g] = static_cast<uint8_t>(word >> 12);
  }
}
bool WriteIQ1_S(const LowBitRow& row, uint8_t* to) {
  PutHalf(row.delta, to);
  for (uint32_t g = 0; g < 8; ++g) {
    uint32_t word = uint32_t{row.scale[2 * g]} << 12;
    for (uint32_t l = 0; l < 4; ++l) {
      const int32_t entry = CodebookIQ1_S().Find(row.bits + 32 * g + 8 * l);
      if (entry < 0) return false;
      to[2 + 4 * g + l] = static_cast<uint8_t>(entry);
      word |= static_cast<uint32_t>(entry) >> 8 << 3 * l;
    }
    PutHalf(static_cast<uint16_t>(word), to + 34 + 2 * g);
  }
  return true;
}

// IQ1_M: entries [32]; a nibble for each [16]: upper three bits, and the sign of what is added to its levels; words of
// 16 bits [4]: four scales of three bits, and four bits of the delta. kIQ1Values has -9, -7, -1, 1, 7, 9 for levels
// that are 8 times -1, 0, 1 less or plus 1.
void ReadIQ1_M(const uint8_t* from, LowBitRow* row) {
  uint32_t delta = 0;
  for (uint32_t w = 0; w < 4; ++w) {
    const uint32_t word = GetHalf(from + 48 + 2 * w);
    for (uint32_t i = 0; i < 4; ++i) row->scale[4 * w + i] = static_cast<uint8_t>(word >> 3 * i & 7);
    delta |= word >> 12 << 4 * w;
  }
  row->delta = static_cast<uint16_t>(delta);
  for (uint32_t i = 0; i < 32; ++i) {
    const uint32_t nibble = GetBits(from + 32 + i / 2, i % 2 * 4, 4);
    uint8_t* const bits = row->bits + 8 * i;
    const uint8_t* const levels = CodebookIQ1_S().Levels(from[i] | (nibble & 7) << 8);
    for (uint32_t c = 0; c < 8; ++c) bits[c] = static_cast<uint8_t>(2 * levels[c] + (nibble < 8 ? 1 : 0));
  }
}
bool WriteIQ1_M(const LowBitRow& row, uint8_t* to) {
  for (uint32_t w = 0; w < 4; ++w) {
    uint32_t word = uint32_t{row.delta} >> 4 * w << 12;
    for (uint32_t i = 0; i < 4; ++i) {
      if (row.scale[4 * w + i] > 7) return false;
      word |= uint32_t{row.scale[4 * w + i]} << 3 * i;
    }
    PutHalf(static_cast<uint16_t>(word), to + 48 + 2 * w);
  }
  for (uint32_t i = 0; i < 32; ++i) {
    const uint8_t* const bits = row.bits + 8 * i;
    uint8_t levels[8];
    for (uint32_t c = 0; c < 8; ++c) {
      if (bits[c] > 5 || bits[c] % 2 != bits[0] % 2) return false;
      levels[c] = bits[c] / 2;
    }
    const int32_t entry = CodebookIQ1_S().Find(levels);
    if (entry < 0) return false;
    to[i] = static_cast<uint8_t>(entry);
    PutBits(static_cast<uint32_t>(entry) >> 8 | (bits[0] % 2 == 0 ? 8u : 0u), to + 32 + i / 2, i % 2 * 4);
  }
  return true;
}

}  // namespace

void ReadCodebookRow(TensorType type, const uint8_t* from, LowBitRow* row) {
  switch (type) {
    case TensorType::kIQ3_XXS: return ReadWithWords(CodebookIQ3_XXS(), from, row);
    case TensorType::kIQ3_S: return ReadIQ3_S(from, row);
    case TensorType::kIQ2_XXS: return ReadWithWords(CodebookIQ2_XXS(), from, row);
    case TensorType::kIQ2_XS: return ReadIQ2_XS(from, row);
    case TensorType::kIQ2_S: return ReadIQ2_S(from, row);
    case TensorType::kIQ1_S: return ReadIQ1_S(from, row);
    case TensorType::kIQ1_M: return ReadIQ1_M(from, row);
    default: return;
  }
}

bool WriteCodebookRow(TensorType type, const LowBitRow& row, uint8_t* to) {
  switch (type) {
    case TensorType::kIQ3_XXS: return WriteWithWords(CodebookIQ3_XXS(), row, to);
    case TensorType::kIQ3_S: return WriteIQ3_S(row, to);
    case TensorType::kIQ2_XXS: return WriteWithWords(CodebookIQ2_XXS(), row, to);
    case TensorType::kIQ2_XS: return WriteIQ2_XS(row, to);
    case TensorType::kIQ2_S: return WriteIQ2_S(row, to);
    case TensorType::kIQ1_S: return WriteIQ1_S(row, to);
    case TensorType::kIQ1_M: return WriteIQ1_M(row, to);
    default: return false;
  }
}

}  // namespace lfm2::tools
