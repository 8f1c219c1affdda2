// dense_product: times out[tokens, rows] = x[tokens, cols] . w[rows, cols], floats in and out, weights Q4_0: the
// quantisation of x and the product, on several threads. Used by tools/compare-xnnpack.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "lfm2/kernels/kernels-inl.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/console/console.h"
#include "programs/files/files.h"
#include "programs/measure/statistics.h"
#include "tests/kernels/test_matrix.h"

namespace lfm2::benchmarks {
namespace {

using Kernels = HWY_NAMESPACE::SimdKernels;
using Clock = std::chrono::steady_clock;

struct Arguments {
  uint32_t rows = 7168;
  uint32_t cols = 2048;
  std::vector<uint32_t> tokens = {1, 8, 16, 128, 512};
  uint32_t threads = 0;
  double seconds = 3;
};

// Seconds of every run, at least five.
std::vector<double> Time(const Arguments& a, const Executor* executor, uint32_t tokens) {
  const Kernels kernels{};
  const test::TestMatrix block(TensorType::kQ4_0, kBlockRows, a.cols, test::Weight::kRandom, 1);
  test::AlignedBuffer<uint8_t> weights(static_cast<size_t>(MatrixBytes(TensorType::kQ4_0, a.rows, a.cols)));
  const Matrix w{weights.data(), a.rows, a.cols, TensorType::kQ4_0};
  for (size_t i = 0; i < w.row_blocks(); ++i) {
    std::memcpy(weights.data() + i * w.row_block_bytes(), block.view().data, w.row_block_bytes());
  }
  test::Random random(2);
  test::AlignedBuffer<float> x(size_t{tokens} * a.cols), out(size_t{tokens} * a.rows);
  for (size_t i = 0; i < size_t{tokens} * a.cols; ++i) x.data()[i] = random.Normal();
  test::AlignedBuffer<uint8_t> panel(static_cast<size_t>(PanelBytes(tokens, a.cols)));
  MatMulInput in;
  in.x = x.data();
  in.stride = a.cols;
  in.tokens = tokens;
  in.panel = panel.data();
  const Tiling tiling(tokens, kernels.kMaxTile);
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(a.seconds);
  while (Clock::now() < end || times.size() < 5) {
    const auto begin = Clock::now();
    ParallelRanges(executor, tiling.tiles(),
                   [&](uint32_t from, uint32_t to) { kernels.PackPanel(in, a.cols, from, to, panel.data()); });
    ParallelRanges(executor, w.row_blocks(),
                   [&](uint32_t from, uint32_t to) { kernels.MatMul(w, in, from, to, out.data(), a.rows); });
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return times;
}

tools::Error Run(const Arguments& a) {
  posix::ThreadPool pool;
  LFM2_RETURN_IF_FAILED(tools::Error::From(pool.Open(a.threads)));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const uint32_t tokens : a.tokens) {
    const std::vector<double> times = Time(a, pool.executor(), tokens);
    const double median = tools::Median(times);
    list.push_back({{"rows", a.rows},
                    {"cols", a.cols},
                    {"tokens", tokens},
                    {"n_threads", pool.executor()->workers},
                    {"runs", times.size()},
                    {"median_ms", median * 1e3},
                    {"gmacs_per_second", static_cast<double>(a.rows) * a.cols * tokens / median / 1e9}});
  }
  return tools::WriteStandardOutput(list.dump(2) + "\n");
}

}  // namespace
}  // namespace lfm2::benchmarks

int main(int argc, char** argv) {
  CLI::App app("Times a product of Q4_0 weights with float activations, which are quantised each time. Writes JSON.");
  lfm2::benchmarks::Arguments a;
  app.add_option("--rows", a.rows, "rows of the weights")->check(CLI::Range(1u, 1u << 20))->capture_default_str();
  app.add_option("--cols", a.cols, "their columns, a multiple of 32")
      ->check(CLI::Range(32u, 1u << 16))
      ->check([](const std::string& text) { return std::stoul(text) % 32 == 0 ? "" : "is not a multiple of 32"; })
      ->capture_default_str();
  app.add_option("--tokens", a.tokens, "how many at once")
      ->delimiter(',')
      ->check(CLI::Range(1u, 1u << 16))
      ->capture_default_str();
  app.add_option("--threads", a.threads, "0: one for each processor")
      ->check(CLI::Range(0u, 256u))
      ->capture_default_str();
  app.add_option("--seconds", a.seconds, "for each number of tokens")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  int exit_code = 0;
  if (!lfm2::tools::ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  return lfm2::tools::Finish("dense_product", lfm2::benchmarks::Run(a));
}
