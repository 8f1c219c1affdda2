// One block of one row. If these fail, an image has other weights than the quantiser computed with, or larger errors
// than its types allow.
#include "programs/quantize/block_codec.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "tests/kernels/test_matrix.h"
#include "tests/quantize/blocks.h"

namespace lfm2::test {
namespace {

using tools::BlockCodec;
using tools::BlockSteps;

const std::vector<float> kOnes(tools::kMaxBlockColumns, 1.0f);

// Sum of importance * (x - nearest value)^2 over `columns` columns of a block from `first` on.
double ErrorOf(const BlockCodec& codec, const BlockSteps& steps, const float* x, const float* importance,
               uint32_t first, uint32_t columns) {
  double error = 0;
  for (uint32_t c = first; c < first + columns; ++c) {
    float value = 0;
    codec.Nearest(steps, c, x[c], &value);
    const double miss = static_cast<double>(x[c]) - static_cast<double>(value);
    error += static_cast<double>(importance[c]) * miss * miss;
  }
  return error;
}

double ChosenError(const BlockCodec& codec, const float* x, const float* importance) {
  BlockSteps steps;
  codec.ChooseSteps(x, importance, &steps);
  return ErrorOf(codec, steps, x, importance, 0, codec.columns());
}

float Largest(const float* x, uint32_t n) {
  float largest = 0;
  for (uint32_t i = 0; i < n; ++i) largest = std::fabs(x[i]) > std::fabs(largest) ? x[i] : largest;
  return largest;
}

// The smallest error of 4,000 steps of either sign, for types with one step whose largest level is `end`.
double ScannedError(const BlockCodec& codec, float end, const float* x, const float* importance) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 1; i <= 2000; ++i) {
    for (const float sign : {-1.0f, 1.0f}) {
      BlockSteps steps;
      codec.SetStep(sign * Largest(x, codec.columns()) / end * (0.5f + 0.0004f * static_cast<float>(i)), &steps);
      best = std::min(best, ErrorOf(codec, steps, x, importance, 0, codec.columns()));
    }
  }
  return best;
}

// ggml's quantize_row_q4_0_ref: the largest value becomes -8 steps, and halves are rounded up.
double GgmlQ4_0Error(const float* x) {
  const float d = Largest(x, 32) / -8, inverse = d == 0 ? 0 : 1 / d;
  const float stored = F32FromF16(F16FromF32(d));
  double error = 0;
  for (uint32_t i = 0; i < 32; ++i) {
    const int level = std::min(15, static_cast<int>(x[i] * inverse + 8.5f));
    error += std::pow(static_cast<double>(x[i]) - static_cast<double>(static_cast<float>(level - 8) * stored), 2);
  }
  return error;
}

std::vector<std::vector<float>> KindsOfBlocks() {
  Weights weights(1);
  std::vector<std::vector<float>> kinds;
  for (int i = 0; i < 20; ++i) kinds.push_back(weights.Normals(256));
  for (int i = 0; i < 20; ++i) {
    kinds.emplace_back(256);
    for (float& v : kinds.back()) v = weights.HeavyTailed();
  }
  for (const float scale : {1e-3f, 1e-6f, 1e-9f, 1e-20f, 1e-39f, 1e5f, 1e8f, 1e19f, 3e37f}) {
    kinds.push_back(weights.Normals(256));
    for (float& v : kinds.back()) v *= scale;
  }
  for (const float value : {0.0f, -0.0f, 1.0f, -3.0f, 1e-45f, -1e-40f, 65504.0f, 1e30f, -3.4e38f}) {
    kinds.emplace_back(256, value);
    kinds.emplace_back(256, 0.0f);
    kinds.back()[37] = value;
  }
  return kinds;
}

}  // namespace

TEST_CASE("a stored block has exactly the values that Nearest has returned, whatever the weights are") {
  for (const TensorType type : kQuantTypes) {
    CAPTURE(std::string(NameOf(type)));
    const BlockCodec codec(type);
    for (const std::vector<float>& x : KindsOfBlocks()) {
      BlockSteps steps;
      codec.ChooseSteps(x.data(), kOnes.data(), &steps);
      int8_t integers[tools::kMaxBlockColumns];
      float told[tools::kMaxBlockColumns];
      for (uint32_t c = 0; c < codec.columns(); ++c) integers[c] = codec.Nearest(steps, c, x[c], &told[c]);
      std::vector<uint8_t> stored(codec.bytes());
      codec.Store(steps, integers, stored.data());
      const std::vector<float> values = ValuesOf(type, stored, 1, codec.columns());
      CAPTURE(x[37]);
      uint32_t different = 0;
      for (uint32_t c = 0; c < codec.columns(); ++c) {
        CHECK(std::isfinite(values[c]));
        different += values[c] != told[c] ? 1 : 0;
      }
      CHECK(different == 0);
    }
  }
}

TEST_CASE("whole rows are consecutive blocks, and the misses are their errors") {
  Weights weights(2);
  for (const TensorType type : kQuantTypes) {
    const BlockCodec codec(type);
    const std::vector<float> x = weights.Normals(512), ones(512, 1.0f);
    std::vector<uint8_t> stored(512 / codec.columns() * codec.bytes());
    std::vector<float> misses(512);
    double error = 1, sum = 1;
    QuantizeRow(codec, x.data(), ones.data(), 512, stored.data(), misses.data(), &error);
    const std::vector<float> values = ValuesOf(type, stored, 1, 512);
    for (size_t c = 0; c < 512; ++c) {
      CHECK(misses[c] == x[c] - values[c]);
      sum += std::pow(static_cast<double>(misses[c]), 2);
    }
    CHECK(error == doctest::Approx(sum).epsilon(1e-5));
  }
}

// Against docs/format.md, as tests/kernels read it; ValuesOf uses the same kernels on both sides.
TEST_CASE("rows of the table types become the blocks of docs/format.md, every bit in its place") {
  constexpr uint32_t kRows = 35, kCols = 192;
  for (const TensorType type : {TensorType::kT4G64, TensorType::kT3G64, TensorType::kT2G32}) {
    CAPTURE(std::string(NameOf(type)));
    const BlockCodec codec(type);
    Random random(8);
    TestMatrix expected(type, kRows, kCols);
    std::vector<uint8_t> stored(kRows * RowBytes(codec, kCols)),
        blocks(expected.view().row_blocks() * expected.view().row_block_bytes(), 0xa5);
    uint8_t* to = stored.data();
    for (uint32_t row = 0; row < kRows; ++row) {
      for (uint32_t first = 0; first < kCols; first += codec.columns(), to += codec.bytes()) {
        BlockSteps steps;
        codec.SetStep(random.Normal(), &steps);
        expected.SetScale(row, first, F16FromF32(steps.step[0]));
        int8_t integers[tools::kMaxBlockColumns];
        for (uint32_t c = 0; c < codec.columns(); ++c) {
          const float level = codec.Level(0) * random.Uniform(-1.1f, 1.1f);
          float value = 0;
          integers[c] = codec.Nearest(steps, c, level * steps.step[c / tools::kStepColumns], &value);
          expected.SetBits(row, first + c, static_cast<uint32_t>(integers[c]));
          CHECK(static_cast<double>(value) == doctest::Approx(expected.value(row, first + c)));
        }
        codec.Store(steps, integers, to);
      }
    }
    BlocksOfRows(codec, stored.data(), kRows, kCols, blocks.data());
    CHECK(std::memcmp(blocks.data(), expected.view().data, blocks.size()) == 0);
  }
}

TEST_CASE("a target that is not a number becomes a value of the block") {
  for (const TensorType type : kQuantTypes) {
    const BlockCodec codec(type);
    BlockSteps steps;
    codec.ChooseSteps(Weights(3).Normals(256).data(), kOnes.data(), &steps);
    for (const float target : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity()}) {
      float value = 0, again = 0;
      const int8_t integer = codec.Nearest(steps, 0, target, &value);
      CHECK(std::isfinite(value));
      CHECK(codec.Nearest(steps, 0, value, &again) == integer);
    }
  }
}

TEST_CASE("the steps' errors are within one percent of the best of thousands of steps, on average over many blocks") {
  const std::pair<TensorType, float> ends[] = {{TensorType::kQ4_0, 8},   {TensorType::kIQ4_NL, 127},
                                               {TensorType::kQ8_0, 127}, {TensorType::kT4G64, 32},
                                               {TensorType::kT3G64, 31}, {TensorType::kT2G32, 31}};
  for (const auto& of_type : ends) {
    const TensorType type = of_type.first;
    const BlockCodec codec(type);
    for (const bool heavy : {false, true}) {
      CAPTURE(std::string(NameOf(type)));
      CAPTURE(heavy);
      Weights weights(4);
      double chosen = 0, best = 0;
      for (int i = 0; i < 60; ++i) {
        std::vector<float> x(codec.columns());
        for (float& v : x) v = heavy ? weights.HeavyTailed() : weights.Normal();
        chosen += ChosenError(codec, x.data(), kOnes.data());
        best += ScannedError(codec, of_type.second, x.data(), kOnes.data());
      }
      CHECK(chosen <= 1.01 * best);
    }
  }
}

TEST_CASE("Q6_K's errors are within one percent of the best multiples of the same delta, five percent of any delta's") {
  const BlockCodec codec(TensorType::kQ6_K);
  Weights weights(5);
  double chosen = 0, best_own = 0, best_any = 0;
  for (int i = 0; i < 6; ++i) {
    const std::vector<float> x = weights.Normals(256);
    BlockSteps steps;
    codec.ChooseSteps(x.data(), kOnes.data(), &steps);
    chosen += ErrorOf(codec, steps, x.data(), kOnes.data(), 0, 256);
    const auto best_of = [&](float delta) {
      double sum = 0;
      for (uint32_t first = 0; first < 256; first += tools::kStepColumns) {
        double best = std::numeric_limits<double>::infinity();
        for (int scale = -127; scale <= 127; ++scale) {
          BlockSteps tried;
          tried.step[first / tools::kStepColumns] = static_cast<float>(scale) * delta;
          best = std::min(best, ErrorOf(codec, tried, x.data(), kOnes.data(), first, tools::kStepColumns));
        }
        sum += best;
      }
      return sum;
    };
    const float own = F32FromF16(steps.delta);
    best_own += best_of(own);
    double any = std::numeric_limits<double>::infinity();
    for (int d = 0; d < 60; ++d) any = std::min(any, best_of(own * (0.8f + 0.01f * static_cast<float>(d))));
    best_any += any;
  }
  CHECK(chosen <= 1.01 * best_own);
  CHECK(chosen <= 1.05 * best_any);
}

TEST_CASE("no block of Q4_0 is worse than by ggml's rule, and four bits of a table are a tenth better on Gaussians") {
  const BlockCodec uniform(TensorType::kQ4_0), table(TensorType::kIQ4_NL);
  Weights weights(6);
  double ggml = 0, own = 0, own_table = 0;
  for (int i = 0; i < 20000; ++i) {
    float x[32];
    // Every fourth block is already on a grid, as in a model that was trained for quantisation.
    const float step = 0.01f + static_cast<float>(weights.Uniform());
    for (float& v : x)
      v = i % 4 == 0 ? F32FromF16(F16FromF32(step)) * std::rint(weights.Normal() * 3) : weights.Normal();
    const double theirs = GgmlQ4_0Error(x), ours = ChosenError(uniform, x, kOnes.data());
    if (!(ours <= theirs * (1 + 1e-6))) FAIL_CHECK("block " << i << ": " << ours << ", ggml's " << theirs);
    if (i % 4 == 0) continue;
    ggml += theirs;
    own += ours;
    own_table += ChosenError(table, x, kOnes.data());
  }
  CHECK(own <= 0.9 * ggml);
  CHECK(own_table <= 0.9 * ggml);
}

TEST_CASE("important weights are rounded better") {
  Weights weights(7);
  for (const TensorType type : kQuantTypes) {
    CAPTURE(std::string(NameOf(type)));
    const BlockCodec codec(type);
    double heeded = 0, ignored = 0;
    for (int i = 0; i < 50; ++i) {
      const std::vector<float> x = weights.Normals(256);
      std::vector<float> importance(256, 1.0f);
      for (uint32_t c = 0; c < 256; c += 5) importance[c] = 100;
      heeded += ChosenError(codec, x.data(), importance.data());
      BlockSteps steps;
      codec.ChooseSteps(x.data(), kOnes.data(), &steps);
      ignored += ErrorOf(codec, steps, x.data(), importance.data(), 0, codec.columns());
    }
    CHECK(heeded <= 0.93 * ignored);
  }
}

}  // namespace lfm2::test
