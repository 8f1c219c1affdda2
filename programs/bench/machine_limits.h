// What this machine can do at best, measured with the threads of a test: reading memory, multiplying 8-bit integers.
// Both are upper bounds for what a session does, so both are the best of many short runs and of several ways.
#ifndef LFM2_PROGRAMS_BENCH_MACHINE_LIMITS_H_
#define LFM2_PROGRAMS_BENCH_MACHINE_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/measure/model_work.h"

namespace lfm2::tools {

// The ways of reading that are tried: how far ahead a thread asks for memory, and at how many places it reads in turns.
// None of them is the fastest on every processor. Way 0 asks for nothing.
size_t ReadWays();
const char* NameOfReadWay(size_t way);

// Adds up every byte of the ranges once, cut into pieces that the executor's threads take in turn. Returns seconds.
//
// Why the best way bounds decode: decode has to bring the same bytes from the same place into registers, with the same
// threads and page tables, and does more with each of them; a sum needs one addition for as many bytes as a register
// holds, and no byte waits for what becomes of another. What it can do besides is to ask for memory in a better order.
// That is why several orders are tried.
double ReadOnce(const Executor& executor, const std::vector<ByteRange>& ranges, size_t way);

// Multiply-adds a second of all threads together: the integer kernels' own instructions on numbers that never leave the
// registers. The kernels do no product with fewer instructions, and have others beside them.
double IntegerPeak(const Executor& executor);

// The kernels that IntegerPeak multiplies with, by the name that a session has for them (Session::kernels_name).
const char* InstructionSet();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BENCH_MACHINE_LIMITS_H_
