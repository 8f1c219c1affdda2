// What the benchmarks of single kernels share. One thread computes; dense_product.cc measures several.
#ifndef LFM2_BENCHMARKS_KERNEL_BENCHMARK_H_
#define LFM2_BENCHMARKS_KERNEL_BENCHMARK_H_

#include <cstdint>

#include <benchmark/benchmark.h>

#include "lfm2/kernels/kernels-inl.h"
#include "tests/kernels/test_values.h"

namespace lfm2::benchmarks {

using Kernels = HWY_NAMESPACE::SimdKernels;

// Reports the rate of one iteration's multiply-adds, and its fraction of this machine's integer peak, from the seconds
// that all iterations took.
void CountMacs(::benchmark::State& state, double macs, double seconds);
// Reports the rate of one iteration's bytes, read and written.
void CountBytes(::benchmark::State& state, double bytes);

// Random, because zeros take another path when they are normalised or quantised.
test::AlignedBuffer<float> RandomFloats(size_t count, uint64_t seed);

void RegisterMatMul();

}  // namespace lfm2::benchmarks

#endif  // LFM2_BENCHMARKS_KERNEL_BENCHMARK_H_
