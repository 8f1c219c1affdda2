// Measures the peak speeds of this machine, with the threads of a test: reading memory and multiplying 8-bit integers.
// Both are upper bounds of a session's speed, so each is the best of many short runs and several ways.
#ifndef LFM2_PROGRAMS_BENCH_MACHINE_LIMITS_H_
#define LFM2_PROGRAMS_BENCH_MACHINE_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/measure/model_work.h"

namespace lfm2::tools {

// The ways of reading that are tried: how far ahead a thread prefetches, and how many streams it reads in turns. None
// of them is the fastest on every processor. Way 0 does not prefetch.
size_t ReadWays();
const char* NameOfReadWay(size_t way);

// Adds up every byte of the ranges once, in pieces that the executor's threads take in turn. Returns seconds.
//
// Why the fastest way bounds decode: decode has to load the same bytes from the same memory into registers, with the
// same threads and page tables, and computes more with each of them. A sum needs one addition per register of bytes,
// and no byte waits for the result of another. Decode could only be faster by reading in a better order, which is why
// several orders are tried.
double ReadOnce(const Executor& executor, const std::vector<ByteRange>& ranges, size_t way);

// Multiply-adds per second of all threads together, with the instructions of the integer kernels on numbers in
// registers. The kernels need at least these instructions for a product, and others in addition.
double IntegerPeak(const Executor& executor);

// Name of the kernels that IntegerPeak multiplies with, as in Session::kernels_name.
const char* InstructionSet();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BENCH_MACHINE_LIMITS_H_
