// Several models predict the same text; the first of them is the base of the others.
#ifndef LFM2_PROGRAMS_EVAL_COMPARISON_H_
#define LFM2_PROGRAMS_EVAL_COMPARISON_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/eval/corpus.h"
#include "programs/eval/open_session.h"
#include "programs/measure/divergence.h"
#include "programs/measure/perplexity.h"
#include "programs/open/running_model.h"

namespace lfm2::tools {

// Refuses two models with different vocabularies; the Error names the first token that differs.
Error CheckSameVocabulary(const std::string& base_name, const Vocab& base, const std::string& name, const Vocab& vocab);

// Statistics of a model's predictions.
struct Prediction {
  PerplexityMean perplexity;
  Divergence divergence;  // from the base; empty for the base itself
};

struct ComparedModel {
  std::string name;
  RunningModel model;
  Session session;
  Prediction prediction;
};

using ComparedModels = std::vector<std::unique_ptr<ComparedModel>>;

// Opens models with one vocabulary; `cache` decides whether published ones are cached. The sessions are opened later,
// when their length is known.
inline Error OpenModels(const std::vector<std::string>& paths, bool cache, ComparedModels* models) {
  for (const std::string& path : paths) {
    auto& added = models->emplace_back(std::make_unique<ComparedModel>());
    added->name = path;
    LFM2_RETURN_IF_FAILED(added->model.Open({path, cache}));
    LFM2_RETURN_IF_FAILED(CheckSameVocabulary(paths[0], models->front()->model.file().image().vocab(), path,
                                              added->model.file().image().vocab()));
  }
  return Error();
}

inline Error OpenSessions(const SessionArguments& arguments, const Executor* executor, ComparedModels* models) {
  for (auto& m : *models) {
    const Error error = OpenSession(m->model, arguments, executor, &m->session);
    if (!error.ok()) return Error::Of(m->name, ": ", error.text());
  }
  return Error();
}

// Every model predicts every window, prefill_chunk positions at a time, so that no more of the base's logits are
// stored. show is called with the number of tokens predicted so far.
inline Error PredictAll(const Corpus& corpus, ComparedModels* models, const std::function<void(uint64_t)>& show) {
  ComparedModel& base = *models->front();
  const size_t vocab = base.session.config().vocab_size, chunk = base.session.options().prefill_chunk;
  std::vector<float> rows(vocab * chunk);
  const auto predict_piece = [&](const int32_t* ids, size_t begin, size_t size) {
    for (auto& m : *models) {
      const auto sink = [&](uint32_t position, Span<const float> logits) {
        const int32_t target = ids[position + 1];
        float* const row = rows.data() + (position - begin) * vocab;
        m->prediction.perplexity.Add(NegativeLogLikelihood(logits, target));
        if (m.get() == &base) {
          std::copy(logits.begin(), logits.end(), row);
        } else {
          m->prediction.divergence.Add({row, vocab}, logits, target);
        }
      };
      const Error run = Error::From(m->session.PrefillLogits({ids + begin, size}, sink));
      if (!run.ok()) return Error::Of(m->name, ": ", run.text());
    }
    return Error();
  };
  return ForWindows(corpus, [&](const int32_t* ids, size_t size) {
    for (auto& m : *models) m->session.Reset();
    for (size_t begin = 0; begin + 1 < size; begin += chunk) {
      LFM2_RETURN_IF_FAILED(predict_piece(ids, begin, std::min(chunk, size - 1 - begin)));
      show(base.prediction.perplexity.count());
    }
    return Error();
  });
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_COMPARISON_H_
