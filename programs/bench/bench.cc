#include "programs/bench/bench.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "programs/bench/machine_limits.h"
#include "programs/measure/speed.h"
#include "programs/session/describe.h"

namespace lfm2::tools {

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Bytes that each way of reading processes in one measurement: some hundredths of a second on a desktop, some tenths on
// a small board.
constexpr uint64_t kReadBytes = uint64_t{1} << 30;
constexpr uint32_t kMostReadTokens = 64;
// How often the limit is measured again if the test was faster: a disturbance may be over by then.
constexpr uint32_t kMoreSamples = 10;

std::vector<TestCase> MakeTests(const BenchOptions& options) {
  std::vector<TestCase> tests;
  for (const uint32_t depth : options.depths) {
    for (const uint32_t threads : options.threads) {
      for (const uint32_t n : options.prompts) {
        if (n > 0) tests.push_back({n, 0, depth, threads});
      }
      for (const uint32_t n : options.generations) {
        if (n > 0) tests.push_back({0, n, depth, threads});
      }
    }
  }
  return tests;
}

// A line on a terminal that shows the current step and is removed at the end.
class StatusLine {
 public:
  StatusLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~StatusLine() { Show(""); }
  void Show(const std::string& text) {
    if (terminal_) std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
  }

 private:
  bool terminal_;
};

}  // namespace

Error Bench::Run() {
  if (options_.first_token > 0) {
    tests_ = {{options_.first_token, 1, 0, options_.threads[0]}};
  } else {
    tests_ = MakeTests(options_);
  }
  if (tests_.empty()) return Error::Of("no test: -p and -n are both 0");
  if (options_.session.draft > 0 && options_.session.storage == StorageKind::kDirect) {
    return Error::Of("--draft: tokens are not guessed with --storage direct");
  }
  for (TestCase& test : tests_) {
    if (test.threads == 0) test.threads = std::min(posix::UsableCores(), posix::ThreadPool::kMaxThreads);
    most_threads_ = std::max(most_threads_, test.threads);
  }
  LFM2_RETURN_IF_FAILED(Open());
  return options_.first_token > 0 ? RunFirstToken() : RunTests();
}

Error Bench::Open() {
  const auto begin = Clock::now();
  LFM2_RETURN_IF_FAILED(model_.Open(options_.model));
  SessionArguments arguments = options_.session;
  for (const TestCase& test : tests_) arguments.context = std::max(arguments.context, test.depth + test.tokens());
  LFM2_RETURN_IF_FAILED(model_.Load(arguments));
  const Image& image = model_.image();
  setup_.options = model_.plan().options;
  setup_.arena_bytes = model_.plan().plan.total_bytes;
  setup_.storage = options_.session.storage;
  setup_.slots = model_.plan().plan.slots;
  LFM2_RETURN_IF_FAILED(SetThreads(most_threads_));
  LFM2_RETURN_IF_FAILED(Error::From(session_.Open(image, setup_.options, model_.arena(), &executor_)));
  setup_.load_seconds = SecondsSince(begin);
  setup_.model_file = options_.model.path;
  setup_.kernels = session_.kernels_name();
  setup_.model_name = image.name();
  setup_.model_bytes = image.file_bytes();
  return Error();
}

Error Bench::SetThreads(uint32_t threads) {
  if (executor_.workers == threads && pool_.is_open()) return Error();
  pool_.Close();
  LFM2_RETURN_IF_FAILED(Error::From(pool_.Open(threads, options_.pinning)));
  executor_ = *pool_.executor();
  return Error();
}

Error Bench::RunFirstToken() {
  TestResult result;
  result.test = tests_[0];
  result.time = TimeNow();
  const std::vector<int32_t> prompt = Tokens(result.test.prompt);
  const auto begin = Clock::now();
  LFM2_RETURN_IF_FAILED(Error::From(session_.Prefill(Span<const int32_t>(prompt))));
  const Span<const float> logits = session_.logits();
  const int32_t token = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  result.first_token_seconds = SecondsSince(begin_);
  LFM2_RETURN_IF_FAILED(Error::From(session_.Decode(token)));
  result.seconds.push_back(SecondsSince(begin));
  result.resident = ReadResidentMemory();
  results_.push_back(result);
  setup_.cpu = ProcessorName();
  setup_.weights = WeightCount(model_.file().image().config(), model_.file().Directory());
  return Error();
}

Error Bench::RunTests() {
  const Image& image = model_.image();
  setup_.cpu = ProcessorName();
  setup_.weights = WeightCount(image.config(), model_.file().Directory());
  work_ = WorkOf(image);
  Arena arena(model_.arena());
  memory_.Carve(image.config(), setup_.options, StreamShapeOf(image), model_.plan().plan.slots, arena, nullptr);
  at_depth_.resize(static_cast<size_t>(Session::MarkBytes(image.config())));
  if (!options_.no_warmup) ReadWholeImage();
  LFM2_RETURN_IF_FAILED(recorder_.Begin(options_.record_trace, image));
  for (const TestCase& test : tests_) LFM2_RETURN_IF_FAILED(RunTest(test));
  return recorder_.Finish();
}

// So that the pages of the image are in the page table before the first test.
void Bench::ReadWholeImage() {
  const Image& image = model_.image();
  if (image.is_streamed()) return;
  std::vector<ByteRange> all = work_.pinned;
  for (uint32_t layer = 0; layer < image.config().moe_layers(); ++layer) {
    for (uint32_t e = 0; e < image.config().experts; ++e) {
      all.push_back({image.Record(layer, e), image.record_layer(layer).bytes});
    }
  }
  ReadOnce(executor_, all, 0);
}

Error Bench::RunTest(const TestCase& test) {
  StatusLine status;
  const std::string name = TestName(test) + ", " + std::to_string(test.threads) + " threads";
  status.Show(name + ": filling the context");
  LFM2_RETURN_IF_FAILED(SetThreads(most_threads_));
  LFM2_RETURN_IF_FAILED(GoToDepth(test.depth));
  LFM2_RETURN_IF_FAILED(SetThreads(test.threads));
  TestResult result;
  result.test = test;
  result.time = TimeNow();
  if (!options_.no_warmup) {
    status.Show(name + ": warming up");
    double seconds = 0;
    LFM2_RETURN_IF_FAILED(RunOnce(test, test.prompt > 0 ? test.prompt : 1, &seconds));
  }
  const std::vector<StreamStatistics> before = LayerStatistics();
  const auto show = [&](uint32_t r) {
    status.Show(name + ": " + std::to_string(r + 1) + " of " + std::to_string(options_.repetitions));
  };
  LFM2_RETURN_IF_FAILED(options_.session.draft > 0 && test.gen > 0 ? RepeatDrafted(test, show, &result)
                                                                   : RepeatTest(test, show, &result));
  for (uint32_t i = 0; i < kMoreSamples && result.ExceedsLimit(); ++i) {
    status.Show(name + ": measuring the limit again");
    MeasureLimit(test, &result);
  }
  result.stream_layers = LayerStatistics();
  for (size_t m = 0; m < before.size(); ++m) {
    result.stream_layers[m].Subtract(before[m]);
    result.stream.Add(result.stream_layers[m]);
  }
  result.resident = ReadResidentMemory();
  results_.push_back(std::move(result));
  return Error();
}

Error Bench::RepeatTest(const TestCase& test, const std::function<void(uint32_t)>& show, TestResult* result) {
  MeasureLimit(test, result);
  observer_ = recorder_.observer();
  for (uint32_t r = 0; r < options_.repetitions; ++r) {
    show(r);
    LFM2_RETURN_IF_FAILED(RunOnce(test, test.tokens(), &result->seconds.emplace_back()));
    MeasureLimit(test, result);
  }
  observer_ = nullptr;
  return Error();
}

// Statistics of each MoE layer since the session was opened; empty if nothing is read.
std::vector<StreamStatistics> Bench::LayerStatistics() const {
  std::vector<StreamStatistics> layers;
  if (!session_.is_streamed()) return layers;
  for (uint32_t m = 0; m < session_.config().moe_layers(); ++m) layers.push_back(session_.layer_statistics(m));
  return layers;
}

// The first `tokens` tokens of the test.
Error Bench::RunOnce(const TestCase& test, uint32_t tokens, double* seconds) {
  LFM2_RETURN_IF_FAILED(Error::From(session_.Rewind(at_depth_)));
  session_.SetObserver(observer_);
  const std::vector<int32_t> ids = Tokens(tokens);
  return test.prompt > 0 ? TimePrefill(ids, &session_, seconds) : TimeDecode(ids, &session_, seconds);
}

Error Bench::GoToDepth(uint32_t depth) {
  if (session_.position() < depth || depth == 0) {
    session_.Reset();
  } else {
    LFM2_RETURN_IF_FAILED(Error::From(session_.Rewind(at_depth_)));
    if (session_.position() > depth) session_.Reset();
  }
  if (session_.position() < depth) {
    const std::vector<int32_t> ids = Tokens(depth - session_.position());
    LFM2_RETURN_IF_FAILED(Error::From(session_.Prefill(Span<const int32_t>(ids))));
  }
  return Error::From(session_.Mark(at_depth_));
}

void Bench::MeasureLimit(const TestCase& test, TestResult* result) {
  if (test.prompt > 0) {
    if (setup_.kernels != InstructionSet()) {
      result->limit = LimitKind::kUnknown;
      return;
    }
    const double macs = static_cast<double>(work_.PromptMacs(test.prompt));
    result->limit = LimitKind::kMultiplyAdds;
    result->work_per_token = macs / test.prompt;
    result->limit_seconds.push_back(macs / IntegerPeak(executor_));
    return;
  }
  if (model_.image().is_streamed()) {
    result->limit = LimitKind::kUnknown;
    return;
  }
  MeasureReads(test, result);
}

// A sample is the fastest of all ways to read, as none of them can be faster than the machine.
void Bench::MeasureReads(const TestCase& test, TestResult* result) {
  // On average a token attends to the positions before the test, half of the test, and itself.
  const std::vector<ByteRange> kv = KvRanges(test.depth + (test.gen + 1) / 2);
  uint64_t bytes = work_.weight_bytes();
  for (const ByteRange& range : kv) bytes += range.bytes;
  result->limit = LimitKind::kReads;
  result->work_per_token = static_cast<double>(bytes);
  const uint32_t tokens = static_cast<uint32_t>(std::clamp<uint64_t>(kReadBytes / bytes, 1, kMostReadTokens));
  double best = 0;
  size_t best_way = 0;
  for (size_t way = 0; way < ReadWays(); ++way) {
    double seconds = 0;
    for (uint32_t t = 0; t < tokens; ++t) {
      std::vector<ByteRange> ranges = DrawExperts(model_.image(), &experts_);
      ranges.insert(ranges.end(), kv.begin(), kv.end());
      ranges.insert(ranges.end(), work_.pinned.begin(), work_.pinned.end());
      seconds += ReadOnce(executor_, ranges, way);
    }
    seconds = seconds / tokens * test.gen;
    if (way > 0 && seconds >= best) continue;
    best = seconds;
    best_way = way;
  }
  if (result->limit_seconds.empty() || best < result->BestLimitSeconds()) result->limit_by = NameOfReadWay(best_way);
  result->limit_seconds.push_back(best);
}

// The keys and values of the first `positions` positions, in the session's memory.
std::vector<ByteRange> Bench::KvRanges(uint32_t positions) const {
  const ModelConfig& config = session_.config();
  std::vector<ByteRange> ranges;
  for (uint32_t layer = 0; layer < config.attention_layers(); ++layer) {
    const KvCache kv = memory_.state.kv(layer);
    const uint64_t element = BytesOf(kv.type);
    for (uint32_t head = 0; head < config.kv_heads; ++head) {
      for (const void* part : {kv.keys, kv.values}) {
        ranges.push_back({static_cast<const uint8_t*>(part) + kv.HeadOffset(head) * element,
                          uint64_t{positions} * config.head_dim * element});
      }
      if (kv.key_scales == nullptr) continue;
      for (const float* scales : {kv.key_scales, kv.value_scales}) {
        ranges.push_back(
            {reinterpret_cast<const uint8_t*>(scales + kv.ScaleOffset(head, 0)), uint64_t{positions} * sizeof(float)});
      }
    }
  }
  return ranges;
}

std::vector<int32_t> Bench::Tokens(uint32_t count) {
  return RandomTokens(&tokens_, count, session_.config().vocab_size);
}

}  // namespace lfm2::tools
