#include "programs/quantize/block_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lfm2/base/numeric.h"
#include "programs/pack/interleave.h"
#include "programs/pack/repack.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kLanes = 16;
constexpr float kLargestHalf = 65504.0f;

// Levels of the types whose integers from kLow to kHigh are the values themselves.
template <int kLow, int kHigh>
struct UniformGrid {
  static constexpr float kFirst = kLow, kLast = kHigh;
  // The comparison is in this order so that a NaN becomes the first level.
  static float Nearest(float x) { return std::min(kLast, std::max(kFirst, std::rint(x))); }
};

// `count` levels of a table, in ascending order.
template <const int8_t* kValues, uint32_t count>
struct TableGrid {
  static constexpr float kFirst = kValues[0], kLast = kValues[count - 1];
  // The first level plus the differences over all thresholds below x: a form that compilers vectorise.
  static float Nearest(float x) {
    float level = kFirst;
    for (uint32_t i = 0; i + 1 < count; ++i) {
      const float middle = 0.5f * static_cast<float>(kValues[i] + kValues[i + 1]);
      level += x > middle ? static_cast<float>(kValues[i + 1] - kValues[i]) : 0.0f;
    }
    return level;
  }
  // The level's index.
  static int Index(float x) {
    int index = 0;
    for (uint32_t i = 0; i + 1 < count; ++i) index += 2 * x > static_cast<float>(kValues[i] + kValues[i + 1]) ? 1 : 0;
    return index;
  }
};
using IQ4_NLGrid = TableGrid<kIQ4_NLValues, 16>;
using T4Grid = TableGrid<kT4Values, 16>;
using T3Grid = TableGrid<kT3Values, 8>;
using T2Grid = TableGrid<kT2Values, 4>;
using Q4_0Grid = UniformGrid<-8, 7>;
using Q6_KGrid = UniformGrid<-32, 31>;
using Q8_0Grid = UniformGrid<-127, 127>;

float Sum(const float (&lanes)[kLanes]) {
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

struct Fit {
  float error = 0;
  float best_step = 0;  // for the same levels, by least squares
};

// Sum of importance * (x - step * nearest level)^2 over n values, a multiple of kLanes.
template <class Grid>
Fit Try(const float* x, const float* importance, uint32_t n, float step) {
  const float inverse = step == 0 ? 0 : 1 / step;
  float error[kLanes] = {}, product[kLanes] = {}, square[kLanes] = {};
  for (uint32_t i = 0; i < n; i += kLanes) {
    for (uint32_t l = 0; l < kLanes; ++l) {
      const float v = x[i + l], w = importance[i + l];
      const float level = Grid::Nearest(v * inverse);
      const float miss = v - step * level;
      error[l] += w * miss * miss;
      product[l] += w * level * v;
      square[l] += w * level * level;
    }
  }
  const float squares = Sum(square);
  return {Sum(error), squares > 0 ? Sum(product) / squares : step};
}

float AsHalf(float step) { return F32FromF16(F16FromF32(std::min(std::max(step, -kLargestHalf), kLargestHalf))); }

float Largest(const float* x, uint32_t n) {
  float largest = 0;
  for (uint32_t i = 0; i < n; ++i) largest = std::fabs(x[i]) > std::fabs(largest) ? x[i] : largest;
  return largest;
}

// Factors applied to the step that maps the largest value to an end of the grid: 1 + i * spacing, i = -below .. above.
struct Trials {
  int below, above;
  float spacing;
};
// Types of four bits gain by clipping the largest value. With more bits the error depends only on how the other values
// happen to fall on the grid, and the best of many trials is well below their mean.
constexpr Trials kThreeBitTrials = {20, 6, 0.03f}, kTwoBitTrials = {24, 4, 0.03f}, kFourBitTrials = {16, 10, 0.02f},
                 kSixBitTrials = {4, 24, 0.01f}, kByteTrials = {2, 80, 0.003f};

// Takes the best of the trials, with the largest value on either end of the grid, and refines it by least squares.
// stored(step): the step as it is stored in the file.
template <class Grid, class Stored>
float BestStep(const float* x, const float* importance, uint32_t n, const Trials& trials, Stored&& stored) {
  const float largest = Largest(x, n);
  if (largest == 0) return 0;
  float best_step = 0;
  Fit best;
  bool any = false;
  const auto attempt = [&](float wanted) {
    const float step = stored(wanted);
    const Fit fit = Try<Grid>(x, importance, n, step);
    if (any && !(fit.error < best.error)) return false;
    any = true;
    best = fit;
    best_step = step;
    return true;
  };
  // The ends of a symmetric grid are equivalent.
  for (const float end : {Grid::kFirst, Grid::kLast}) {
    if (end == -Grid::kFirst) break;
    for (int i = -trials.below; i <= trials.above; ++i) {
      attempt(largest / end * (1 + static_cast<float>(i) * trials.spacing));
    }
  }
  for (uint32_t i = 0; i < 3 && attempt(best.best_step); ++i) {
  }
  return best_step;
}

template <class Grid>
void ChooseOneStep(const float* x, const float* importance, uint32_t columns, const Trials& trials, BlockSteps* out) {
  const float step = BestStep<Grid>(x, importance, columns, trials, AsHalf);
  out->delta = F16FromF32(step);
  std::fill_n(out->step, columns / kStepColumns, step);
}

// Steps are multiples of delta, -127 to 127 times: delta is chosen such that the largest step that is tried can be
// stored.
void ChooseQ6_K(const float* x, const float* importance, BlockSteps* out) {
  constexpr float kMost = 1 + static_cast<float>(kSixBitTrials.above) * kSixBitTrials.spacing;
  const float delta = AsHalf(std::fabs(Largest(x, kMaxBlockColumns)) / Q6_KGrid::kLast * kMost / 127);
  const auto multiple = [delta](float step) {
    return delta > 0 ? std::min(std::max(std::rint(step / delta), -127.0f), 127.0f) : 0;
  };
  out->delta = F16FromF32(delta);
  for (uint32_t i = 0; i < kMaxBlockColumns / kStepColumns; ++i) {
    const uint32_t first = i * kStepColumns;
    out->step[i] = BestStep<Q6_KGrid>(x + first, importance + first, kStepColumns, kSixBitTrials,
                                      [&](float step) { return multiple(step) * delta; });
    out->scale[i] = static_cast<int8_t>(multiple(out->step[i]));
  }
}

void StoreNibbles(const BlockSteps& steps, const int8_t* integers, uint8_t* out) {
  std::memcpy(out, &steps.delta, sizeof(steps.delta));
  for (uint32_t i = 0; i < 16; ++i) out[2 + i] = static_cast<uint8_t>(integers[i] | integers[16 + i] << 4);
}

// Low nibbles [128], upper bit pairs [64], scales [16], delta. The low bits of column 128 n + 32 p + l are in nibble p
// / 2 of byte 64 n + 32 (p % 2) + l, and its upper bits are in bit pair p of byte 32 n + l of the bit pairs.
void StoreQ6_K(const BlockSteps& steps, const int8_t* integers, uint8_t* out) {
  std::memset(out, 0, 192);
  for (uint32_t c = 0; c < kMaxBlockColumns; ++c) {
    const uint32_t bits = static_cast<uint32_t>(integers[c] + 32);
    const uint32_t n = c / 128, p = c / 32 % 4, l = c % 32;
    uint8_t& low = out[64 * n + 32 * (p % 2) + l];
    uint8_t& high = out[128 + 32 * n + l];
    low = static_cast<uint8_t>(low | (bits & 15) << 4 * (p / 2));
    high = static_cast<uint8_t>(high | bits >> 4 << 2 * p);
  }
  std::memcpy(out + 192, steps.scale, sizeof(steps.scale));
  std::memcpy(out + 208, &steps.delta, sizeof(steps.delta));
}

}  // namespace

bool BlockCodec::Supports(TensorType type) {
  return type == TensorType::kQ4_0 || type == TensorType::kIQ4_NL || type == TensorType::kQ6_K ||
         type == TensorType::kQ8_0 || IsTable(type);
}

BlockCodec::BlockCodec(TensorType type) : type_(type), grid_(Grid::kBytes) {
  if (type == TensorType::kQ4_0) grid_ = Grid::kFourBits;
  if (type == TensorType::kIQ4_NL) grid_ = Grid::kNonLinear;
  if (type == TensorType::kT4G64) grid_ = Grid::kFourBitTable;
  if (type == TensorType::kT3G64) grid_ = Grid::kThreeBitTable;
  if (type == TensorType::kT2G32) grid_ = Grid::kTwoBitTable;
  if (type == TensorType::kQ6_K) grid_ = Grid::kSixBits;
}

size_t BlockCodec::bytes() const {
  return IsTable(type_) ? sizeof(uint16_t) + columns() : TraitsOf(type_).bytes / kBlockRows;
}

void BlockCodec::ChooseSteps(const float* target, const float* importance, BlockSteps* out) const {
  switch (grid_) {
    case Grid::kFourBits: return ChooseOneStep<Q4_0Grid>(target, importance, columns(), kFourBitTrials, out);
    case Grid::kNonLinear: return ChooseOneStep<IQ4_NLGrid>(target, importance, columns(), kFourBitTrials, out);
    case Grid::kFourBitTable: return ChooseOneStep<T4Grid>(target, importance, columns(), kFourBitTrials, out);
    case Grid::kThreeBitTable: return ChooseOneStep<T3Grid>(target, importance, columns(), kThreeBitTrials, out);
    case Grid::kTwoBitTable: return ChooseOneStep<T2Grid>(target, importance, columns(), kTwoBitTrials, out);
    case Grid::kSixBits: return ChooseQ6_K(target, importance, out);
    case Grid::kBytes: return ChooseOneStep<Q8_0Grid>(target, importance, columns(), kByteTrials, out);
  }
}

int8_t BlockCodec::Nearest(const BlockSteps& steps, uint32_t column, float target, float* value) const {
  const float step = steps.step[column / kStepColumns];
  const float x = step == 0 ? 0 : target / step;
  int integer = 0;
  switch (grid_) {
    case Grid::kFourBits: integer = static_cast<int>(Q4_0Grid::Nearest(x)) + 8; break;
    case Grid::kNonLinear: integer = IQ4_NLGrid::Index(x); break;
    case Grid::kFourBitTable: integer = T4Grid::Index(x); break;
    case Grid::kThreeBitTable: integer = T3Grid::Index(x); break;
    case Grid::kTwoBitTable: integer = T2Grid::Index(x); break;
    case Grid::kSixBits: integer = static_cast<int>(Q6_KGrid::Nearest(x)); break;
    case Grid::kBytes: integer = static_cast<int>(Q8_0Grid::Nearest(x)); break;
  }
  *value = Level(static_cast<int8_t>(integer)) * step;
  return static_cast<int8_t>(integer);
}

float BlockCodec::Level(int8_t integer) const {
  switch (grid_) {
    case Grid::kFourBits: return static_cast<float>(integer - 8);
    case Grid::kNonLinear: return static_cast<float>(kIQ4_NLValues[integer]);
    case Grid::kFourBitTable: return static_cast<float>(kT4Values[integer]);
    case Grid::kThreeBitTable: return static_cast<float>(kT3Values[integer]);
    case Grid::kTwoBitTable: return static_cast<float>(kT2Values[integer]);
    case Grid::kSixBits:
    case Grid::kBytes: break;
  }
  return static_cast<float>(integer);
}

void BlockCodec::SetStep(float step, BlockSteps* out) const {
  const float stored = AsHalf(step);
  out->delta = F16FromF32(stored);
  std::fill_n(out->step, columns() / kStepColumns, stored);
}

void BlockCodec::Store(const BlockSteps& steps, const int8_t* integers, uint8_t* out) const {
  if (type_ == TensorType::kQ4_0 || type_ == TensorType::kIQ4_NL) return StoreNibbles(steps, integers, out);
  if (type_ == TensorType::kQ6_K) return StoreQ6_K(steps, integers, out);
  std::memcpy(out, &steps.delta, sizeof(steps.delta));
  std::memcpy(out + sizeof(steps.delta), integers, columns());
}

void QuantizeRow(const BlockCodec& codec, const float* x, const float* importance, uint32_t cols, uint8_t* out,
                 float* misses, double* error) {
  const uint32_t columns = codec.columns();
  int8_t integers[kMaxBlockColumns];
  for (uint32_t begin = 0; begin < cols; begin += columns, out += codec.bytes()) {
    BlockSteps steps;
    codec.ChooseSteps(x + begin, importance + begin, &steps);
    float sum = 0;
    for (uint32_t i = 0; i < columns; ++i) {
      float value = 0;
      integers[i] = codec.Nearest(steps, i, x[begin + i], &value);
      const float miss = x[begin + i] - value;
      sum += miss * miss;
      if (misses != nullptr) misses[begin + i] = miss;
    }
    codec.Store(steps, integers, out);
    *error += static_cast<double>(sum);
  }
}

size_t RowBytes(const BlockCodec& codec, uint32_t cols) { return cols / codec.columns() * codec.bytes(); }

void BlocksOfRows(const BlockCodec& codec, const uint8_t* source, uint32_t rows, uint32_t cols, uint8_t* blocks) {
  const TensorType type = codec.type();
  if (!IsTable(type)) return RepackRows(type, source, rows, cols, blocks);
  std::memset(blocks, 0, static_cast<size_t>(MatrixBytes(type, rows, cols)));
  const uint32_t columns = codec.columns(), groups = columns / kGroupColumns, count = cols / columns;
  const uint32_t integer_bytes = (TraitsOf(type).bytes - kTableScaleBytes) / groups;
  for (uint32_t r = 0; r < rows; ++r) {
    for (uint32_t b = 0; b < count; ++b, source += codec.bytes()) {
      uint8_t* const block = blocks + (size_t{r / kBlockRows} * count + b) * TraitsOf(type).bytes;
      const uint32_t row = r % kBlockRows;
      std::memcpy(block + groups * integer_bytes + row * sizeof(uint16_t), source, sizeof(uint16_t));
      for (uint32_t g = 0; g < groups; ++g) {
        GroupIntegers v;
        std::memcpy(v.column, source + sizeof(uint16_t) + g * kGroupColumns, kGroupColumns);
        uint8_t* const to = block + g * integer_bytes;
        if (type == TensorType::kT4G64) PutIntegers<Integers::kNibbles>(v, row, to);
        if (type == TensorType::kT3G64) PutIntegers<Integers::kThree>(v, row, to);
        if (type == TensorType::kT2G32) PutIntegers<Integers::kTwo>(v, row, to);
      }
    }
  }
}

}  // namespace lfm2::tools
