// Rows of weights of every kind for the quantiser's tests, and their values in an image.
#ifndef LFM2_TESTS_QUANTIZE_BLOCKS_H_
#define LFM2_TESTS_QUANTIZE_BLOCKS_H_

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "lfm2/kernels/dequantize.h"
#include "programs/quantize/block_codec.h"

namespace lfm2::test {

inline constexpr TensorType kQuantTypes[] = {TensorType::kQ4_0, TensorType::kIQ4_NL, TensorType::kQ6_K,
                                             TensorType::kQ8_0, TensorType::kT4G64,  TensorType::kT3G64,
                                             TensorType::kT2G32};

// The same numbers on every platform, unlike the standard distributions.
class Weights {
 public:
  explicit Weights(uint32_t seed) : bits_(seed) {}
  double Uniform() { return (static_cast<double>(bits_()) + 0.5) / 4294967296.0; }
  float Normal() {
    return static_cast<float>(std::sqrt(-2 * std::log(Uniform())) * std::cos(6.283185307179586 * Uniform()));
  }
  // A few outliers.
  float HeavyTailed() {
    const float n = Normal();
    return n * n * n;
  }
  std::vector<float> Normals(size_t n) {
    std::vector<float> out(n);
    for (float& v : out) v = Normal();
    return out;
  }

 private:
  std::mt19937 bits_;
};

// values[rows, cols] of rows as BlockCodec stores them, decoded from an image's blocks by the kernels' definition of
// the type.
inline std::vector<float> ValuesOf(TensorType type, const std::vector<uint8_t>& stored, uint32_t rows, uint32_t cols) {
  std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(type, rows, cols)));
  tools::BlocksOfRows(tools::BlockCodec(type), stored.data(), rows, cols, blocks.data());
  std::vector<float> values(size_t{rows} * cols);
  const Matrix matrix{blocks.data(), rows, cols, type};
  for (uint32_t r = 0; r < rows; ++r) DequantizeRow(matrix, r, values.data() + size_t{r} * cols);
  return values;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_QUANTIZE_BLOCKS_H_
