#include "programs/pack/codebook.h"

#include <cstddef>

#include "programs/pack/codebook_tables.h"

namespace lfm2::tools {

Codebook::Codebook(const uint16_t* entries, uint32_t size, uint32_t columns, uint32_t bits)
    : columns_(columns), bits_(bits), index_(size_t{1} << 16, -1) {
  for (uint32_t i = 0; i < size; ++i) {
    index_[entries[i]] = static_cast<int16_t>(i);
    for (uint32_t c = 0; c < columns; ++c)
      levels_.push_back(static_cast<uint8_t>(entries[i] >> bits * c & ((1u << bits) - 1)));
  }
}

int32_t Codebook::Find(const uint8_t* levels) const {
  uint32_t entry = 0;
  for (uint32_t c = 0; c < columns_; ++c) entry |= (levels[c] & ((1u << bits_) - 1)) << bits_ * c;
  return index_[entry];
}

#define LFM2_CODEBOOK(name, columns, bits)                                                                    \
  const Codebook& Codebook##name() {                                                                          \
    static const Codebook book(k##name##Entries, sizeof(k##name##Entries) / sizeof(uint16_t), columns, bits); \
    return book;                                                                                              \
  }
LFM2_CODEBOOK(IQ2_XXS, 8, 2)
LFM2_CODEBOOK(IQ2_XS, 8, 2)
LFM2_CODEBOOK(IQ2_S, 8, 2)
LFM2_CODEBOOK(IQ1_S, 8, 2)
LFM2_CODEBOOK(IQ3_XXS, 4, 3)
LFM2_CODEBOOK(IQ3_S, 4, 3)
#undef LFM2_CODEBOOK

}  // namespace lfm2::tools
