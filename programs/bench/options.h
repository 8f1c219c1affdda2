// The command line of lfm2-bench.
#ifndef LFM2_PROGRAMS_BENCH_OPTIONS_H_
#define LFM2_PROGRAMS_BENCH_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/posix/thread_pool.h"
#include "programs/open/model_file.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

// Flags that llama-bench also has mean the same.
struct BenchOptions {
  BenchOptions() { session.chunk = 512; }

  ModelArgument model;
  std::vector<uint32_t> prompts = {512};      // of each prefill test; 0: none
  std::vector<uint32_t> generations = {128};  // of each decode test; 0: none
  std::vector<uint32_t> depths = {0};         // positions filled before a test, not timed
  std::vector<uint32_t> threads = {0};        // 0: one for each processor
  posix::ThreadPool::Pinning pinning = posix::ThreadPool::Pinning::kNone;
  uint32_t repetitions = 5;
  SessionArguments session;  // the tests set the context; chunk is llama-bench's n_ubatch
  uint32_t first_token = 0;  // prompt tokens of the single cold run that replaces the tests; 0: the tests
  double repeat = 0.9;       // with session.draft: share of decoded tokens that repeat an earlier part of the text
  std::string record_trace;  // file for the routing of the timed runs; empty: none
  bool no_warmup = false;
  bool json = false;
};

// False if the program is to exit now with *exit_code.
bool ParseBenchOptions(int argc, char** argv, BenchOptions* options, int* exit_code);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BENCH_OPTIONS_H_
