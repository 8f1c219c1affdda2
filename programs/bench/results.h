// What lfm2-bench measured, and how it shows it.
#ifndef LFM2_PROGRAMS_BENCH_RESULTS_H_
#define LFM2_PROGRAMS_BENCH_RESULTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/model/options.h"
#include "lfm2/model/record_loader.h"
#include "lfm2/model/slot_plan.h"
#include "lfm2/runtime/session.h"
#include "programs/session/host.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

// n_prompt tokens of prefill or n_gen of decode, after n_depth positions. One of the first two is 0, except in the
// measurement of the first token.
struct TestCase {
  uint32_t prompt = 0;
  uint32_t gen = 0;
  uint32_t depth = 0;
  uint32_t threads = 0;
  uint32_t tokens() const { return prompt + gen; }
};

// "pp512", "tg128 @ d4096": as llama-bench names them.
std::string TestName(const TestCase& test);

// No test can be faster than its limit, but for what a clock and a neighbour on the same machine are good for: a
// fraction above this says that the limit was none.
inline constexpr double kMostFraction = 1.02;

// The limit of a test: the seconds that the machine takes for nothing but
enum class LimitKind : uint8_t {
  kReads,         // reading the bytes that the tokens need, once each
  kMultiplyAdds,  // multiplying their activations by the weights, all as 8-bit integers
  kUnknown        // not measured: experts are read from a drive, or the kernels were chosen at run time
};

struct TestResult {
  TestCase test;
  std::string time;
  std::vector<double> seconds;  // of each repetition
  // For as many tokens: before the first repetition, after each, and some more where a repetition was faster than all
  // of these. Empty if unknown.
  std::vector<double> limit_seconds;
  LimitKind limit = LimitKind::kReads;
  std::string limit_by;       // of memory reads: the way that was fastest
  double work_per_token = 0;  // bytes or multiply-adds
  double first_token_seconds = 0;
  // With --draft: the same tokens without guesses, and what guesses came to in all repetitions.
  std::vector<double> plain_seconds;
  DraftStatistics draft;
  ResidentMemory resident;
  // Where experts are read: what the repetitions did, together and in each MoE layer.
  StreamStatistics stream;
  std::vector<StreamStatistics> stream_layers;

  std::vector<double> TokensPerSecond() const;
  // The limit is the best of what was measured: what is worse was disturbed, and bounds nothing. Not where it is
  // unknown.
  double BestLimitSeconds() const;
  double LimitTokensPerSecond() const { return test.tokens() / BestLimitSeconds(); }
  std::vector<double> LimitSamples() const;
  // Of each repetition: its speed over the limit's.
  std::vector<double> Fractions() const;
  // Of the best repetition; 0 where there is no limit.
  double Fraction() const;
  // Median of what each repetition took without guesses, of its time with them.
  double DraftSpeedup() const;
  bool ExceedsLimit() const { return Fraction() > kMostFraction; }
};

// What all tests of a run have in common.
struct BenchSetup {
  std::string model_file;
  std::string model_name;
  std::string cpu;
  std::string kernels;  // their instruction set
  uint64_t model_bytes = 0;
  uint64_t weights = 0;
  SessionOptions options;  // as the session runs with them
  uint64_t arena_bytes = 0;
  StorageKind storage = StorageKind::kMapped;
  SlotPlan slots;
  double load_seconds = 0;
};

// A JSON list with an object for each test; every name that llama-bench has too means the same.
std::string ResultsJson(const BenchSetup& setup, const std::vector<TestResult>& results);
// Names the tests that were faster than their limit, which is a fault of the limit; empty if there are none.
std::string FasterThanLimits(const std::vector<TestResult>& results);
// A sentence on the setup, and a table in Markdown.
std::string ResultsText(const BenchSetup& setup, const std::vector<TestResult>& results);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BENCH_RESULTS_H_
