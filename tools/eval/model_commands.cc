#include "tools/eval/model_commands.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "tools/common/byte_sink.h"
#include "tools/common/console.h"
#include "tools/common/files.h"
#include "tools/common/id_list.h"
#include "tools/common/npy.h"
#include "tools/common/perplexity.h"
#include "tools/common/routing_trace.h"
#include "tools/common/running_model.h"
#include "tools/eval/text_commands.h"

namespace lfm2::tools {

namespace {

// As llama-perplexity's default.
constexpr uint32_t kDefaultWindow = 512;
// Positions whose logits are computed in one pass over the output matrix.
constexpr uint32_t kLogitsRows = 8;

// A session with the threads that it stands on.
template <class Session>
class Runner {
 public:
  Error Open(RunningModel& model, SessionArguments arguments, uint32_t threads) {
    arguments.logits_rows = kLogitsRows;
    LFM2_RETURN_IF_FAILED(model.Load(arguments));
    LFM2_RETURN_IF_FAILED(Error::From(threads_.Open(threads)));
    return Error::From(session_.Open(model.image(), model.plan().options, model.arena(), threads_.executor()));
  }
  Session& session() { return session_; }

 private:
  posix::ThreadPool threads_;
  Session session_;
};

Error ReadIds(const std::string& path, const Vocab& vocab, std::vector<int32_t>* ids) {
  std::string json;
  LFM2_RETURN_IF_FAILED(ReadFile(path, &json));
  return ParseIds(path, json, vocab.size(), ids);
}

template <class Session>
Error WriteLogits(RunningModel& model, const LogitsArguments& a, Span<const int32_t> ids) {
  Runner<Session> runner;
  LFM2_RETURN_IF_FAILED(runner.Open(model, a.session, a.threads));
  RoutingRecorder recorder;
  LFM2_RETURN_IF_FAILED(recorder.Begin(a.record_trace, model.image()));
  runner.session().SetObserver(recorder.observer());
  OutputFile file;
  LFM2_RETURN_IF_FAILED(file.Open(a.out));
  NpyWriter npy(ids.size(), model.image().config().vocab_size, &file);
  Error error = npy.Begin();
  const auto sink = [&](uint32_t, Span<const float> logits) {
    if (error.ok()) error = npy.Row(logits.data());
  };
  LFM2_RETURN_IF_FAILED(Error::From(runner.session().PrefillLogits(ids, sink)));
  LFM2_RETURN_IF_FAILED(error);
  LFM2_RETURN_IF_FAILED(recorder.Finish());
  return file.Commit();
}

}  // namespace

Error RunLogits(const LogitsArguments& arguments) {
  LogitsArguments a = arguments;
  RunningModel model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  std::vector<int32_t> ids;
  LFM2_RETURN_IF_FAILED(ReadIds(a.ids, model.file().image().vocab(), &ids));
  if (ids.empty()) return Error::Of(a.ids, " is an empty list");
  a.session.context = static_cast<uint32_t>(std::min<size_t>(ids.size(), UINT32_MAX));
  if (!a.reference) return WriteLogits<Session>(model, a, ids);
  a.session.kv_cache = KvCacheType::kF32;
  return WriteLogits<ReferenceSession>(model, a, ids);
}

Error RunPerplexity(const PerplexityArguments& a) {
  RunningModel model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  const Vocab& vocab = model.file().image().vocab();
  std::vector<int32_t> ids;
  if (a.ids.empty()) {
    std::string text;
    LFM2_RETURN_IF_FAILED(ReadFile(a.text, &text));
    LFM2_RETURN_IF_FAILED(EncodeText(vocab, text, false, true, &ids));
  } else {
    LFM2_RETURN_IF_FAILED(ReadIds(a.ids, vocab, &ids));
  }
  const std::string& name = a.ids.empty() ? a.text : a.ids;
  if (ids.size() < 2) return Error::Of(name, " has fewer than two tokens: there is nothing to predict");
  const size_t window = std::min<size_t>(a.session.context > 0 ? a.session.context : kDefaultWindow, ids.size());
  if (window < 2) return Error::Of("a window of one token has nothing to predict");

  Runner<Session> runner;
  SessionArguments session = a.session;
  session.context = static_cast<uint32_t>(window);
  LFM2_RETURN_IF_FAILED(runner.Open(model, session, a.threads));
  RoutingRecorder recorder;
  LFM2_RETURN_IF_FAILED(recorder.Begin(a.record_trace, model.image()));
  runner.session().SetObserver(recorder.observer());
  PerplexityMean mean;
  for (size_t begin = 0; begin + 1 < ids.size(); begin += window) {
    const size_t size = std::min(window, ids.size() - begin);
    const auto sink = [&](uint32_t position, Span<const float> logits) {
      mean.Add(NegativeLogLikelihood(logits, ids[begin + position + 1]));
    };
    runner.session().Reset();
    LFM2_RETURN_IF_FAILED(Error::From(runner.session().PrefillLogits({ids.data() + begin, size - 1}, sink)));
  }
  LFM2_RETURN_IF_FAILED(recorder.Finish());
  char text[160];
  std::snprintf(text, sizeof(text), "perplexity %.6g +- %.3g (%s tokens predicted in windows of %s)\n",
                mean.perplexity(), mean.standard_error(), std::to_string(mean.count()).c_str(),
                std::to_string(window).c_str());
  LFM2_RETURN_IF_FAILED(WriteStandardOutput(text));
  const StreamStatistics read = runner.session().statistics();
  const uint64_t uses = read.hits + read.misses;
  if (uses == 0) return Error();
  std::snprintf(text, sizeof(text), "%.1f %% of the experts were in memory; %s a token were read\n",
                100.0 * static_cast<double>(read.hits) / static_cast<double>(uses),
                HumanBytes(read.bytes / mean.count()).c_str());
  return WriteStandardOutput(text);
}

}  // namespace lfm2::tools
