// The SIMD products against two oracles: the exact products of the panel's integers, and the scalar reference with
// float activations, within the error of quantising these. With a wrong kernel a model produces nonsense, or other
// answers on another processor or with another prompt length.
#include "lfm2/kernels/matmul-inl.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/kernels/check_product.h"

namespace lfm2::test {
namespace {

std::string Name(TensorType type) { return NameOf(type); }

}  // namespace

TEST_CASE("every type, every extreme of weights and activations") {
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    for (const Weight weight : kAllWeights) {
      CAPTURE(static_cast<int>(weight));
      const TestMatrix w(type, 17, 256, weight, 1);
      for (const Activation activation : kAllActivations) {
        CAPTURE(static_cast<int>(activation));
        CheckProduct(w, TestInput(5, 256, activation, 2));
      }
    }
  }
}

TEST_CASE("every shape: rows that do not fill a block, one group of columns, many") {
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    for (const uint32_t rows : {1u, 15u, 17u, 33u}) {
      CAPTURE(rows);
      for (const uint32_t cols : {32u, 64u, 96u, 224u, 256u, 512u, 1792u}) {
        if (cols % TraitsOf(type).columns != 0 || (cols > 512 && rows > 17)) continue;
        CAPTURE(cols);
        const uint64_t seed = rows * 10000 + cols;
        CheckProduct(TestMatrix(type, rows, cols, Weight::kRandom, seed),
                     TestInput(3, cols, Activation::kNormal, seed + 1));
      }
    }
  }
}

TEST_CASE("a token's result is bit-identical alone and among any number of others") {
  constexpr uint32_t kTokens = 17, kCols = 256;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 40, kCols, Weight::kRandom, 3);
    std::vector<std::vector<float>> alone;
    for (uint32_t t = 0; t < kTokens; ++t) {
      TestInput one(1, kCols, Activation::kOutlier, 100 + t);
      const Output out = Multiply(w, one.input());
      alone.emplace_back(out.Token(0), out.Token(0) + w.rows());
    }
    for (uint32_t tokens = 1; tokens <= kTokens; ++tokens) {
      CAPTURE(tokens);
      TestInput in(tokens, kCols);
      for (uint32_t t = 0; t < tokens; ++t) {
        std::memcpy(in.Row(t), TestInput(1, kCols, Activation::kOutlier, 100 + t).Row(0), kCols * sizeof(float));
      }
      in.Pack();
      const Output out = Multiply(w, in.input());
      bool same = true;
      for (uint32_t t = 0; t < tokens; ++t) same = same && SameBits(out.Token(t), alone[t].data(), w.rows());
      CHECK(same);
      CHECK(out.RimIsIntact());
    }
  }
}

TEST_CASE("the same for more tokens and columns than go through a row block together") {
  constexpr uint32_t kTokens = 150, kCols = 1280;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 20, kCols, Weight::kRandom, 5);
    const TestInput in(kTokens, kCols, Activation::kNormal, 6);
    const Output out = Multiply(w, in.input());
    CHECK(out.RimIsIntact());
    for (const uint32_t t : {0u, 63u, 64u, 127u, 149u}) {
      TestInput one(1, kCols);
      std::memcpy(one.Row(0), in.Row(t), kCols * sizeof(float));
      one.Pack();
      CHECK(SameBits(out.Token(t), Multiply(w, one.input()).Token(0), w.rows()));
    }
  }
}

TEST_CASE("a range of row blocks writes its rows, the same bits, and no others") {
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 70, 256, Weight::kRandom, 4);
    const TestInput in(5, 256, Activation::kNormal, 5);
    const Output whole = Multiply(w, in.input());
    for (uint32_t begin = 0; begin <= 5; ++begin) {
      for (uint32_t end = begin; end <= 5; ++end) {
        Output out(5, w.rows());
        Simd::MatMul(w.view(), in.input(), begin, end, out.data(), out.stride());
        bool right = true;
        for (uint32_t t = 0; t < 5; ++t) {
          for (uint32_t row = 0; row < w.rows(); ++row) {
            const bool inside = row / 16 >= begin && row / 16 < end;
            right = right && out.at(t, row) == (inside ? whole.at(t, row) : kUntouched);
          }
        }
        CHECK(right);
        CHECK(out.RimIsIntact());
      }
    }
  }
}

TEST_CASE("gathered rows, in any order and more than once, are those rows") {
  constexpr uint32_t kCols = 256;
  const uint32_t rows[] = {6, 0, 3, 3, 3, 1, 6, 2, 5, 4, 0};
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    const TestMatrix w(type, 40, kCols, Weight::kRandom, 6);
    const TestInput in(7, kCols, Activation::kNormal, 7);
    const Output plain = Multiply(w, in.input());
    MatMulInput gathered = in.input();
    gathered.rows = rows;
    gathered.tokens = 11;
    AlignedBuffer<uint8_t> panel(static_cast<size_t>(PanelBytes(11, kCols)));
    Simd::PackPanel(gathered, kCols, 0, Tiling(11, Simd::kMaxTile).tiles(), panel.data());
    gathered.panel = panel.data();
    const Output out = Multiply(w, gathered);
    for (uint32_t t = 0; t < 11; ++t) CHECK(SameBits(out.Token(t), plain.Token(rows[t]), w.rows()));
  }
}

TEST_CASE("no tokens: nothing is read or written") {
  const TestMatrix w(TensorType::kQ4_0, 16, 32, Weight::kRandom, 8);
  float untouched = kUntouched;
  Simd::PackPanel(MatMulInput(), 32, 0, 0, nullptr);
  Simd::MatMul(w.view(), MatMulInput(), 0, 1, &untouched, 16);
  CHECK(untouched == kUntouched);
}

TEST_CASE("gate and up in one go: silu of the one product times the other") {
  constexpr uint32_t kCols = 256;
  for (const TensorType type : CompiledTypes()) {
    CAPTURE(Name(type));
    for (const uint32_t tokens : {1u, 4u, 5u, 8u, 13u}) {
      const TestMatrix gate(type, 40, kCols, Weight::kRandom, 11), up(type, 40, kCols, Weight::kRandom, 12);
      const TestInput in(tokens, kCols, Activation::kNormal, 13);
      const Output g = Multiply(gate, in.input()), u = Multiply(up, in.input());
      Output out(tokens, gate.rows());
      Simd::MatMulSwiGlu(gate.view(), up.view(), in.input(), 0, 2, out.data(), out.stride());
      bool untouched = true;
      for (uint32_t t = 0; t < tokens; ++t) {
        for (uint32_t row = 32; row < gate.rows(); ++row) untouched = untouched && out.at(t, row) == kUntouched;
      }
      CHECK(untouched);
      Simd::MatMulSwiGlu(gate.view(), up.view(), in.input(), 2, 3, out.data(), out.stride());
      Worst worst;
      for (uint32_t t = 0; t < tokens; ++t) {
        for (uint32_t row = 0; row < gate.rows(); ++row) {
          const double v = static_cast<double>(g.at(t, row));
          const double expected = v / (1.0 + std::exp(-v)) * static_cast<double>(u.at(t, row));
          worst.Add(static_cast<double>(out.at(t, row)), expected, 5e-7 * std::fabs(expected) + 1e-30);
        }
      }
      CHECK(worst.share() <= 1.0);
      CHECK(out.RimIsIntact());
    }
  }
}

}  // namespace lfm2::test
