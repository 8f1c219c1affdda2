#include "programs/eval/model_commands.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/console/console.h"
#include "programs/eval/open_session.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/files/npy.h"
#include "programs/measure/perplexity.h"
#include "programs/open/running_model.h"
#include "programs/session/state_file.h"
#include "programs/storage/routing_trace.h"

namespace lfm2::tools {

namespace {

// state: the file that the ids continue, if a.load names one.
Error WriteLogits(RunningModel& model, const LogitsArguments& a, const StateFile& state, Span<const int32_t> ids) {
  posix::ThreadPool pool;
  Session session;
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  LFM2_RETURN_IF_FAILED(OpenSession(model, a.session, pool.executor(), &session));
  if (!a.load.empty()) {
    LFM2_RETURN_IF_FAILED(state.Load([&](StateSource from) { return session.Load(from); }));
  }
  RoutingRecorder recorder;
  LFM2_RETURN_IF_FAILED(recorder.Begin(a.record_trace, model.image()));
  session.SetObserver(recorder.observer());
  OutputFile file;
  LFM2_RETURN_IF_FAILED(file.Open(a.out));
  NpyWriter npy(ids.size(), model.image().config().vocab_size, &file);
  Error error = npy.Begin();
  const auto sink = [&](uint32_t, Span<const float> logits) {
    if (error.ok()) error = npy.Row(logits.data());
  };
  LFM2_RETURN_IF_FAILED(Error::From(session.PrefillLogits(ids, sink)));
  LFM2_RETURN_IF_FAILED(error);
  LFM2_RETURN_IF_FAILED(recorder.Finish());
  if (!a.save.empty()) {
    LFM2_RETURN_IF_FAILED(WriteStateFile(a.save, [&](StateSink to) { return session.Save(to); }));
  }
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
  StateFile state;
  if (!a.load.empty()) LFM2_RETURN_IF_FAILED(state.Open(a.load));
  const uint64_t positions = uint64_t{state.header().position} + ids.size();
  a.session.context = static_cast<uint32_t>(std::min<uint64_t>(positions, UINT32_MAX));
  if (a.reference) a.session = ForReference(a.session);
  return WriteLogits(model, a, state, ids);
}

Error RunPerplexity(const PerplexityArguments& a) {
  RunningModel model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  const Vocab& vocab = model.file().image().vocab();
  Corpus corpus;
  LFM2_RETURN_IF_FAILED(ReadCorpus(a.corpus, vocab, &corpus));

  posix::ThreadPool pool;
  Session session;
  SessionArguments arguments = a.session;
  arguments.context = corpus.window;
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  LFM2_RETURN_IF_FAILED(OpenSession(model, arguments, pool.executor(), &session));
  RoutingRecorder recorder;
  LFM2_RETURN_IF_FAILED(recorder.Begin(a.record_trace, model.image()));
  session.SetObserver(recorder.observer());
  PerplexityMean mean;
  const auto predict = [&](const int32_t* ids, size_t size) {
    const auto sink = [&](uint32_t position, Span<const float> logits) {
      mean.Add(NegativeLogLikelihood(logits, ids[position + 1]));
    };
    session.Reset();
    const Error run = Error::From(session.PrefillLogits({ids, size - 1}, sink));
    return run.ok() ? run : Error::Of(a.model.path, ": ", run.text());
  };
  LFM2_RETURN_IF_FAILED(ForWindows(corpus, predict));
  LFM2_RETURN_IF_FAILED(recorder.Finish());
  char text[160];
  std::snprintf(text, sizeof(text), "perplexity %.6g +- %.3g (%s tokens predicted in windows of %s)\n",
                mean.perplexity(), mean.standard_error(), std::to_string(mean.count()).c_str(),
                std::to_string(corpus.window).c_str());
  LFM2_RETURN_IF_FAILED(WriteStandardOutput(text));
  const StreamStatistics read = session.statistics();
  const uint64_t uses = read.hits + read.misses;
  if (uses == 0) return Error();
  std::snprintf(text, sizeof(text), "%.1f %% of the experts were in memory; %s a token were read\n",
                100.0 * static_cast<double>(read.hits) / static_cast<double>(uses),
                HumanBytes(read.bytes / mean.count()).c_str());
  return WriteStandardOutput(text);
}

}  // namespace lfm2::tools
