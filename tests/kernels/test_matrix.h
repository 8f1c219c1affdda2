// Weight matrices as numbers, and packed into the blocks that format/tensor_type.h describes.
#ifndef LFM2_TESTS_KERNELS_TEST_MATRIX_H_
#define LFM2_TESTS_KERNELS_TEST_MATRIX_H_

#include <iterator>
#include <vector>

#include "lfm2/base/span.h"
#include "lfm2/format/tensor_type.h"
#include "tests/kernels/test_types.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

// Every type that has a kernel of its own or a layout of its own: of affine types all bits, all groups and both kinds
// of scales. IQ2_S is the same as IQ2_XS here, and TQ2_0 as TQ1_0.
inline constexpr TensorType kEveryType[] = {
    TensorType::kF32,     TensorType::kF16,    TensorType::kBF16,   TensorType::kMxfp8,   TensorType::kQ4_0,
    TensorType::kQ8_0,    TensorType::kQ6_K,   TensorType::kQ4_K,   TensorType::kQ5_K,    TensorType::kMxfp4,
    TensorType::kQ2_K,    TensorType::kQ3_K,   TensorType::kIQ4_XS, TensorType::kIQ3_XXS, TensorType::kIQ3_S,
    TensorType::kIQ2_XXS, TensorType::kQ4_1,   TensorType::kQ5_0,   TensorType::kQ5_1,    TensorType::kIQ4_NL,
    TensorType::kIQ2_XS,  TensorType::kIQ1_S,  TensorType::kIQ1_M,  TensorType::kTQ1_0,   TensorType::kQ1_0,
    TensorType::kQ2_0,    TensorType::kNvfp4,  TensorType::kA2G64H, TensorType::kA3G128,  TensorType::kA4G32,
    TensorType::kA4G64,   TensorType::kA5G32H, TensorType::kA6G64,  TensorType::kA8G32,   TensorType::kA8G128H,
    TensorType::kT4G64,   TensorType::kT3G64,  TensorType::kT2G32};

// Those of them that this program has kernels for.
inline std::vector<TensorType> CompiledTypes(Span<const TensorType> of = kEveryType) {
  std::vector<TensorType> types;
  for (const TensorType type : of) {
    if (IsCompiled(type)) types.push_back(type);
  }
  return types;
}

enum class Weight {
  kRandom,
  kLowest,       // every quantised value is the type's lowest
  kHighest,      // every quantised value is the type's highest
  kAlternating,  // lowest and highest alternately
  kTinySteps,    // steps are subnormal half floats
  kHugeSteps,    // steps are the largest half floats
  kMixed,        // one of these for every 32 columns
};
inline constexpr Weight kAllWeights[] = {Weight::kRandom,      Weight::kLowest,    Weight::kHighest,
                                         Weight::kAlternating, Weight::kTinySteps, Weight::kHugeSteps};

// weights[rows, cols]. A quantised weight is whole * step + min, where 16 columns share step and min; others are
// whole * 1.
class TestMatrix {
 public:
  TestMatrix(TensorType type, uint32_t rows, uint32_t cols)
      : type_(type),
        rows_(rows),
        cols_(cols),
        places_(PlacesOf(type)),
        whole_(size_t{rows} * cols),
        step_(size_t{rows} * cols / 16, 1.0),
        min_(size_t{rows} * cols / 16, 0.0),
        bytes_(static_cast<size_t>(MatrixBytes(type, rows, cols))) {}

  TestMatrix(TensorType type, uint32_t rows, uint32_t cols, Weight fill, uint64_t seed) : TestMatrix(type, rows, cols) {
    Random random(seed);
    const bool is_mixed = fill == Weight::kMixed;
    for (uint32_t row = 0; row < rows; ++row) {
      for (uint32_t col = 0; col < cols; ++col) {
        if (is_mixed && col % 32 == 0) fill = kAllWeights[random.Bits() % std::size(kAllWeights)];
        if (!IsQuantized(type)) {
          SetFloat(row, col, RandomFloat(fill, col, random));
          continue;
        }
        if (col % TraitsOf(type).columns == 0) {
          if (places_.scale != 0) SetScale(row, col, RandomScale(fill, random));
          if (places_.min != 0) SetMin(row, col, RandomScale(fill, random));
        }
        const SmallScales small = SmallScalesOf(type);
        if (small.columns != 0 && col % small.columns == 0)
          SetSmall(row, col, RandomBelow(small.values, fill, random), RandomBelow(small.mins, fill, random));
        SetBits(row, col, RandomBits(fill, col, random));
      }
    }
  }

  Matrix view() const { return {bytes_.data(), rows_, cols_, type_}; }
  uint32_t rows() const { return rows_; }
  uint32_t cols() const { return cols_; }
  double whole(uint32_t row, uint32_t col) const { return whole_[size_t{row} * cols_ + col]; }
  double step(uint32_t row, uint32_t col) const { return step_[(size_t{row} * cols_ + col) / 16]; }
  double min(uint32_t row, uint32_t col) const { return min_[(size_t{row} * cols_ + col) / 16]; }
  double value(uint32_t row, uint32_t col) const { return whole(row, col) * step(row, col) + min(row, col); }

  // The stored bits of a quantised weight.
  void SetBits(uint32_t row, uint32_t col, uint32_t bits) {
    whole_[size_t{row} * cols_ + col] = WholeOf(type_, bits);
    const uint32_t c = col % 32, quad = c / 4, i = row % 16 * 4 + c % 4;
    uint8_t* const group = Group(row, col);
    const uint32_t chunk = quad % 4 / 2 * 64, place = 4 * (quad % 2) + 2 * (quad / 4);
    if (places_.bits == 8) {
      group[quad * 64 + i] = static_cast<uint8_t>(bits);
      return;
    }
    if (places_.bits < 4) {
      Merge(group + chunk + i, bits & 3, 2, place);
      if (places_.bits == 3) Merge(group + 128 + i, bits >> 2, 1, ThirdBit(quad));
      return;
    }
    Merge(group + quad % 4 * 64 + i, bits & 15, 4, 4 * (quad / 4));
    if (places_.bits == 5) Merge(group + 256 + i, bits >> 4, 1, quad);
    if (places_.bits == 6) Merge(group + 256 + chunk + i, bits >> 4, 2, place);
  }

  // The scale of the block that contains (row, col): a half float, a bfloat16, or MXFP4's exponent. To be called before
  // SetSmall.
  void SetScale(uint32_t row, uint32_t col, uint16_t number) {
    if (type_ == TensorType::kMxfp4) {
      Block(row, col)[places_.scale + row % 16] = static_cast<uint8_t>(number);
      Fill(&step_, row, col, std::ldexp(0.5, static_cast<int>(number) - 127));
      return;
    }
    std::memcpy(Block(row, col) + places_.scale + row % 16 * 2, &number, 2);
    Fill(&step_, row, col, NumberValue(number));
  }
  // The min of the block, a number like the scale. Types with small scales subtract it.
  void SetMin(uint32_t row, uint32_t col, uint16_t number) {
    std::memcpy(Block(row, col) + places_.min + row % 16 * 2, &number, 2);
    Fill(&min_, row, col, SmallScalesOf(type_).columns != 0 ? -NumberValue(number) : NumberValue(number));
  }
  // The stored bits of the small scale and min of the 16 or 32 columns from col on (SmallScalesOf). To be called after
  // SetScale and SetMin.
  void SetSmall(uint32_t row, uint32_t col, uint32_t scale, uint32_t min) {
    const uint32_t g = col % 256 / 32, h = col % 32 / 16, lane = row % 16;
    uint8_t* const block = Block(row, col);
    uint8_t* const group = Group(row, col);
    const auto own = [&](double step_factor, double min_factor) {
      for (uint32_t c = col; c < col + SmallScalesOf(type_).columns; c += 16) {
        const size_t at = (size_t{row} * cols_ + c) / 16;
        const double block_step = step_[at];
        step_[at] = block_step * step_factor;
        min_[at] = places_.min != 0 ? min_[at] * min_factor : block_step * min_factor;
      }
    };
    const double odd = 2.0 * scale + 1;
    switch (type_) {
      case TensorType::kQ6_K:
        group[384 + h * 16 + lane] = static_cast<uint8_t>(scale);
        return own(static_cast<int8_t>(scale), 0);
      case TensorType::kQ4_K:
      case TensorType::kQ5_K:
        group[places_.six_bits + lane] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
        Merge(block + places_.six_bits_high + g / 2 * 16 + lane, scale >> 4 | (min >> 4) << 2, 4, 4 * (g % 2));
        return own(scale, min);
      case TensorType::kQ2_K:
        block[1024 + (g / 2 * 16 + lane) * 4 + 2 * h + g % 2] = static_cast<uint8_t>(scale | min << 4);
        return own(scale, min);
      case TensorType::kQ3_K:
        Merge(block + 1536 + (g / 4 * 16 + lane) * 4 + 2 * h + g % 4 / 2, scale & 15, 4, 4 * (g % 2));
        Merge(block + 1664 + lane * 4 + 2 * h + g / 4, scale >> 4, 2, 2 * (g % 4));
        return own(static_cast<double>(scale) - 32, 0);
      case TensorType::kIQ4_XS:
        Merge(block + 2048 + g / 2 * 16 + lane, scale & 15, 4, 4 * (g % 2));
        Merge(block + 2112 + g / 4 * 16 + lane, scale >> 4, 2, 2 * (g % 4));
        return own(static_cast<double>(scale) - 32, 0);
      case TensorType::kIQ3_XXS: Merge(block + 2048 + g / 2 * 16 + lane, scale, 4, 4 * (g % 2)); return own(odd / 4, 0);
      case TensorType::kIQ3_S:
        Merge(block + 2048 + g / 2 * 16 + lane, scale, 4, 4 * (g % 2));
        return own(odd * 2, -15 * odd);
      case TensorType::kIQ2_XXS: Merge(block + 1536 + g / 2 * 16 + lane, scale, 4, 4 * (g % 2)); return own(odd / 8, 0);
      case TensorType::kIQ1_S: {
        const double step = 2.0 * (scale & 7) + 1;
        Merge(block + 1024 + g / 2 * 16 + lane, scale, 4, 4 * (g % 2));
        return own(step, step * (scale < 8 ? -0.875 : -1.125));
      }
      case TensorType::kNvfp4: {
        group[256 + h * 16 + lane] = static_cast<uint8_t>(scale);
        const uint32_t exponent = scale >> 3, fraction = scale & 7;
        return own(
            exponent == 0 ? std::ldexp(fraction, -10) : std::ldexp(8 + fraction, static_cast<int>(exponent) - 11), 0);
      }
      default:  // IQ2_XS, IQ2_S and IQ1_M
        Merge(group + 192 + lane, scale, 4, 4 * h);
        return own(odd / 8, 0);
    }
  }

  // Stores the nearest value that the type has, and keeps it as the expected one.
  void SetFloat(uint32_t row, uint32_t col, float value) {
    const size_t at = (size_t{col % 32} * 16 + row % 16);
    double& stored = whole_[size_t{row} * cols_ + col];
    if (type_ == TensorType::kF32) {
      std::memcpy(Block(row, col) + at * 4, &value, 4);
      stored = static_cast<double>(value);
    } else if (type_ == TensorType::kMxfp8) {
      SetEightBits(row, col, value);
    } else if (type_ == TensorType::kF16) {
      const uint16_t half = F16FromF32(value);
      std::memcpy(Block(row, col) + at * 2, &half, 2);
      stored = HalfValue(half);
    } else {
      const uint16_t upper = static_cast<uint16_t>(BitCast<uint32_t>(value) >> 16);
      std::memcpy(Block(row, col) + at * 2, &upper, 2);
      stored = BfloatValue(upper);
    }
  }

 private:
  // The first value of a group determines the group's exponent, such that the value has a fraction of three bits.
  void SetEightBits(uint32_t row, uint32_t col, float value) {
    uint8_t* const exponent = Block(row, col) + 512 + row % 16;
    const double v = static_cast<double>(value);
    if (col % 32 == 0) *exponent = static_cast<uint8_t>(127 + (value == 0.0f ? 0 : std::ilogb(v)) - 3);
    double best = 0;
    for (uint32_t bits = 0; bits < 255; ++bits) {
      if ((bits & 0x7f) == 0x7f) continue;
      const uint32_t e = bits >> 3 & 15, fraction = bits & 7;
      const double magnitude = e == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, static_cast<int>(e) - 10);
      const double of_bits = std::ldexp(bits < 128 ? magnitude : -magnitude, *exponent - 127);
      if (bits != 0 && std::fabs(of_bits - v) >= std::fabs(best - v)) continue;
      best = of_bits;
      Block(row, col)[col % 32 * 16 + row % 16] = static_cast<uint8_t>(bits);
    }
    whole_[size_t{row} * cols_ + col] = best;
  }
  uint8_t* Block(uint32_t row, uint32_t col) {
    const TensorTypeTraits traits = TraitsOf(type_);
    return bytes_.data() + (size_t{row / 16} * (cols_ / traits.columns) + col / traits.columns) * traits.bytes;
  }
  uint8_t* Group(uint32_t row, uint32_t col) {
    return Block(row, col) + col % TraitsOf(type_).columns / 32 * places_.group_bytes;
  }
  void Fill(std::vector<double>* of, uint32_t row, uint32_t col, double value) {
    const uint32_t columns = TraitsOf(type_).columns, first = col / columns * columns;
    for (uint32_t c = first; c < first + columns; c += 16) (*of)[(size_t{row} * cols_ + c) / 16] = value;
  }
  static double BfloatValue(uint16_t bits) { return static_cast<double>(BitCast<float>(uint32_t{bits} << 16)); }
  double NumberValue(uint16_t bits) const { return places_.bfloat ? BfloatValue(bits) : HalfValue(bits); }
  static void Merge(uint8_t* byte, uint32_t value, uint32_t bits, uint32_t shift) {
    const uint32_t mask = ((1u << bits) - 1u) << shift;
    *byte = static_cast<uint8_t>((*byte & ~mask) | (value << shift));
  }
  uint16_t RandomScale(Weight fill, Random& random) const {
    if (type_ == TensorType::kMxfp4) {
      if (fill == Weight::kTinySteps) return static_cast<uint16_t>(random.Integer(0, 3));
      return static_cast<uint16_t>(fill == Weight::kHugeSteps ? 142 : random.Integer(113, 121));
    }
    const uint16_t sign = random.Bits() % 8 == 0 ? 0x8000 : 0;
    if (places_.bfloat) {
      if (fill == Weight::kTinySteps) return static_cast<uint16_t>(sign | random.Integer(0, 0xff));
      if (fill == Weight::kHugeSteps) return static_cast<uint16_t>(sign | 0x477f);
      return static_cast<uint16_t>(sign | random.Integer(0x3a00, 0x3c80));  // 0.0005 .. 0.016
    }
    if (fill == Weight::kTinySteps) return static_cast<uint16_t>(sign | random.Integer(0, 0x3ff));
    if (fill == Weight::kHugeSteps) return static_cast<uint16_t>(sign | 0x7bff);
    return static_cast<uint16_t>(sign | random.Integer(0x1000, 0x2400));  // 0.0005 .. 0.016
  }
  static uint32_t RandomBelow(uint32_t values, Weight fill, Random& random) {
    if (values == 0 || fill == Weight::kLowest) return values == 256 ? 128 : 0;
    if (fill == Weight::kHighest) return values == 256 ? 127 : values - 1;  // of 256, signed bytes
    return random.Bits() % values;
  }
  uint32_t RandomBits(Weight fill, uint32_t col, Random& random) const {
    const uint32_t all = (1u << places_.bits) - 1;
    uint32_t low = 0, high = all;
    if (places_.bits == 8) low = 128, high = 127;                                        // as signed bytes
    if (type_ == TensorType::kMxfp4 || type_ == TensorType::kNvfp4) low = 15, high = 7;  // -12 and 12
    if (FamilyOf(type_) == TensorType::kIQ2_XS || type_ == TensorType::kIQ2_XXS || type_ == TensorType::kIQ1_M)
      high = 5;  // the last of the table's values
    switch (fill) {
      case Weight::kLowest: return low;
      case Weight::kHighest: return high;
      case Weight::kAlternating: return col % 2 == 0 ? low : high;
      case Weight::kRandom:
      case Weight::kTinySteps:
      case Weight::kHugeSteps:
      case Weight::kMixed: break;
    }
    return random.Bits() & all;
  }
  static float RandomFloat(Weight fill, uint32_t col, Random& random) {
    switch (fill) {
      case Weight::kLowest: return -60000;
      case Weight::kHighest: return 60000;
      case Weight::kAlternating: return col % 2 == 0 ? -60000 : 60000;
      case Weight::kTinySteps: return random.Uniform(-6e-5f, 6e-5f);
      case Weight::kHugeSteps: return random.Uniform(-65000.0f, 65000.0f);
      case Weight::kRandom:
      case Weight::kMixed: break;
    }
    return random.Normal() * 0.05f;
  }

  TensorType type_;
  uint32_t rows_;
  uint32_t cols_;
  Places places_;
  std::vector<double> whole_;
  std::vector<double> step_;
  std::vector<double> min_;
  AlignedBuffer<uint8_t> bytes_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_TEST_MATRIX_H_
