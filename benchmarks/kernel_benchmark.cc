// Times the kernels one by one. --benchmark_filter=REGEX chooses, --benchmark_format=json is for programs.
#include "benchmarks/kernel_benchmark.h"

#include <string>
#include <vector>

#include "programs/bench/machine_limits.h"
#include "tests/kernels/attend.h"

namespace lfm2::benchmarks {

namespace {

using ::benchmark::Counter;
using ::benchmark::State;

// The dimensions of LFM2-8B-A1B.
constexpr uint32_t kHidden = 2048;
constexpr uint32_t kHeadDim = 64;
constexpr uint32_t kQueries = 4;  // heads that share a key/value head
constexpr uint32_t kTaps = 3;

// Multiply-adds a second of one thread.
double PeakMacs() {
  static const double peak = [] {
    Executor alone;
    alone.run = [](void*, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
      for (uint32_t i = 0; i < tasks; ++i) task(argument, i);
    };
    tools::IntegerPeak(alone);  // the clock settles
    return tools::IntegerPeak(alone);
  }();
  return peak;
}

void BenchmarkPackPanel(State& state) {
  const Kernels kernels{};
  const uint32_t tokens = static_cast<uint32_t>(state.range(0));
  const test::AlignedBuffer<float> x = RandomFloats(size_t{tokens} * kHidden, 1);
  test::AlignedBuffer<uint8_t> panel(static_cast<size_t>(PanelBytes(tokens, kHidden)));
  MatMulInput in;
  in.x = x.data();
  in.stride = kHidden;
  in.tokens = tokens;
  const Tiling tiling(tokens, kernels.kMaxTile);
  for (auto _ : state) {
    kernels.PackPanel(in, kHidden, 0, tiling.tiles(), panel.data());
    ::benchmark::ClobberMemory();
  }
  CountBytes(state, static_cast<double>(tokens) * kHidden * sizeof(float));
}

// The query heads of one key/value head, at one position.
void BenchmarkAttend(State& state, KvCacheType type) {
  const Kernels kernels{};
  const uint32_t depth = static_cast<uint32_t>(state.range(0));
  const uint32_t capacity = RoundUp(depth + 1, kAttentionBlock);
  const size_t bytes = static_cast<size_t>(KvCacheBytes(type, 1, capacity, kHeadDim));
  test::AlignedBuffer<std::byte> keys(bytes), values(bytes);
  const KvCache kv = MakeKvCache(type, 1, capacity, kHeadDim, keys.data(), values.data());
  const test::AlignedBuffer<float> some = RandomFloats(size_t{2} * kHeadDim * 64, 2);
  for (uint32_t p = 0; p <= depth; ++p) {
    const float* key = some.data() + size_t{p % 64} * kHeadDim;
    kernels.StoreKv(kv, 0, p, key, key + size_t{64} * kHeadDim);
  }
  const test::AlignedBuffer<float> q = RandomFloats(kQueries * kHeadDim, 3);
  test::AlignedBuffer<float> out(kQueries * kHeadDim);
  for (auto _ : state) {
    test::Attend<Kernels>(q.data(), kQueries, depth, kv, 0, out.data());
    ::benchmark::ClobberMemory();
  }
  CountBytes(state, 2.0 * static_cast<double>(KvCacheBytes(type, 1, depth + 1, kHeadDim)));
}

void BenchmarkRmsNorm(State& state) {
  const Kernels kernels{};
  const uint32_t n = static_cast<uint32_t>(state.range(0));
  const test::AlignedBuffer<float> x = RandomFloats(n, 4), weight = RandomFloats(n, 5);
  test::AlignedBuffer<float> out(n);
  for (auto _ : state) {
    kernels.RmsNorm(x.data(), weight.data(), n, 1e-5f, out.data());
    ::benchmark::ClobberMemory();
  }
  CountBytes(state, 2.0 * n * sizeof(float));
}

void BenchmarkRope(State& state) {
  const Kernels kernels{};
  const uint32_t n = static_cast<uint32_t>(state.range(0));
  test::AlignedBuffer<float> head = RandomFloats(n, 6);
  // A quarter turn each time, so that the numbers neither grow nor vanish.
  test::AlignedBuffer<float> cos_sin(n);
  for (size_t i = 0; i < n; ++i) cos_sin.data()[i] = i < n / 2 ? 0.0f : 1.0f;
  for (auto _ : state) {
    kernels.Rope(head.data(), n, cos_sin.data());
    ::benchmark::ClobberMemory();
  }
  CountBytes(state, 2.0 * n * sizeof(float));
}

void BenchmarkShortConv(State& state) {
  const Kernels kernels{};
  const uint32_t tokens = static_cast<uint32_t>(state.range(0));
  const test::AlignedBuffer<float> bcx = RandomFloats(size_t{tokens} * 3 * kHidden, 7);
  const test::AlignedBuffer<float> taps = RandomFloats(kTaps * kHidden, 8);
  test::AlignedBuffer<float> past = RandomFloats((kTaps - 1) * kHidden, 9);
  test::AlignedBuffer<float> out(size_t{tokens} * kHidden);
  for (auto _ : state) {
    kernels.ShortConv(bcx.data(), tokens, kHidden, 0, kHidden, taps.data(), kTaps, past.data(), out.data());
    ::benchmark::ClobberMemory();
  }
  CountBytes(state, 4.0 * tokens * kHidden * sizeof(float));
}

// Every kernel except the products, with the arguments that it is timed for.
struct KernelEntry {
  std::string name;
  void (*run)(State& state);
  const char* argument;
  std::vector<int64_t> values;
};

std::vector<KernelEntry> KernelList() {
  const std::vector<int64_t> tokens = {1, 8, 128, 512}, depths = {63, 1023, 4095, 16383};
  return {
      {"PackPanel", BenchmarkPackPanel, "tokens", tokens},
      {"Attend/f16", [](State& s) { BenchmarkAttend(s, KvCacheType::kF16); }, "position", depths},
      {"Attend/int8", [](State& s) { BenchmarkAttend(s, KvCacheType::kInt8); }, "position", depths},
      {"Attend/f32", [](State& s) { BenchmarkAttend(s, KvCacheType::kF32); }, "position", depths},
      {"RmsNorm", BenchmarkRmsNorm, "n", {kHeadDim, kHidden}},
      {"Rope", BenchmarkRope, "n", {kHeadDim}},
      {"ShortConv", BenchmarkShortConv, "tokens", tokens},
  };
}

}  // namespace

void CountMacs(State& state, double macs, double seconds) {
  state.counters["MAC/s"] = Counter(macs, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = macs * static_cast<double>(state.iterations()) / seconds / PeakMacs();
}

void CountBytes(State& state, double bytes) {
  state.counters["bytes/s"] = Counter(bytes, Counter::kIsIterationInvariantRate);
}

test::AlignedBuffer<float> RandomFloats(size_t count, uint64_t seed) {
  test::Random random(seed);
  test::AlignedBuffer<float> values(count);
  for (size_t i = 0; i < count; ++i) values.data()[i] = random.Normal();
  return values;
}

}  // namespace lfm2::benchmarks

int main(int argc, char** argv) {
  ::benchmark::AddCustomContext("kernels", lfm2::tools::InstructionSet());
  ::benchmark::Initialize(&argc, argv);
  if (::benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  lfm2::benchmarks::RegisterMatMul();
  for (const auto& kernel : lfm2::benchmarks::KernelList()) {
    auto* const entry = ::benchmark::RegisterBenchmark(kernel.name.c_str(), kernel.run)->ArgName(kernel.argument);
    for (const int64_t value : kernel.values) entry->Arg(value);
  }
  ::benchmark::RunSpecifiedBenchmarks();
  ::benchmark::Shutdown();
  return 0;
}
