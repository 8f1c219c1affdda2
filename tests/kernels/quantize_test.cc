// Activations as a panel: rounded to nearest, with the scale of least squared error, in the layout that the tiles read.
#include "lfm2/kernels/quantize-inl.h"

#include <doctest/doctest.h>

#include "tests/kernels/check_panel.h"

namespace lfm2::test {

TEST_CASE("every group of every token: nearest values, their sums, the scale of least squares") {
  for (const uint32_t tokens : {1u, 2u, 7u, 8u, 9u, 17u}) {
    CAPTURE(tokens);
    for (const Activation kind : kAllActivations) {
      CAPTURE(static_cast<int>(kind));
      const TestInput in(tokens, 96, kind, tokens);
      for (uint32_t t = 0; t < tokens; ++t) {
        for (uint32_t g = 0; g < 3; ++g) CheckGroup(in, t, g);
      }
    }
  }
}

TEST_CASE("any magnitude of a float, from below the smallest normal to the largest") {
  for (int exponent = -140; exponent <= 127; ++exponent) {
    CAPTURE(exponent);
    TestInput in(1, 32);
    Random random(static_cast<uint64_t>(exponent + 200));
    for (uint32_t c = 0; c < 32; ++c) in.Row(0)[c] = std::ldexp(random.Uniform(-1.0f, 1.0f), exponent);
    in.Pack();
    CheckGroup(in, 0, 0);
  }
}

TEST_CASE("least squares lose less than the maximum over 127 does") {
  const TestInput in(4, 1024, Activation::kNormal, 20);
  double ours = 0, plain = 0;
  for (uint32_t t = 0; t < 4; ++t) {
    for (uint32_t g = 0; g < 32; ++g) {
      ours += SquaredError(in, t, g, static_cast<double>(in.scale(t, g)));
      plain += SquaredError(in, t, g, Highest(in, t, g) / 127);
    }
  }
  CHECK(ours < plain);
}

TEST_CASE("ties go to the even neighbour") {
  TestInput in(1, 32);
  const float x[] = {127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 100.5f, 101.5f, -126.5f, -125.5f};
  const int q[] = {127, 0, 2, 2, 0, -2, -2, 100, 102, -126, -126};
  std::memcpy(in.Row(0), x, sizeof(x));
  in.Pack();
  for (uint32_t c = 0; c < 11; ++c) CHECK(in.quad(0, c) == q[c]);
}

TEST_CASE(
    "a group with an infinity or a NaN becomes zeros that make every product a NaN; its neighbours are unaffected") {
  for (const float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
    for (const uint32_t column : {32u, 40u, 47u, 48u, 63u}) {
      TestInput in(2, 96, Activation::kNormal, 21);
      in.Row(1)[column] = bad;
      in.Pack();
      CHECK((std::isnan(in.scale(1, 1)) && std::isnan(in.sum(1, 1))));
      bool zeros = in.minus_eight_sum(1, 1) == 0 && in.minus_eight_sum_low(1, 1) == 0;
      for (uint32_t c = 32; c < 64; ++c) zeros = zeros && in.quad(1, c) == 0;
      CHECK(zeros);
      CheckGroup(in, 0, 1);
      CheckGroup(in, 1, 0);
      CheckGroup(in, 1, 2);
    }
  }
}

TEST_CASE("tiles can be packed in any pieces, and each writes its own bytes only") {
  constexpr uint32_t kTokens = 19, kCols = 64;
  const TestInput in(kTokens, kCols, Activation::kNormal, 22);
  const Tiling tiling(kTokens, Simd::kMaxTile);
  const size_t bytes = static_cast<size_t>(PanelBytes(kTokens, kCols));
  AlignedBuffer<uint8_t> pieces(bytes);
  for (uint32_t tile = tiling.tiles(); tile-- > 0;) {
    AlignedBuffer<uint8_t> one(bytes), other(bytes);
    std::memset(other.data(), 0xff, bytes);
    Simd::PackPanel(in.input(), kCols, tile, tile + 1, one.data());
    Simd::PackPanel(in.input(), kCols, tile, tile + 1, other.data());
    const size_t begin = static_cast<size_t>(PanelBytes(tiling.Begin(tile), kCols));
    const size_t end = static_cast<size_t>(PanelBytes(tiling.Begin(tile + 1), kCols));
    bool outside = true;
    for (size_t i = 0; i < bytes; ++i) {
      if (i < begin || i >= end) outside = outside && one.data()[i] == 0 && other.data()[i] == 0xff;
    }
    CHECK(outside);
    CHECK(std::memcmp(one.data() + begin, other.data() + begin, end - begin) == 0);
    Simd::PackPanel(in.input(), kCols, tile, tile + 1, pieces.data());
  }
  CHECK(std::memcmp(pieces.data(), in.input().panel, bytes) == 0);
}

TEST_CASE("tiles: as few as possible, of nearly the same size, covering every token once") {
  for (const uint32_t max : {1u, 4u, 8u}) {
    for (uint32_t tokens = 0; tokens <= 70; ++tokens) {
      const Tiling tiling(tokens, max);
      CHECK(tiling.tiles() == (tokens + max - 1) / max);
      CHECK(tiling.Begin(0) == 0);
      CHECK(tiling.Begin(tiling.tiles()) == tokens);
      for (uint32_t i = 0; i < tiling.tiles(); ++i) {
        const uint32_t size = tiling.Begin(i + 1) - tiling.Begin(i), smallest = tokens / tiling.tiles();
        CHECK((size <= max && (size == smallest || size == smallest + 1)));
      }
    }
  }
  const Tiling large(4000000000u, 8);
  CHECK(large.Begin(large.tiles()) == 4000000000u);
}

}  // namespace lfm2::test
