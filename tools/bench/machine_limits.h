// What this machine can do at best, measured with the threads of a test: reading memory, multiplying 8-bit integers.
#ifndef LFM2_TOOLS_BENCH_MACHINE_LIMITS_H_
#define LFM2_TOOLS_BENCH_MACHINE_LIMITS_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "tools/common/model_work.h"

namespace lfm2::tools {

// Adds up every byte of the ranges once, cut into pieces that the executor's threads take in turn: nothing faster can
// use the same bytes. Returns seconds.
double ReadOnce(const Executor& executor, const std::vector<ByteRange>& ranges);

// Multiply-adds a second of all threads together: the integer kernels' own instruction on numbers that never leave the
// registers.
double IntegerPeak(const Executor& executor);

// The instruction set that both are compiled for.
const char* InstructionSet();

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_BENCH_MACHINE_LIMITS_H_
