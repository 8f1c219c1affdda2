// Weights as floats, against ggml's definition of each type in its own blocks. Embeddings and the oracle depend on
// these.
#include "lfm2/kernels/dequantize.h"

#include <doctest/doctest.h>

#include "tests/kernels/test_matrix.h"

namespace lfm2::test {
namespace {

uint16_t AnyFiniteHalf(Random& random) {
  const uint32_t bits = random.Bits();
  return static_cast<uint16_t>((bits & 0x83ff) | ((bits >> 16) % 31) << 10);
}

// Compares a whole matrix with expected[rows, cols], bit for bit: a float is exactly these products or the nearest to
// them.
void CheckValues(const TestMatrix& w, const std::vector<double>& expected) {
  std::vector<float> row(w.cols());
  bool equal = true;
  for (uint32_t r = 0; r < w.rows(); ++r) {
    DequantizeRow(w.view(), r, row.data());
    for (uint32_t c = 0; c < w.cols(); ++c) {
      equal = equal && row[c] == static_cast<float>(expected[size_t{r} * w.cols() + c]);
    }
    float group[32];
    for (uint32_t g = 0; g < w.cols() / 32; ++g) {
      DequantizeGroup(w.view(), r, g, group);
      equal = equal && SameBits(group, row.data() + g * 32, 32);
    }
  }
  CHECK(equal);
}

}  // namespace

// ggml's block of 32: half d; 16 bytes, where byte j has weight j in its low and weight j + 16 in its high nibble;
// weight = (nibble - 8) * d.
TEST_CASE("Q4_0") {
  constexpr uint32_t kRows = 35, kCols = 96;
  Random random(1);
  TestMatrix w(TensorType::kQ4_0, kRows, kCols);
  std::vector<double> expected(kRows * kCols);
  for (uint32_t r = 0; r < kRows; ++r) {
    for (uint32_t block = 0; block < kCols / 32; ++block) {
      const uint16_t d = AnyFiniteHalf(random);
      w.SetScale(r, block * 32, d);
      for (uint32_t j = 0; j < 16; ++j) {
        const uint32_t byte = random.Bits() & 255;
        const int low = static_cast<int>(byte & 15), high = static_cast<int>(byte >> 4);
        w.SetBits(r, block * 32 + j, byte & 15);
        w.SetBits(r, block * 32 + j + 16, byte >> 4);
        expected[r * kCols + block * 32 + j] = (low - 8) * HalfValue(d);
        expected[r * kCols + block * 32 + j + 16] = (high - 8) * HalfValue(d);
      }
    }
  }
  CheckValues(w, expected);
}

// ggml's block of 32: half d; 32 signed bytes; weight = byte * d.
TEST_CASE("Q8_0") {
  if (!IsCompiled(TensorType::kQ8_0)) return;
  constexpr uint32_t kRows = 17, kCols = 64;
  Random random(2);
  TestMatrix w(TensorType::kQ8_0, kRows, kCols);
  std::vector<double> expected(kRows * kCols);
  for (uint32_t r = 0; r < kRows; ++r) {
    uint16_t d = 0;
    for (uint32_t c = 0; c < kCols; ++c) {
      if (c % 32 == 0) w.SetScale(r, c, d = AnyFiniteHalf(random));
      const int byte = c % 32 == 0 ? -128 : c % 32 == 1 ? 127 : random.Integer(-128, 127);
      w.SetBits(r, c, static_cast<uint8_t>(byte));
      expected[r * kCols + c] = byte * HalfValue(d);
    }
  }
  CheckValues(w, expected);
}

// ggml's block of 256: 128 bytes ql, 64 bytes qh, 16 signed scales, half d. Each half of 128 weights takes 64 of ql, 32
// of qh and 8 scales; its weight 32 * k + l (k = 0..3, l = 0..31) has its low four bits in ql[l + 32 * (k % 2)], the
// low nibble for k < 2, its upper two at bit 2 * k of qh[l], and the scale l / 16 + 2 * k; weight = (bits - 32) * scale
// * d.
TEST_CASE("Q6_K") {
  constexpr uint32_t kRows = 33, kCols = 512;
  Random random(3);
  TestMatrix w(TensorType::kQ6_K, kRows, kCols);
  std::vector<double> expected(kRows * kCols);
  for (uint32_t r = 0; r < kRows; ++r) {
    for (uint32_t block = 0; block < kCols / 256; ++block) {
      const uint16_t d = AnyFiniteHalf(random);
      w.SetScale(r, block * 256, d);
      uint8_t ql[128], qh[64];
      int8_t scales[16];
      for (uint8_t& b : ql) b = static_cast<uint8_t>(random.Bits());
      for (uint8_t& b : qh) b = static_cast<uint8_t>(random.Bits());
      for (int8_t& s : scales) s = static_cast<int8_t>(random.Integer(-128, 127));
      for (uint32_t half = 0; half < 2; ++half) {
        for (uint32_t k = 0; k < 4; ++k) {
          for (uint32_t l = 0; l < 32; ++l) {
            const uint32_t byte = ql[half * 64 + l + 32 * (k % 2)];
            const uint32_t low = k < 2 ? byte & 15 : byte >> 4;
            const uint32_t high = (qh[half * 32 + l] >> (2 * k)) & 3u;
            const int whole = static_cast<int>(low + 16 * high) - 32;
            const int8_t scale = scales[half * 8 + l / 16 + 2 * k];
            const uint32_t c = block * 256 + half * 128 + k * 32 + l;
            if (l % 16 == 0) w.SetSmall(r, c, static_cast<uint8_t>(scale), 0);
            w.SetBits(r, c, low + 16 * high);
            expected[r * kCols + c] = whole * scale * HalfValue(d);
          }
        }
      }
    }
  }
  CheckValues(w, expected);
}

TEST_CASE("every quantised type is whole * step + min, with the bits where docs/format.md puts them") {
  for (const TensorType type : CompiledTypes()) {
    if (!IsQuantized(type)) continue;
    CAPTURE(NameOf(type));
    const TestMatrix w(type, 35, 512, Weight::kRandom, 5);
    std::vector<double> expected;
    for (uint32_t r = 0; r < w.rows(); ++r) {
      for (uint32_t c = 0; c < w.cols(); ++c) expected.push_back(w.value(r, c));
    }
    CheckValues(w, expected);
  }
}

// 255 is the NaN of OCP's Microscaling, which ggml treats as the number after 254: nonfinite_test.cc tests it.
TEST_CASE("MXFP4: every exponent, also those whose weights are subnormal floats") {
  if (!IsCompiled(TensorType::kMxfp4)) return;
  for (uint32_t exponent = 0; exponent < 255; ++exponent) {
    CAPTURE(exponent);
    TestMatrix w(TensorType::kMxfp4, 16, 32);
    std::vector<double> expected;
    for (uint32_t r = 0; r < 16; ++r) {
      w.SetScale(r, 0, static_cast<uint16_t>(exponent));
      for (uint32_t c = 0; c < 32; ++c) {
        const uint32_t nibble =
            exponent > 250 ? c % 2 + 8 * (r % 2) : (r + c) % 16;  // no weight above the largest float
        w.SetBits(r, c, nibble);
        expected.push_back(std::ldexp(WholeOf(TensorType::kMxfp4, nibble), static_cast<int>(exponent) - 128));
      }
    }
    CheckValues(w, expected);
  }
}

TEST_CASE("F32, F16, BF16 and MXFP8 are their values") {
  constexpr uint32_t kRows = 19, kCols = 64;
  constexpr TensorType kFloats[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kMxfp8};
  for (const TensorType type : CompiledTypes(kFloats)) {
    CAPTURE(NameOf(type));
    TestMatrix w(type, kRows, kCols);
    std::vector<double> expected(kRows * kCols);
    Random random(4);
    for (uint32_t r = 0; r < kRows; ++r) {
      for (uint32_t c = 0; c < kCols; ++c) {
        w.SetFloat(r, c, std::ldexp(random.Normal(), random.Integer(-24, 12)));
        expected[r * kCols + c] = w.value(r, c);
      }
    }
    CheckValues(w, expected);
  }
}

}  // namespace lfm2::test
