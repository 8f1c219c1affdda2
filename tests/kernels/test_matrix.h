// Weight matrices as numbers, and packed into the blocks that format/tensor_type.h describes.
#ifndef LFM2_TESTS_KERNELS_TEST_MATRIX_H_
#define LFM2_TESTS_KERNELS_TEST_MATRIX_H_

#include <vector>

#include "lfm2/format/tensor_type.h"
#include "tests/kernels/test_values.h"

namespace lfm2::test {

inline constexpr TensorType kAllTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                           TensorType::kQ4_0, TensorType::kQ8_0, TensorType::kQ6_K};

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

// Lowest and highest quantised value of a type.
struct Range {
  int low, high;
};
inline Range RangeOf(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0: return {-8, 7};
    case TensorType::kQ8_0: return {-128, 127};
    case TensorType::kQ6_K: return {-32, 31};
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16: break;
  }
  return {-60000, 60000};
}

// weights[rows, cols]. A quantised weight is whole * step, where 16 columns share the step; others are whole * 1.
class TestMatrix {
 public:
  TestMatrix(TensorType type, uint32_t rows, uint32_t cols)
      : type_(type),
        rows_(rows),
        cols_(cols),
        whole_(size_t{rows} * cols),
        step_(size_t{rows} * cols / 16, 1.0),
        bytes_(static_cast<size_t>(MatrixBytes(type, rows, cols))) {}

  TestMatrix(TensorType type, uint32_t rows, uint32_t cols, Weight fill, uint64_t seed) : TestMatrix(type, rows, cols) {
    Random random(seed);
    for (uint32_t row = 0; row < rows; ++row) {
      for (uint32_t col = 0; col < cols; ++col) {
        if (IsQuantized(type)) {
          if (col % TraitsOf(type).columns == 0) SetHalf(row, col, RandomHalf(fill, random));
          if (type == TensorType::kQ6_K && col % 16 == 0) SetScale(row, col, RandomScale(fill, random));
          SetWhole(row, col, RandomWhole(fill, col, random));
        } else {
          SetFloat(row, col, RandomFloat(fill, col, random));
        }
      }
    }
  }

  Matrix view() const { return {bytes_.data(), rows_, cols_, type_}; }
  uint32_t rows() const { return rows_; }
  uint32_t cols() const { return cols_; }
  double whole(uint32_t row, uint32_t col) const { return whole_[size_t{row} * cols_ + col]; }
  double step(uint32_t row, uint32_t col) const { return step_[(size_t{row} * cols_ + col) / 16]; }
  double value(uint32_t row, uint32_t col) const { return whole(row, col) * step(row, col); }

  // The quantised value, without offset: -8..7, -128..127 or -32..31.
  void SetWhole(uint32_t row, uint32_t col, int value) {
    whole_[size_t{row} * cols_ + col] = value;
    const uint32_t lane = row % 16, c = col % 32, q = c % 16 / 4, i = c % 4, high = c / 16;
    switch (type_) {
      case TensorType::kQ4_0: {
        Merge(Block(row, col) + q * 64 + lane * 4 + i, static_cast<uint32_t>(value + 8), 4, 4 * high);
        break;
      }
      case TensorType::kQ8_0: {
        const int8_t byte = static_cast<int8_t>(value);
        std::memcpy(Block(row, col) + c / 4 * 64 + lane * 4 + i, &byte, 1);
        break;
      }
      case TensorType::kQ6_K: {
        const uint32_t bits = static_cast<uint32_t>(value + 32);
        uint8_t* group = Block(row, col) + col % 256 / 32 * 416;
        Merge(group + q * 64 + lane * 4 + i, bits & 15, 4, 4 * high);
        Merge(group + 256 + q / 2 * 64 + lane * 4 + i, bits >> 4, 2, 4 * (q % 2) + 2 * high);
        break;
      }
      case TensorType::kF32:
      case TensorType::kF16:
      case TensorType::kBF16: break;
    }
  }

  // The half float of the block that (row, col) lies in. Of Q6_K: before its scales.
  void SetHalf(uint32_t row, uint32_t col, uint16_t half) {
    uint8_t* block = Block(row, col);
    const uint32_t bytes = TraitsOf(type_).bytes;
    std::memcpy(block + bytes - 32 + row % 16 * 2, &half, 2);
    const uint32_t columns = TraitsOf(type_).columns, first = col / columns * columns;
    for (uint32_t c = first; c < first + columns; c += 16) step_[(size_t{row} * cols_ + c) / 16] = HalfValue(half);
  }

  // The scale of the 16 columns of Q6_K that (row, col) lies in.
  void SetScale(uint32_t row, uint32_t col, int8_t scale) {
    std::memcpy(Block(row, col) + col % 256 / 32 * 416 + 384 + col % 32 / 16 * 16 + row % 16, &scale, 1);
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
      stored = static_cast<double>(BitCast<float>(uint32_t{upper} << 16));
    }
  }

 private:
  uint8_t* Block(uint32_t row, uint32_t col) {
    const TensorTypeTraits traits = TraitsOf(type_);
    return bytes_.data() + (size_t{row / 16} * (cols_ / traits.columns) + col / traits.columns) * traits.bytes;
  }
  static void Merge(uint8_t* byte, uint32_t value, uint32_t bits, uint32_t shift) {
    const uint32_t mask = ((1u << bits) - 1u) << shift;
    *byte = static_cast<uint8_t>((*byte & ~mask) | (value << shift));
  }
  static uint16_t RandomHalf(Weight fill, Random& random) {
    const uint16_t sign = random.Bits() % 8 == 0 ? 0x8000 : 0;
    if (fill == Weight::kTinySteps) return static_cast<uint16_t>(sign | random.Integer(0, 0x3ff));
    if (fill == Weight::kHugeSteps) return static_cast<uint16_t>(sign | 0x7bff);
    return static_cast<uint16_t>(sign | random.Integer(0x1000, 0x2400));  // 0.0005 .. 0.016
  }
  static int8_t RandomScale(Weight fill, Random& random) {
    switch (fill) {
      case Weight::kLowest: return -128;
      case Weight::kHighest: return 127;
      case Weight::kRandom:
      case Weight::kAlternating:
      case Weight::kTinySteps:
      case Weight::kHugeSteps: break;
    }
    return static_cast<int8_t>(random.Integer(-128, 127));
  }
  int RandomWhole(Weight fill, uint32_t col, Random& random) const {
    const Range range = RangeOf(type_);
    switch (fill) {
      case Weight::kLowest: return range.low;
      case Weight::kHighest: return range.high;
      case Weight::kAlternating: return col % 2 == 0 ? range.low : range.high;
      case Weight::kRandom:
      case Weight::kTinySteps:
      case Weight::kHugeSteps: break;
    }
    return random.Integer(range.low, range.high);
  }
  float RandomFloat(Weight fill, uint32_t col, Random& random) const {
    const Range range = RangeOf(type_);
    switch (fill) {
      case Weight::kLowest: return static_cast<float>(range.low);
      case Weight::kHighest: return static_cast<float>(range.high);
      case Weight::kAlternating: return static_cast<float>(col % 2 == 0 ? range.low : range.high);
      case Weight::kTinySteps: return random.Uniform(-6e-5f, 6e-5f);
      case Weight::kHugeSteps: return random.Uniform(-65000.0f, 65000.0f);
      case Weight::kRandom: break;
    }
    return random.Normal() * 0.05f;
  }

  TensorType type_;
  uint32_t rows_;
  uint32_t cols_;
  std::vector<double> whole_;
  std::vector<double> step_;
  AlignedBuffer<uint8_t> bytes_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_TEST_MATRIX_H_
