// Weight matrices as numbers, and packed into the blocks that format/tensor_type.h describes.
#ifndef LFM2_TESTS_KERNELS_TEST_MATRIX_H_
#define LFM2_TESTS_KERNELS_TEST_MATRIX_H_

#include <vector>

#include "lfm2/format/tensor_type.h"
#include "tests/kernels/test_types.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

inline constexpr TensorType kAllTypes[] = {
    TensorType::kF32,   TensorType::kF16,   TensorType::kBF16,  TensorType::kQ4_0,  TensorType::kQ8_0,
    TensorType::kQ6_K,  TensorType::kQ4_K,  TensorType::kQ5_K,  TensorType::kMxfp4, TensorType::kA4G32,
    TensorType::kA4G64, TensorType::kA6G32, TensorType::kA6G64, TensorType::kA8G32, TensorType::kA8G64,
    TensorType::kQ4_1,  TensorType::kQ5_0,  TensorType::kQ5_1,  TensorType::kIQ4_NL};

enum class Weight {
  kRandom,
  kLowest,       // every quantised value is the type's lowest
  kHighest,      // every quantised value is the type's highest
  kAlternating,  // lowest and highest in turns
  kTinySteps,    // steps are subnormal half floats
  kHugeSteps,    // steps are the largest half floats
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
    for (uint32_t row = 0; row < rows; ++row) {
      for (uint32_t col = 0; col < cols; ++col) {
        if (!IsQuantized(type)) {
          SetFloat(row, col, RandomFloat(fill, col, random));
          continue;
        }
        if (col % TraitsOf(type).columns == 0) {
          SetScale(row, col, RandomScale(fill, random));
          if (places_.min != 0) SetMin(row, col, RandomScale(fill, random));
        }
        if (places_.six_bits != 0 && col % 32 == 0)
          SetSixBits(row, col, RandomSix(fill, random), RandomSix(fill, random));
        if (type == TensorType::kQ6_K && col % 16 == 0) SetSixteen(row, col, RandomSixteen(fill, random));
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
    if (places_.bits == 8) {
      group[quad * 64 + i] = static_cast<uint8_t>(bits);
      return;
    }
    Merge(group + quad % 4 * 64 + i, bits & 15, 4, 4 * (quad / 4));
    if (places_.bits == 5) Merge(group + 256 + i, bits >> 4, 1, quad);
    if (places_.bits == 6) Merge(group + 256 + quad % 4 / 2 * 64 + i, bits >> 4, 2, 4 * (quad % 2) + 2 * (quad / 4));
  }

  // The scale of the block that (row, col) lies in: a half float, a bfloat16, or MXFP4's exponent. Before Q6_K's other
  // scales and the six bits of Q4_K and Q5_K.
  void SetScale(uint32_t row, uint32_t col, uint16_t number) {
    if (type_ == TensorType::kMxfp4) {
      Block(row, col)[places_.scale + row % 16] = static_cast<uint8_t>(number);
      Fill(&step_, row, col, std::ldexp(0.5, static_cast<int>(number) - 127));
      return;
    }
    std::memcpy(Block(row, col) + places_.scale + row % 16 * 2, &number, 2);
    Fill(&step_, row, col, NumberValue(number));
  }
  // The min of the block, a number as the scale is. Q4_K and Q5_K subtract theirs.
  void SetMin(uint32_t row, uint32_t col, uint16_t number) {
    std::memcpy(Block(row, col) + places_.min + row % 16 * 2, &number, 2);
    Fill(&min_, row, col, places_.six_bits != 0 ? -NumberValue(number) : NumberValue(number));
  }
  // What multiplies scale and min of the 32 columns of Q4_K and Q5_K that (row, col) lies in, 0..63.
  void SetSixBits(uint32_t row, uint32_t col, uint32_t scale, uint32_t min) {
    const uint32_t g = col % 256 / 32, lane = row % 16;
    Group(row, col)[places_.six_bits + lane] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
    Merge(Block(row, col) + places_.six_bits_high + g / 2 * 16 + lane, scale >> 4 | (min >> 4) << 2, 4, 4 * (g % 2));
    for (uint32_t c = col / 32 * 32; c < col / 32 * 32 + 32; c += 16) {
      step_[(size_t{row} * cols_ + c) / 16] *= scale;
      min_[(size_t{row} * cols_ + c) / 16] *= min;
    }
  }
  // The scale of the 16 columns of Q6_K that (row, col) lies in.
  void SetSixteen(uint32_t row, uint32_t col, int8_t scale) {
    std::memcpy(Group(row, col) + 384 + col % 32 / 16 * 16 + row % 16, &scale, 1);
    step_[(size_t{row} * cols_ + col) / 16] *= scale;
  }

  // Stores the nearest value that the type has, and remembers that.
  void SetFloat(uint32_t row, uint32_t col, float value) {
    const size_t at = (size_t{col % 32} * 16 + row % 16);
    double& stored = whole_[size_t{row} * cols_ + col];
    if (type_ == TensorType::kF32) {
      std::memcpy(Block(row, col) + at * 4, &value, 4);
      stored = static_cast<double>(value);
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
  static uint32_t RandomSix(Weight fill, Random& random) {
    if (fill == Weight::kLowest) return 0;
    return fill == Weight::kHighest ? 63 : random.Bits() % 64;
  }
  static int8_t RandomSixteen(Weight fill, Random& random) {
    if (fill == Weight::kLowest) return -128;
    return static_cast<int8_t>(fill == Weight::kHighest ? 127 : random.Integer(-128, 127));
  }
  uint32_t RandomBits(Weight fill, uint32_t col, Random& random) const {
    const uint32_t all = (1u << places_.bits) - 1;
    uint32_t low = 0, high = all;
    if (places_.bits == 8) low = 128, high = 127;         // as signed bytes
    if (type_ == TensorType::kMxfp4) low = 15, high = 7;  // -12 and 12
    switch (fill) {
      case Weight::kLowest: return low;
      case Weight::kHighest: return high;
      case Weight::kAlternating: return col % 2 == 0 ? low : high;
      case Weight::kRandom:
      case Weight::kTinySteps:
      case Weight::kHugeSteps: break;
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
      case Weight::kRandom: break;
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
