// The codebooks of ggml's IQ types, both ways.
#ifndef LFM2_PROGRAMS_PACK_CODEBOOK_H_
#define LFM2_PROGRAMS_PACK_CODEBOOK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lfm2::tools {

class Codebook {
 public:
  // entries: `size` of them, `columns` levels of `bits` bits each (codebook_tables.h).
  Codebook(const uint16_t* entries, uint32_t size, uint32_t columns, uint32_t bits);

  uint32_t columns() const { return columns_; }
  // The levels of entry `index`, columns() of them. index is below the size.
  const uint8_t* Levels(uint32_t index) const { return &levels_[size_t{index} * columns_]; }
  // The entry with these levels; -1 where there is none.
  int32_t Find(const uint8_t* levels) const;

 private:
  uint32_t columns_;
  uint32_t bits_;
  std::vector<uint8_t> levels_;
  std::vector<int16_t> index_;  // of every 16-bit number
};

const Codebook& CodebookIQ2_XXS();
const Codebook& CodebookIQ2_XS();
const Codebook& CodebookIQ2_S();
const Codebook& CodebookIQ1_S();
const Codebook& CodebookIQ3_XXS();
const Codebook& CodebookIQ3_S();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_CODEBOOK_H_
