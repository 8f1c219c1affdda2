// An infinity or a NaN in weights or activations reaches every result that depends on it, in every kernel. If one is
// lost, a damaged model answers nonsense without reporting an error.
#include <doctest/doctest.h>

#include <string>

#include "lfm2/kernels/kernels-inl.h"
#include "lfm2/kernels/reference.h"
#include "tests/kernels/attend.h"
#include "tests/kernels/test_matrix.h"
#include "tests/kernels/test_panel.h"

namespace lfm2::test {
namespace {

constexpr float kBad[] = {NAN, -NAN, INFINITY, -INFINITY};

bool NoneIsFinite(const float* v, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (std::isfinite(v[i])) return false;
  }
  return true;
}
bool AllAreFinite(const float* v, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(v[i])) return false;
  }
  return true;
}

// The bits of infinities and NaNs as scales and mins of a type are stored; MXFP4's exponents have one NaN only.
std::vector<uint16_t> BadNumbers(TensorType type) {
  if (type == TensorType::kMxfp4) return {255};
  if (type == TensorType::kNvfp4) return {};  // all its scales are finite
  if (PlacesOf(type).bfloat) return {0x7f80, 0xff80, 0x7fc0, 0xffc1, 0x7f81};
  return {0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01};
}

// out[tokens, rows].
template <class Kernels>
std::vector<float> Multiply(const TestMatrix& w, const TestInput& in) {
  std::vector<float> out(size_t{in.input().tokens} * w.rows());
  Kernels::MatMul(w.view(), in.input(), 0, w.view().row_blocks(), out.data(), w.rows());
  return out;
}

// Whether, in the product of `spoiled`, row `row` is not finite for any token, and the other rows are those of `clean`.
template <class Kernels>
bool SpoilsItsRow(const TestMatrix& clean, const TestMatrix& spoiled, uint32_t row, const TestInput& in) {
  const std::vector<float> before = Multiply<Kernels>(clean, in), after = Multiply<Kernels>(spoiled, in);
  for (size_t i = 0; i < before.size(); ++i) {
    if (i % clean.rows() == row ? std::isfinite(after[i]) : !SameBits(&before[i], &after[i], 1)) return false;
  }
  return true;
}

// The same for normal activations, for zeros, and for token counts that cover all sizes of tiles.
bool SpoilsItsRow(const TestMatrix& clean, const TestMatrix& spoiled, uint32_t row) {
  for (const uint32_t tokens : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
    const TestInput in(tokens, clean.cols(), Activation::kNormal, tokens);
    if (!SpoilsItsRow<Simd>(clean, spoiled, row, in)) return false;
    if (tokens == 2 && !SpoilsItsRow<ReferenceKernels>(clean, spoiled, row, in)) return false;
  }
  const TestInput zeros(2, clean.cols(), Activation::kZero, 1);
  return SpoilsItsRow<Simd>(clean, spoiled, row, zeros) && SpoilsItsRow<ReferenceKernels>(clean, spoiled, row, zeros);
}

// Keys and values of one head, 70 positions, all of them finite except one.
struct SpoiledCache {
  explicit SpoiledCache(KvCacheType type)
      : bytes(static_cast<size_t>(KvCacheBytes(type, 1, kCapacity, kDim))), keys(bytes), values(bytes) {
    view = MakeKvCache(type, 1, kCapacity, kDim, keys.data(), values.data());
  }
  static constexpr uint32_t kDim = 32, kCapacity = 128, kPosition = 69;
  size_t bytes;
  AlignedBuffer<std::byte> keys, values;
  KvCache view;
};

// Stores the positions, with `bad` in the key or in the value of position `at`, and attends with `queries` queries.
template <class Kernels>
std::vector<float> AttendSpoiled(KvCacheType type, uint32_t queries, uint32_t at, bool in_key, uint32_t d, float bad) {
  SpoiledCache cache(type);
  Random random(5);
  for (uint32_t j = 0; j <= SpoiledCache::kPosition; ++j) {
    std::vector<float> key = random.Normals(SpoiledCache::kDim), value = random.Normals(SpoiledCache::kDim);
    if (j == at) (in_key ? key : value)[d] = bad;
    Kernels::StoreKv(cache.view, 0, j, key.data(), value.data());
  }
  const std::vector<float> q = random.Normals(size_t{queries} * SpoiledCache::kDim);
  std::vector<float> out(q.size());
  Attend<Kernels>(q.data(), queries, SpoiledCache::kPosition, cache.view, 0, out.data());
  return out;
}

template <class Kernels>
void CheckAttention(KvCacheType type) {
  std::vector<float> bad(kBad, kBad + 4);
  // Too large for a half float.
  if (type == KvCacheType::kF16) bad.insert(bad.end(), {65520.0f, -65520.0f, 3e38f});
  for (const uint32_t queries : {1u, 3u, 6u}) {
    const std::vector<float> clean = AttendSpoiled<Kernels>(type, queries, SpoiledCache::kCapacity, true, 0, 0.0f);
    CHECK(AllAreFinite(clean.data(), clean.size()));
    for (const uint32_t at : {0u, 1u, 17u, 63u, 64u, 69u}) {
      for (const uint32_t d : {0u, 5u, 31u}) {
        for (const float v : bad) {
          const std::vector<float> by_key = AttendSpoiled<Kernels>(type, queries, at, true, d, v);
          CHECK(NoneIsFinite(by_key.data(), by_key.size()));
          const std::vector<float> by_value = AttendSpoiled<Kernels>(type, queries, at, false, d, v);
          bool right = true;
          for (uint32_t i = 0; i < by_value.size(); ++i) {
            // One scale serves all bytes of a value.
            if (type == KvCacheType::kInt8 || i % SpoiledCache::kDim == d) {
              right = right && !std::isfinite(by_value[i]);
            } else {
              right = right && SameBits(&by_value[i], &clean[i], 1);
            }
          }
          CHECK(right);
        }
      }
    }
  }
}

template <class Kernels>
void CheckQueries(KvCacheType type) {
  SpoiledCache cache(type);
  Random random(6);
  // Keys that are zero must not hide a non-finite query either.
  for (uint32_t j = 0; j <= SpoiledCache::kPosition; ++j) {
    const std::vector<float> key = j < 64 ? random.Normals(SpoiledCache::kDim) : std::vector<float>(SpoiledCache::kDim);
    Kernels::StoreKv(cache.view, 0, j, key.data(), random.Normals(SpoiledCache::kDim).data());
  }
  constexpr uint32_t kQueries = 6;
  const std::vector<float> numbers = random.Normals(kQueries * SpoiledCache::kDim);
  std::vector<float> clean(numbers.size()), out(numbers.size());
  for (const uint32_t position : {uint32_t{0}, uint32_t{15}, SpoiledCache::kPosition}) {
    Attend<Kernels>(numbers.data(), kQueries, position, cache.view, 0, clean.data());
    for (uint32_t h = 0; h < kQueries; ++h) {
      for (const float v : kBad) {
        std::vector<float> q = numbers;
        q[h * SpoiledCache::kDim + 7] = v;
        Attend<Kernels>(q.data(), kQueries, position, cache.view, 0, out.data());
        for (uint32_t i = 0; i < kQueries; ++i) {
          const float* const row = out.data() + i * SpoiledCache::kDim;
          const float* const expected = clean.data() + i * SpoiledCache::kDim;
          CHECK((i == h ? NoneIsFinite(row, SpoiledCache::kDim) : SameBits(row, expected, SpoiledCache::kDim)));
        }
      }
    }
  }
}

template <class Kernels>
void CheckNorm() {
  Random random(1);
  for (const uint32_t n : {32u, 96u, 2048u}) {
    const std::vector<float> numbers = random.Normals(n), weight = random.Normals(n);
    std::vector<float> clean(n), out(n);
    CHECK(std::isfinite(Kernels::RmsNorm(numbers.data(), weight.data(), n, 1e-5f, clean.data())));
    for (const uint32_t at : {uint32_t{0}, uint32_t{13}, n / 2, n - 1}) {
      // The square of the last one overflows.
      for (const float v : {NAN, -NAN, INFINITY, -INFINITY, 3e38f}) {
        std::vector<float> x = numbers;
        x[at] = v;
        CHECK(!std::isfinite(Kernels::RmsNorm(x.data(), weight.data(), n, 1e-5f, out.data())));
        CHECK(NoneIsFinite(out.data(), n));
      }
      for (const float v : kBad) {
        std::vector<float> spoiled = weight;
        spoiled[at] = v;
        CHECK(std::isfinite(Kernels::RmsNorm(numbers.data(), spoiled.data(), n, 1e-5f, out.data())));
        CHECK(!std::isfinite(out[at]));
        out[at] = clean[at];
        CHECK(SameBits(out.data(), clean.data(), n));
      }
    }
  }
}

template <class Kernels>
void CheckConvolution() {
  constexpr uint32_t kTokens = 5, kHidden = 32, kTaps = 3;
  Random random(2);
  std::vector<float> bcx = random.Normals(kTokens * 3 * kHidden), kernel = random.Normals(kTaps * kHidden);
  std::vector<float> past = random.Normals((kTaps - 1) * kHidden);
  for (const bool zeros : {false, true}) {
    // The other factor of a bad value may be 0.
    if (zeros) bcx.assign(bcx.size(), 0.0f), kernel.assign(kernel.size(), 0.0f), past.assign(past.size(), 0.0f);
    // One element of *in at channel c is bad. Then out[t, c] is not finite for t in [begin, end), and everything else
    // is unchanged.
    const auto check = [&](std::vector<float>* in, size_t at, uint32_t c, uint32_t begin, uint32_t end) {
      std::vector<float> state = past, clean(kTokens * kHidden), out(clean.size());
      Kernels::ShortConv(bcx.data(), kTokens, kHidden, 0, kHidden, kernel.data(), kTaps, state.data(), clean.data());
      const float number = (*in)[at];
      for (const float v : kBad) {
        (*in)[at] = v;
        state = past;
        Kernels::ShortConv(bcx.data(), kTokens, kHidden, 0, kHidden, kernel.data(), kTaps, state.data(), out.data());
        bool right = true;
        for (uint32_t i = 0; i < out.size(); ++i) {
          const uint32_t t = i / kHidden;
          const bool touched = i % kHidden == c && t >= begin && t < end;
          right = right && (touched ? !std::isfinite(out[i]) : SameBits(&out[i], &clean[i], 1));
        }
        CHECK(right);
      }
      (*in)[at] = number;
    };
    for (const uint32_t c : {0u, 9u, 31u}) {
      for (uint32_t k = 0; k < kTaps; ++k) check(&kernel, size_t{k} * kHidden + c, c, 0, kTokens);
      for (uint32_t k = 0; k + 1 < kTaps; ++k) check(&past, size_t{k} * kHidden + c, c, 0, k + 1);
      for (uint32_t t = 0; t < kTokens; ++t) {
        const size_t row = size_t{t} * 3 * kHidden;
        check(&bcx, row + c, c, t, Min(t + kTaps, kTokens));
        check(&bcx, row + kHidden + c, c, t, t + 1);
        check(&bcx, row + 2 * kHidden + c, c, t, Min(t + kTaps, kTokens));
      }
    }
  }
}

template <class Kernels>
void CheckRopeAndSums() {
  constexpr uint32_t kDim = 64;
  Random random(3);
  const std::vector<float> numbers = random.Normals(kDim), others = random.Normals(kDim);
  std::vector<float> cos_sin(kDim);
  // An angle of 0, which multiplies one element of each pair by 0.
  for (uint32_t i = 0; i < kDim / 2; ++i) cos_sin[i] = 1.0f;
  for (const float v : kBad) {
    for (const uint32_t at : {0u, 21u, 32u, 63u}) {
      std::vector<float> x = numbers;
      x[at] = v;
      Kernels::Rope(x.data(), kDim, cos_sin.data());
      CHECK((!std::isfinite(x[at]) && !std::isfinite(x[(at + kDim / 2) % kDim])));
      x = numbers;
      x[at] = v;
      Kernels::AddScaled(x.data(), others.data(), 0.5f, kDim);
      CHECK(!std::isfinite(x[at]));
      std::vector<float> y = others;
      y[at] = v;
      x = numbers;
      // An expert with a weight of 0 has no effect unless its output is not finite.
      Kernels::AddScaled(x.data(), y.data(), 0.0f, kDim);
      CHECK(!std::isfinite(x[at]));
    }
    std::vector<float> x = numbers;
    Kernels::AddScaled(x.data(), others.data(), v, kDim);
    CHECK(NoneIsFinite(x.data(), kDim));
  }
}

}  // namespace

TEST_CASE("a scale or a min that is not finite makes all products of its row non-finite, whatever the activations") {
  constexpr uint32_t kRows = 24;
  for (const TensorType type : CompiledTypes()) {
    if (!IsQuantized(type)) continue;
    CAPTURE(std::string(NameOf(type)));
    const uint32_t columns = TraitsOf(type).columns, cols = 2 * columns;
    const TestMatrix clean(type, kRows, cols, Weight::kRandom, 1);
    for (const uint16_t number : BadNumbers(type)) {
      CAPTURE(number);
      for (const uint32_t row : {0u, 7u, 15u, 18u}) {
        for (uint32_t col = 0; col < cols; col += columns) {
          TestMatrix spoiled(type, kRows, cols, Weight::kRandom, 1);
          spoiled.SetScale(row, col, number);
          CHECK(SpoilsItsRow(clean, spoiled, row));
          // An embedding reads such a row.
          std::vector<float> weights(cols);
          DequantizeRow(spoiled.view(), row, weights.data());
          CHECK(NoneIsFinite(weights.data() + col, columns));
          CHECK(AllAreFinite(weights.data() + (col == 0 ? columns : 0), columns));
          if (PlacesOf(type).min == 0) continue;
          TestMatrix by_min(type, kRows, cols, Weight::kRandom, 1);
          by_min.SetMin(row, col, number);
          CHECK(SpoilsItsRow(clean, by_min, row));
        }
      }
    }
  }
}

TEST_CASE("a weight that is not finite makes all products of its row non-finite") {
  constexpr TensorType kFloats[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16};
  for (const TensorType type : CompiledTypes(kFloats)) {
    CAPTURE(std::string(NameOf(type)));
    const TestMatrix clean(type, 24, 64, Weight::kRandom, 2);
    for (const float v : kBad) {
      for (const uint32_t row : {0u, 7u, 15u, 18u}) {
        for (const uint32_t col : {0u, 31u, 32u, 50u}) {
          TestMatrix spoiled(type, 24, 64, Weight::kRandom, 2);
          spoiled.SetFloat(row, col, v);
          CHECK(SpoilsItsRow(clean, spoiled, row));
        }
      }
    }
  }
}

TEST_CASE("an activation that is not finite makes all products of its token non-finite, and no other token's") {
  constexpr uint32_t kTokens = 6, kCols = 256, kRows = 24;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(std::string(NameOf(type)));
    const TestMatrix w(type, kRows, kCols, Weight::kRandom, 9);
    const TestInput clean(kTokens, kCols, Activation::kNormal, 10);
    const std::vector<float> clean_out = Multiply<Simd>(w, clean);
    for (const float v : kBad) {
      for (const uint32_t column : {0u, 32u, 50u, 63u, 255u}) {
        TestInput spoiled(kTokens, kCols, Activation::kNormal, 10);
        spoiled.Row(3)[column] = v;
        spoiled.Pack();
        const std::vector<float> out = Multiply<Simd>(w, spoiled);
        for (uint32_t t = 0; t < kTokens; ++t) {
          const float* const row = out.data() + t * kRows;
          CHECK((t == 3 ? NoneIsFinite(row, kRows) : SameBits(row, clean_out.data() + t * kRows, kRows)));
        }
        const std::vector<float> reference = Multiply<ReferenceKernels>(w, spoiled);
        CHECK(NoneIsFinite(reference.data() + 3 * kRows, kRows));
      }
    }
  }
}

TEST_CASE("gate and up: a non-finite number in either makes the row of the result non-finite") {
  constexpr uint32_t kRows = 24, kCols = 256;
  const auto check = [](auto kernels, const TestMatrix& gate, const TestMatrix& up, uint32_t row) {
    const TestInput in(3, kCols, Activation::kNormal, 13);
    std::vector<float> out(3 * kRows);
    kernels.MatMulSwiGlu(gate.view(), up.view(), in.input(), 0, 2, out.data(), kRows);
    bool right = true;
    for (uint32_t i = 0; i < out.size(); ++i) right = right && std::isfinite(out[i]) == (i % kRows != row);
    CHECK(right);
  };
  constexpr TensorType kTried[] = {TensorType::kQ4_0, TensorType::kQ8_0, TensorType::kQ6_K, TensorType::kF16};
  for (const TensorType type : CompiledTypes(kTried)) {
    CAPTURE(std::string(NameOf(type)));
    const TestMatrix gate(type, kRows, kCols, Weight::kRandom, 11), up(type, kRows, kCols, Weight::kRandom, 12);
    for (const float v : kBad) {
      TestMatrix bad_gate(type, kRows, kCols, Weight::kRandom, 11), bad_up(type, kRows, kCols, Weight::kRandom, 12);
      for (TestMatrix* m : {&bad_gate, &bad_up}) {
        if (IsQuantized(type)) {
          m->SetScale(9, 0, F16FromF32(v));
        } else {
          m->SetFloat(9, 0, v);
        }
      }
      check(Simd(), bad_gate, up, 9);
      check(Simd(), gate, bad_up, 9);
      check(ReferenceKernels(), bad_gate, up, 9);
      check(ReferenceKernels(), gate, bad_up, 9);
    }
  }
}

TEST_CASE("RMSNorm reports it for its input, and one weight affects one result") {
  CheckNorm<Simd>();
  CheckNorm<ReferenceKernels>();
}

TEST_CASE("short convolution: taps, gates, inputs and the past") {
  CheckConvolution<Simd>();
  CheckConvolution<ReferenceKernels>();
}

TEST_CASE("rotary embedding and sums") {
  CheckRopeAndSums<Simd>();
  CheckRopeAndSums<ReferenceKernels>();
}

TEST_CASE("attention: a key affects all results, a value its column, a query its row, in a cache of any type") {
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8}) {
    CAPTURE(BytesOf(type));
    CheckAttention<Simd>(type);
    CheckQueries<Simd>(type);
    CheckAttention<ReferenceKernels>(type);
    CheckQueries<ReferenceKernels>(type);
  }
}

}  // namespace lfm2::test
