// Differential fuzzing: every kernel on random shapes and hostile numbers, compared with the reference within
// tolerances that are derived from the roundings. A few hundred cases with fixed seeds are part of every run. The
// environment variables LFM2_KERNEL_FUZZ_RUNS (cases of each kind) and LFM2_KERNEL_FUZZ_SEED (the first seed) select
// others: `LFM2_KERNEL_FUZZ_RUNS=100000 LFM2_KERNEL_FUZZ_SEED=1000 kernels_test -tc="fuzz*"`. Each case depends on its
// seed alone, which a failure prints.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "lfm2/kernels/kernels-inl.h"
#include "tests/kernels/check_attention.h"
#include "tests/kernels/check_panel.h"
#include "tests/kernels/check_product.h"

namespace lfm2::test {
namespace {

uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Calls check(random) for each case.
template <class Check>
void ForCases(uint64_t cases, Check&& check) {
  const uint64_t runs = NumberFromEnvironment("LFM2_KERNEL_FUZZ_RUNS", cases);
  const uint64_t first = NumberFromEnvironment("LFM2_KERNEL_FUZZ_SEED", 1);
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check(random);
  }
}

template <class T, size_t n>
T OneOf(const T (&of)[n], Random& random) {
  return of[random.Bits() % n];
}
uint32_t UpTo(uint32_t high, Random& random) {
  return static_cast<uint32_t>(random.Integer(1, static_cast<int>(high)));
}

// n numbers: each group of 32 has one magnitude between 10^low and 10^high, or is zero.
std::vector<float> Hostile(size_t n, float low, float high, Random& random) {
  std::vector<float> values(n);
  float factor = 0.0f;
  for (size_t i = 0; i < n; ++i) {
    if (i % 32 == 0) factor = random.Bits() % 8 == 0 ? 0.0f : std::pow(10.0f, random.Uniform(low, high));
    values[i] = factor * random.Normal();
  }
  return values;
}

TensorType RandomType(Random& random) {
  const std::vector<TensorType> types = CompiledTypes();
  return types[random.Bits() % types.size()];
}
// A multiple of the type's columns, such that rows x cols stays small.
uint32_t RandomCols(TensorType type, uint32_t most, Random& random) {
  const uint32_t columns = TraitsOf(type).columns;
  return columns * UpTo(std::max(1u, most / columns), random);
}
uint32_t RandomTokens(Random& random) {
  constexpr uint32_t kMany[] = {9, 13, 16, 17, 32, 33, 40};
  return random.Bits() % 4 == 0 ? OneOf(kMany, random) : UpTo(8, random);
}
Weight RandomWeight(Random& random) { return random.Bits() % 2 == 0 ? Weight::kMixed : OneOf(kAllWeights, random); }
Activation RandomActivationKind(Random& random) {
  return random.Bits() % 2 == 0 ? Activation::kMixed : OneOf(kAllActivations, random);
}

}  // namespace

TEST_CASE("fuzz: products of any shape and type") {
  ForCases(120, [](Random& random) {
    const TensorType type = RandomType(random);
    const uint32_t tokens = RandomTokens(random), rows = UpTo(tokens > 8 ? 20 : 40, random);
    const uint32_t cols = RandomCols(type, tokens > 8 ? 256 : 512, random);
    const Weight weight = RandomWeight(random);
    const Activation activation = RandomActivationKind(random);
    CAPTURE(NameOf(type));
    CAPTURE(rows);
    CAPTURE(cols);
    CAPTURE(tokens);
    CAPTURE(static_cast<int>(weight));
    CAPTURE(static_cast<int>(activation));
    const TestMatrix w(type, rows, cols, weight, random.Bits());
    const TestInput in(tokens, cols, activation, random.Bits());
    CheckProduct(w, in);

    // A range of row blocks with gathered tokens.
    const uint32_t blocks = w.view().row_blocks();
    const uint32_t begin = random.Bits() % blocks, end = begin + UpTo(blocks - begin, random);
    std::vector<uint32_t> gather(RandomTokens(random));
    for (uint32_t& row : gather) row = random.Bits() % tokens;
    MatMulInput some = in.input();
    some.rows = gather.data();
    some.tokens = static_cast<uint32_t>(gather.size());
    AlignedBuffer<uint8_t> panel(static_cast<size_t>(PanelBytes(some.tokens, cols)));
    Simd::PackPanel(some, cols, 0, Tiling(some.tokens, Simd::kMaxTile).tiles(), panel.data());
    some.panel = panel.data();
    const Output whole = Multiply(w, in.input());
    Output part(some.tokens, rows);
    Simd::MatMul(w.view(), some, begin, end, part.data(), part.stride());
    bool right = part.RimIsIntact();
    for (uint32_t t = 0; t < some.tokens; ++t) {
      for (uint32_t row = 0; row < rows; ++row) {
        const float expected = row / 16 >= begin && row / 16 < end ? whole.at(gather[t], row) : kUntouched;
        const float value = part.at(t, row);
        right = right && SameBits(&value, &expected, 1);
      }
    }
    CHECK(right);
  });
}

TEST_CASE("fuzz: activations to integers") {
  ForCases(120, [](Random& random) {
    const uint32_t tokens = RandomTokens(random), cols = 32 * UpTo(8, random);
    const TestInput in(tokens, cols, RandomActivationKind(random), random.Bits());
    for (uint32_t t = 0; t < tokens; ++t) {
      for (uint32_t g = 0; g < cols / 32; ++g) CheckGroup(in, t, g);
    }
  });
}

TEST_CASE("fuzz: gate and up in one go") {
  ForCases(40, [](Random& random) {
    const TensorType type = RandomType(random), up_type = random.Bits() % 4 == 0 ? TensorType::kF32 : type;
    const uint32_t rows = UpTo(40, random), cols = RandomCols(type, 256, random), tokens = RandomTokens(random);
    const TestMatrix gate(type, rows, cols, RandomWeight(random), random.Bits());
    const TestMatrix up(up_type, rows, cols, RandomWeight(random), random.Bits());
    const TestInput in(tokens, cols, RandomActivationKind(random), random.Bits());
    const Output g = Multiply(gate, in.input()), u = Multiply(up, in.input());
    Output out(tokens, rows);
    Simd::MatMulSwiGlu(gate.view(), up.view(), in.input(), 0, gate.view().row_blocks(), out.data(), out.stride());
    Worst worst;
    for (uint32_t t = 0; t < tokens; ++t) {
      for (uint32_t row = 0; row < rows; ++row) {
        const double v = static_cast<double>(g.at(t, row)), factor = static_cast<double>(u.at(t, row));
        const double expected = v / (1.0 + std::exp(-v)) * factor;
        if (std::fabs(expected) > 3e38) continue;  // too large for a float
        // Exp does not exceed exp(88), so below -88 silu is v / 1.6e38 instead of nearly 0.
        const double tail = v < -85.0 ? std::fabs(v) / 1.6e38 : 0.0;
        const double tolerance = 5e-7 * std::fabs(expected) + (tail + 2 * kSmallestNormal) * (std::fabs(factor) + 1);
        worst.Add(static_cast<double>(out.at(t, row)), expected, tolerance);
      }
    }
    CHECK(worst.share() <= 1.0);
    CHECK(out.RimIsIntact());
  });
}

TEST_CASE("fuzz: attention, and what the cache holds") {
  ForCases(60, [](Random& random) {
    const uint32_t dim = 32 * UpTo(4, random), queries = UpTo(9, random);
    const uint32_t positions = random.Bits() % 4 == 0 ? UpTo(700, random) : UpTo(130, random);
    const KvCacheType type = OneOf(kKvTypes, random);
    CAPTURE(BytesOf(type));
    CAPTURE(dim);
    CAPTURE(queries);
    CAPTURE(positions);
    // Half floats end at 65504.
    const float highest = type == KvCacheType::kF16 ? 3.5f : 18.0f;
    AttentionCase c{type, dim, queries, random.Normals(queries * dim), {}, {}};
    c.keys = Hostile(size_t{positions} * dim, -40.0f, random.Bits() % 2 == 0 ? 0.0f : 2.0f, random);
    c.values = Hostile(size_t{positions} * dim, -40.0f, highest, random);
    c.part = kAttentionBlock * UpTo(12, random);
    CAPTURE(c.part);
    CheckAttention(c);
    const uint32_t capacity = RoundUp(positions, kAttentionBlock);
    TestCache cache(1, dim, type, 0xff, capacity), reference(1, dim, type, 0xff, capacity);
    for (uint32_t j = 0; j < positions; ++j) {
      const float *const key = &c.keys[size_t{j} * dim], *const value = &c.values[size_t{j} * dim];
      Simd::StoreKv(cache.view, 0, j, key, value);
      ReferenceKernels::StoreKv(reference.view, 0, j, key, value);
    }
    CHECK(std::memcmp(cache.keys.data(), reference.keys.data(), cache.bytes) == 0);
    CHECK(std::memcmp(cache.values.data(), reference.values.data(), cache.bytes) == 0);
  });
}

TEST_CASE("fuzz: RMSNorm and rotary embedding") {
  ForCases(120, [](Random& random) {
    const uint32_t n = 32 * UpTo(64, random);
    const float eps = std::pow(10.0f, random.Uniform(-12.0f, -2.0f));
    CAPTURE(n);
    std::vector<float> x = Hostile(n, -44.0f, 16.0f, random), weight = Hostile(n, -10.0f, 10.0f, random);
    std::vector<float> out(n + 1, kUntouched), reference(n);
    const double mean = static_cast<double>(Simd::RmsNorm(x.data(), weight.data(), n, eps, out.data()));
    const double expected =
        static_cast<double>(ReferenceKernels::RmsNorm(x.data(), weight.data(), n, eps, reference.data()));
    Worst worst;
    // At worst n / 2 successive roundings; the square root halves their effect. Squares that underflow are lost.
    worst.Add(mean, expected, (n / 2 + 9) * kEpsilon * expected + kSmallestNormal);
    const double lost = kSmallestNormal / static_cast<double>(eps);
    for (uint32_t i = 0; i < n; ++i) {
      const double value = static_cast<double>(reference[i]);
      worst.Add(static_cast<double>(out[i]), value,
                ((n / 4 + 11) * kEpsilon + lost) * std::fabs(value) +
                    2 * kSmallestNormal * (1 + std::fabs(static_cast<double>(weight[i]))));
    }
    CHECK(worst.share() <= 1.0);
    CHECK(out[n] == kUntouched);

    const uint32_t head_dim = 32 * UpTo(8, random), half = head_dim / 2;
    std::vector<float> head = Hostile(head_dim, -44.0f, 30.0f, random), cos_sin(head_dim);
    for (uint32_t i = 0; i < half; ++i) {
      const float angle = random.Uniform(-4.0f, 4.0f);
      cos_sin[i] = std::cos(angle);
      cos_sin[half + i] = std::sin(angle);
    }
    std::vector<float> turned = head;
    const std::vector<float> before = head;
    Simd::Rope(head.data(), head_dim, cos_sin.data());
    ReferenceKernels::Rope(turned.data(), head_dim, cos_sin.data());
    Worst rope;
    for (uint32_t i = 0; i < head_dim; ++i) {
      const double a = std::fabs(static_cast<double>(before[i % half]));
      const double b = std::fabs(static_cast<double>(before[i % half + half]));
      // Two roundings here and three in the reference.
      rope.Add(static_cast<double>(head[i]), static_cast<double>(turned[i]),
               5 * kEpsilon * (a + b) + 4 * kSmallestNormal);
    }
    CHECK(rope.share() <= 1.0);
  });
}

TEST_CASE("fuzz: short convolution and adding a scaled vector") {
  ForCases(120, [](Random& random) {
    const uint32_t tokens = UpTo(9, random), hidden = 16 * UpTo(8, random), taps = 1 + UpTo(7, random);
    const uint32_t begin = 16 * (random.Bits() % (hidden / 16));
    const uint32_t end = begin + 16 * UpTo((hidden - begin) / 16, random);
    CAPTURE(tokens);
    CAPTURE(hidden);
    CAPTURE(taps);
    const std::vector<float> bcx = Hostile(size_t{tokens} * 3 * hidden, -44.0f, 8.0f, random);
    const std::vector<float> kernel = Hostile(size_t{taps} * hidden, -20.0f, 4.0f, random);
    std::vector<float> state = Hostile(size_t{taps - 1} * hidden, -44.0f, 8.0f, random), its_state = state;
    const std::vector<float> before = state;
    std::vector<float> out(size_t{tokens} * hidden, kUntouched), reference = out;
    Simd::ShortConv(bcx.data(), tokens, hidden, begin, end, kernel.data(), taps, state.data(), out.data());
    ReferenceKernels::ShortConv(bcx.data(), tokens, hidden, begin, end, kernel.data(), taps, its_state.data(),
                                reference.data());
    // |u| of the past and of all tokens, oldest first.
    std::vector<double> u(before.size() + out.size());
    for (size_t i = 0; i < u.size(); ++i) {
      const size_t t = i / hidden, c = i % hidden, now = t + 1 - taps;  // where t + 1 >= taps
      u[i] = t + 1 < taps ? std::fabs(static_cast<double>(before[i]))
                          : std::fabs(static_cast<double>(bcx[now * 3 * hidden + c]) *
                                      static_cast<double>(bcx[now * 3 * hidden + 2 * hidden + c]));
    }
    Worst worst;
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t t = i / hidden, c = i % hidden;
      double terms = 0, small = 1;
      for (size_t k = 0; k < taps; ++k) {
        const double factor = std::fabs(static_cast<double>(kernel[k * hidden + c]));
        terms += factor * u[(t + k) * hidden + c];
        small += factor;
      }
      const double gate = std::fabs(static_cast<double>(bcx[t * 3 * hidden + hidden + c]));
      worst.Add(static_cast<double>(out[i]), static_cast<double>(reference[i]),
                (taps + 4) * kEpsilon * gate * terms + kSmallestNormal * (1 + 2 * gate * small));
    }
    for (size_t i = 0; i < state.size(); ++i) {
      worst.Add(static_cast<double>(state[i]), static_cast<double>(its_state[i]), kSmallestNormal);
    }
    CHECK(worst.share() <= 1.0);

    const uint32_t n = 16 * UpTo(40, random);
    const float scale = Hostile(1, -20.0f, 8.0f, random)[0];
    const std::vector<float> y = Hostile(n, -44.0f, 20.0f, random), x = Hostile(n, -44.0f, 20.0f, random);
    std::vector<float> sum = x, its_sum = x;
    sum.push_back(kUntouched);
    Simd::AddScaled(sum.data(), y.data(), scale, n);
    ReferenceKernels::AddScaled(its_sum.data(), y.data(), scale, n);
    Worst added;
    for (uint32_t i = 0; i < n; ++i) {
      const double product = static_cast<double>(scale) * static_cast<double>(y[i]);
      // At most two roundings here and two in the reference.
      added.Add(static_cast<double>(sum[i]), static_cast<double>(its_sum[i]),
                4 * kEpsilon * (std::fabs(static_cast<double>(x[i])) + std::fabs(product)) +
                    2 * kSmallestNormal * (1 + std::fabs(static_cast<double>(scale))));
    }
    CHECK(added.share() <= 1.0);
    CHECK(sum[n] == kUntouched);
  });
}

}  // namespace lfm2::test
