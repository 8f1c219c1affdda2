// Products of weights of every type with 1 to 512 tokens, from cache and from memory.
#include <chrono>
#include <cstring>
#include <string>

#include "benchmarks/kernel_benchmark.h"
#include "tests/kernels/test_matrix.h"

namespace lfm2::benchmarks {

namespace {

using ::benchmark::State;

struct Shape {
  const char* name;
  uint32_t rows;
  uint32_t cols;
  uint64_t bytes;  // all matrices together, taken in turn; 0: one matrix
};
// The second is that of a feed forward of LFM2-8B-A1B, with more weights than fit into caches.
constexpr Shape kShapes[] = {{"cache", 256, 2048, 0}, {"memory", 7168, 2048, uint64_t{768} << 20}};
constexpr uint32_t kTokens[] = {1, 2, 4, 8, 16, 128, 512};

// Copies of one random row block: the time of the kernels does not depend on the values.
class Weights {
 public:
  Weights(TensorType type, const Shape& shape)
      : shape_(shape),
        type_(type),
        bytes_(static_cast<size_t>(MatrixBytes(type, shape.rows, shape.cols))),
        count_(static_cast<size_t>(Max<uint64_t>(shape.bytes / bytes_, 1))),
        memory_(count_ * bytes_) {
    const test::TestMatrix block(type, kBlockRows, shape.cols, test::Weight::kRandom, 1);
    const size_t block_bytes = block.view().row_block_bytes();
    for (size_t at = 0; at < count_ * bytes_; at += block_bytes) {
      std::memcpy(memory_.data() + at, block.view().data, block_bytes);
    }
  }
  size_t bytes() const { return bytes_; }
  Matrix Next() {
    const Matrix m{memory_.data() + next_ * bytes_, shape_.rows, shape_.cols, type_};
    next_ = (next_ + 1) % count_;
    return m;
  }

 private:
  Shape shape_;
  TensorType type_;
  size_t bytes_;
  size_t count_;
  test::AlignedBuffer<uint8_t> memory_;
  size_t next_ = 0;
};

void BenchmarkMatMul(State& state, TensorType type, const Shape& shape, uint32_t tokens) {
  const Kernels kernels{};
  Weights weights(type, shape);
  const test::AlignedBuffer<float> x = RandomFloats(size_t{tokens} * shape.cols, 2);
  test::AlignedBuffer<uint8_t> panel(static_cast<size_t>(PanelBytes(tokens, shape.cols)));
  test::AlignedBuffer<float> out(size_t{tokens} * shape.rows);
  MatMulInput in;
  in.x = x.data();
  in.stride = shape.cols;
  in.tokens = tokens;
  in.panel = panel.data();
  const Tiling tiling(tokens, kernels.kMaxTile);
  kernels.PackPanel(in, shape.cols, 0, tiling.tiles(), panel.data());
  const auto begin = std::chrono::steady_clock::now();
  for (auto _ : state) {
    const Matrix w = weights.Next();
    kernels.MatMul(w, in, 0, w.row_blocks(), out.data(), shape.rows);
    ::benchmark::ClobberMemory();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  CountMacs(state, static_cast<double>(shape.rows) * shape.cols * tokens, seconds.count());
  CountBytes(state, static_cast<double>(weights.bytes()));
}

}  // namespace

void RegisterMatMul() {
  for (const TensorType type : test::CompiledTypes()) {
    for (const Shape& shape : kShapes) {
      for (const uint32_t tokens : kTokens) {
        const std::string name =
            std::string("MatMul/") + NameOf(type) + "/" + shape.name + "/tokens:" + std::to_string(tokens);
        ::benchmark::RegisterBenchmark(name.c_str(), [=](State& s) { BenchmarkMatMul(s, type, shape, tokens); });
      }
    }
  }
}

}  // namespace lfm2::benchmarks
