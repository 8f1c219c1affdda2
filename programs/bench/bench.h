// Runs the tests of lfm2-bench.
#ifndef LFM2_PROGRAMS_BENCH_BENCH_H_
#define LFM2_PROGRAMS_BENCH_BENCH_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/base/error.h"
#include "programs/base/random.h"
#include "programs/bench/options.h"
#include "programs/bench/results.h"
#include "programs/measure/model_work.h"
#include "programs/open/running_model.h"
#include "programs/storage/routing_trace.h"

namespace lfm2::tools {

class Bench {
 public:
  // begin: when the program started. Both arguments outlive this.
  Bench(const BenchOptions& options, std::chrono::steady_clock::time_point begin) : options_(options), begin_(begin) {}

  // Opens the model and runs either the tests or, with --ttft, one prompt up to its first token.
  Error Run();

  const BenchSetup& setup() const { return setup_; }
  const std::vector<TestResult>& results() const { return results_; }

 private:
  Error Open();
  Error RunTests();
  Error RunFirstToken();
  Error RunTest(const TestCase& test);
  Error RunOnce(const TestCase& test, uint32_t tokens, double* seconds);
  Error RepeatTest(const TestCase& test, const std::function<void(uint32_t)>& show, TestResult* result);
  // With --draft: decodes repetitive texts, each with guesses and without.
  Error RepeatDrafted(const TestCase& test, const std::function<void(uint32_t)>& show, TestResult* result);
  std::vector<int32_t> RepetitiveTokens(uint32_t count);
  Error GoToDepth(uint32_t depth);
  Error SetThreads(uint32_t threads);
  void ReadWholeImage();
  // Measures how long the machine needs at least for the test, and adds the seconds to the result.
  void MeasureLimit(const TestCase& test, TestResult* result);
  void MeasureReads(const TestCase& test, TestResult* result);
  std::vector<StreamStatistics> LayerStatistics() const;
  std::vector<ByteRange> KvRanges(uint32_t positions) const;
  std::vector<int32_t> Tokens(uint32_t count);

  const BenchOptions& options_;
  const std::chrono::steady_clock::time_point begin_;
  std::vector<TestCase> tests_;
  RunningModel model_;
  posix::ThreadPool pool_;
  Executor executor_;  // the pool's; the session keeps this one while pools are replaced
  Session session_;
  std::vector<std::byte> at_depth_;  // mark of the session after the depth's tokens: every run of a test starts there
  RoutingRecorder recorder_;
  const Observer* observer_ = nullptr;  // of timed runs
  SessionMemory memory_;                // the parts of the session in the arena
  ModelWork work_;
  uint32_t most_threads_ = 0;
  Random tokens_{1};
  Random experts_{2};
  BenchSetup setup_;
  std::vector<TestResult> results_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BENCH_BENCH_H_
