#include "programs/eval/kl.h"

#include <cstdio>

#include "lfm2/posix/thread_pool.h"
#include "programs/console/console.h"
#include "programs/console/progress.h"
#include "programs/eval/comparison.h"
#include "programs/files/files.h"

namespace lfm2::tools {

namespace {

std::string WithError(const char* format, double value, double error) {
  char text[96];
  std::snprintf(text, sizeof(text), format, value, error);
  return text;
}

std::string KlText(const Corpus& corpus, const Prediction& base, const Prediction& model) {
  const Divergence& d = model.divergence;
  char kl[160];
  std::snprintf(kl, sizeof(kl), "mean %.6g +- %.2g nats, median %.3g, 99 %% %.3g, largest %.3g", d.kl().mean(),
                d.kl().standard_error(), d.KlQuantile(0.5), d.KlQuantile(0.99), d.KlQuantile(1));
  Table table("ll");
  table.Row({"KL(base || model)", kl});
  table.Row({"same likeliest token",
             WithError("%.2f +- %.2f %%", 100 * d.same_top().mean(), 100 * d.same_top().standard_error())});
  table.Row({"error of the logits", WithError("%.6g +- %.2g of the base's variance, geometric mean", d.error().mean(),
                                              d.error().standard_error())});
  table.Row({"log likelihood", WithError("%+.6g +- %.2g nats a token from base to model", d.change().mean(),
                                         d.change().standard_error())});
  table.Row({"perplexity of the base",
             WithError("%.6g +- %.3g", base.perplexity.perplexity(), base.perplexity.standard_error())});
  table.Row({"perplexity of the model",
             WithError("%.6g +- %.3g", model.perplexity.perplexity(), model.perplexity.standard_error())});
  return table.Text() + Grouped(corpus.predicted()) + " tokens predicted in windows of " +
         std::to_string(corpus.window) + "\n";
}

Error Run(const KlArguments& a, const SessionArguments& session) {
  posix::ThreadPool pool;
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  ComparedModels models;
  LFM2_RETURN_IF_FAILED(OpenModels({a.base, a.model.path}, a.model.cache, &models));
  Corpus corpus;
  LFM2_RETURN_IF_FAILED(ReadCorpus(a.corpus, models[0]->model.file().image().vocab(), &corpus));
  SessionArguments arguments = session;
  arguments.context = corpus.window;
  LFM2_RETURN_IF_FAILED(OpenSessions(arguments, pool.executor(), &models));
  Progress progress("predicting", false, "tokens");
  const uint64_t all = corpus.predicted();
  const Error error = PredictAll(corpus, &models, [&](uint64_t done) { progress.Update(done, all); });
  progress.Abandon();
  LFM2_RETURN_IF_FAILED(error);
  return WriteStandardOutput(KlText(corpus, models[0]->prediction, models[1]->prediction));
}

}  // namespace

Error RunKl(const KlArguments& a) { return Run(a, a.reference ? ForReference(a.session) : a.session); }

}  // namespace lfm2::tools
