#include "programs/pack/low_bit_block.h"

#include <cstring>
#include <type_traits>

#include "programs/pack/interleave.h"
#include "programs/pack/row_bits.h"

namespace lfm2::tools {

namespace {

// The same traversal of the numbers of a row both writes them to a block of zeros (PutNumbers) and reads them
// (GetNumbers).
class PutNumbers {
 public:
  using Bytes = uint8_t;
  using Halves = uint16_t;
  explicit PutNumbers(const LowBitRow& numbers) : from_(numbers) {}

  template <Integers kind>
  void Group(uint32_t g, uint32_t row, uint8_t* integers) {
    GroupIntegers v;
    std::memcpy(v.column, from_.bits + 32 * g, 32);
    PutIntegers<kind>(v, row, integers);
  }
  void Scale(uint32_t i, uint32_t of_bit, uint32_t bits, uint8_t* to, uint32_t shift) {
    PutBits(from_.scale[i] >> of_bit & ((1u << bits) - 1), to, shift);
  }
  void Min(uint32_t i, uint8_t* to, uint32_t shift) { PutBits(from_.min[i] & 15u, to, shift); }
  void Delta(uint16_t* to) { *to = from_.delta; }
  void MinDelta(uint16_t* to) { *to = from_.min_delta; }

 private:
  const LowBitRow& from_;
};
class GetNumbers {
 public:
  using Bytes = const uint8_t;
  using Halves = const uint16_t;
  explicit GetNumbers(LowBitRow* numbers) : to_(*numbers) {}

  template <Integers kind>
  void Group(uint32_t g, uint32_t row, const uint8_t* integers) {
    const GroupIntegers v = GetIntegers<kind>(integers, row);
    std::memcpy(to_.bits + 32 * g, v.column, 32);
  }
  void Scale(uint32_t i, uint32_t of_bit, uint32_t bits, const uint8_t* from, uint32_t shift) {
    if (of_bit == 0) to_.scale[i] = 0;
    PutBits(GetBits(from, shift, bits), &to_.scale[i], of_bit);
  }
  void Min(uint32_t i, const uint8_t* from, uint32_t shift) {
    to_.min[i] = static_cast<uint8_t>(GetBits(from, shift, 4));
  }
  void Delta(const uint16_t* from) { to_.delta = *from; }
  void MinDelta(const uint16_t* from) { to_.min_delta = *from; }

 private:
  LowBitRow& to_;
};

// The same bytes as another type, const if they were.
template <class Of, class From>
auto* As(From* blocks) {
  if constexpr (std::is_const_v<From>) {
    return reinterpret_cast<const Of*>(blocks);
  } else {
    return reinterpret_cast<Of*>(blocks);
  }
}
// Block: the type, const for GetNumbers.
template <class Way, class Block>
void WalkQ2_K(Way way, uint32_t row, Block* block) {
  for (uint32_t g = 0; g < 8; ++g) {
    way.template Group<Integers::kTwo>(g, row, block->pairs[g]);
    auto* const bytes = As<uint8_t>(&block->scale_min[g / 2][row]) + g % 2;
    for (uint32_t h = 0; h < 2; ++h) {
      way.Scale(2 * g + h, 0, 4, bytes + 2 * h, 0);
      way.Min(2 * g + h, bytes + 2 * h, 4);
    }
  }
  way.Delta(&block->delta[row]);
  way.MinDelta(&block->min_delta[row]);
}
template <class Way, class Block>
void WalkQ3_K(Way way, uint32_t row, Block* block) {
  for (uint32_t g = 0; g < 8; ++g) {
    way.template Group<Integers::kThree>(g, row, block->groups[g].pairs);
    auto* const low = As<uint8_t>(&block->low[g / 4][row]) + g % 4 / 2;
    auto* const high = As<uint8_t>(&block->high[row]) + g / 4;
    for (uint32_t h = 0; h < 2; ++h) {
      way.Scale(2 * g + h, 0, 4, low + 2 * h, 4 * (g % 2));
      way.Scale(2 * g + h, 4, 2, high + 2 * h, 2 * (g % 4));
    }
  }
  way.Delta(&block->delta[row]);
}
template <class Way, class Block>
void WalkIQ4_XS(Way way, uint32_t row, Block* block) {
  for (uint32_t g = 0; g < 8; ++g) {
    way.template Group<Integers::kNibbles>(g, row, block->nibbles[g]);
    way.Scale(2 * g, 0, 4, &block->low[g / 2][row], 4 * (g % 2));
    way.Scale(2 * g, 4, 2, &block->high[g / 4][row], 2 * (g % 4));
  }
  way.Delta(&block->delta[row]);
}
// Blocks that begin with the integers of all groups and have a scale of four bits for each.
template <Integers kind, class Way, class Block>
void WalkFourBits(Way way, uint32_t row, Block* block) {
  typename Way::Bytes* const first = reinterpret_cast<typename Way::Bytes*>(block);
  for (uint32_t g = 0; g < 8; ++g) {
    way.template Group<kind>(g, row, first + g * IntegerBytes(kind));
    way.Scale(2 * g, 0, 4, &block->scale[g / 2][row], 4 * (g % 2));
  }
  way.Delta(&block->delta[row]);
}
template <class Way, class Block>
void WalkHalves(Way way, uint32_t row, Block* block) {
  for (uint32_t g = 0; g < 8; ++g) {
    way.template Group<Integers::kThree>(g, row, block->groups[g].bits.pairs);
    for (uint32_t h = 0; h < 2; ++h) way.Scale(2 * g + h, 0, 4, &block->groups[g].scale[row], 4 * h);
  }
  way.Delta(&block->delta[row]);
}
template <class Way>
void WalkTernary(Way way, uint32_t groups, uint32_t row, typename Way::Bytes* block) {
  constexpr uint32_t kBytes = IntegerBytes(Integers::kTwo);
  for (uint32_t g = 0; g < groups; ++g) way.template Group<Integers::kTwo>(g, row, block + g * kBytes);
  way.Delta(reinterpret_cast<typename Way::Halves*>(block + groups * kBytes) + row);
}
template <class Way, class Block>
void WalkNvfp4(Way way, uint32_t row, Block* blocks) {
  for (uint32_t g = 0; g < 2; ++g) {
    way.template Group<Integers::kNibbles>(g, row, blocks[g].nibbles);
    for (uint32_t h = 0; h < 2; ++h) way.Scale(2 * g + h, 0, 7, &blocks[g].scale[h][row], 0);
  }
}

template <class Way>
void Walk(TensorType type, Way way, uint32_t row, typename Way::Bytes* blocks) {
  switch (type) {
    case TensorType::kQ2_K: return WalkQ2_K(way, row, As<BlockQ2_K>(blocks));
    case TensorType::kQ3_K: return WalkQ3_K(way, row, As<BlockQ3_K>(blocks));
    case TensorType::kIQ4_XS: return WalkIQ4_XS(way, row, As<BlockIQ4_XS>(blocks));
    case TensorType::kIQ3_XXS:
    case TensorType::kIQ3_S: return WalkFourBits<Integers::kNibbles>(way, row, As<BlockIQ3>(blocks));
    case TensorType::kIQ2_XXS: return WalkFourBits<Integers::kThree>(way, row, As<BlockIQ2_XXS>(blocks));
    case TensorType::kIQ1_S: return WalkFourBits<Integers::kTwo>(way, row, As<BlockIQ1_S>(blocks));
    case TensorType::kIQ2_XS:
    case TensorType::kIQ2_S:
    case TensorType::kIQ1_M: return WalkHalves(way, row, As<BlockIQ2_S>(blocks));
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0:
    case TensorType::kQ1_0:
    case TensorType::kQ2_0: return WalkTernary(way, TraitsOf(type).columns / kGroupColumns, row, blocks);
    case TensorType::kNvfp4: return WalkNvfp4(way, row, As<BlockNvfp4>(blocks));
    default: return;
  }
}

}  // namespace

void PutLowBits(TensorType type, const LowBitRow& numbers, uint32_t row, uint8_t* blocks) {
  Walk(type, PutNumbers(numbers), row, blocks);
}

void GetLowBits(TensorType type, const uint8_t* blocks, uint32_t row, LowBitRow* numbers) {
  Walk(type, GetNumbers(numbers), row, blocks);
}

}  // namespace lfm2::tools
