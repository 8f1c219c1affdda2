// The results of lfm2-bench, and their output.
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

// "pp512", "tg128 @ d4096": as in llama-bench.
std::string TestName(const TestCase& test);

// No test can be faster than its limit, except for the error of the clock and other load on the machine: a fraction
// above this means that the limit is not valid.
inline constexpr double kMostFraction = 1.02;

// The limit of a test: the seconds that the machine needs at least for
enum class LimitKind : uint8_t {
  kReads,         // reading the bytes that the tokens need, once each
  kMultiplyAdds,  // multiplying their activations by the weights, all as 8-bit integers
  kUnknown        // not measured: experts are read from a drive, or the kernels were chosen at run time
};

struct TestResult {
  TestCase test;
  std::string time;
  std::vector<double> seconds;  // of each repetition
  // Samples for the same number of tokens: one before the first repetition, one after each, and some more if a
  // repetition was faster than all of these. Empty if unknown.
  std::vector<double> limit_seconds;
  LimitKind limit = LimitKind::kReads;
  std::string limit_by;       // for memory reads: the fastest way
  double work_per_token = 0;  // bytes or multiply-adds
  double first_token_seconds = 0;
  // With --draft: the seconds of the same tokens without guesses, and the statistics of the guesses in all repetitions.
  std::vector<double> plain_seconds;
  DraftStatistics draft;
  ResidentMemory resident;
  // If experts are read: the statistics of the repetitions, in total and for each MoE layer.
  StreamStatistics stream;
  std::vector<StreamStatistics> stream_layers;

  std::vector<double> TokensPerSecond() const;
  // The limit is the fastest sample: slower ones were disturbed, and bound nothing. Requires a known limit.
  double BestLimitSeconds() const;
  double LimitTokensPerSecond() const { return test.tokens() / BestLimitSeconds(); }
  std::vector<double> LimitSamples() const;
  // Speed of each repetition relative to the limit.
  std::vector<double> Fractions() const;
  // The fraction of the best repetition; 0 without a limit.
  double Fraction() const;
  // Median over the repetitions of the time without guesses divided by the time with them.
  double DraftSpeedup() const;
  bool ExceedsLimit() const { return Fraction() > kMostFraction; }
};

// The setup that all tests of a run share.
struct BenchSetup {
  std::string model_file;
  std::string model_name;
  std::string cpu;
  std::string kernels;  // name of their instruction set
  uint64_t model_bytes = 0;
  uint64_t weights = 0;
  SessionOptions options;  // as the session uses them
  uint64_t arena_bytes = 0;
  StorageKind storage = StorageKind::kMapped;
  SlotPlan slots;
  double load_seconds = 0;
};

// A JSON list with an object for each test; field names that llama-bench also has mean the same.
std::string ResultsJson(const BenchSetup& setup, const std::vector<TestResult>& results);
// Names the tests that were faster than their limit, which means that the limit is wrong; empty if there are none.
std::string FasterThanLimits(const std::vector<TestResult>& results);
// A sentence on the setup, and a table in Markdown.
std::string ResultsText(const BenchSetup& setup, const std::vector<TestResult>& results);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BENCH_RESULTS_H_
