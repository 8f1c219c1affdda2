#include "programs/eval/choices.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "lfm2/posix/thread_pool.h"
#include "lfm2/text/chat.h"
#include "programs/console/progress.h"
#include "programs/eval/open_session.h"
#include "programs/eval/text_commands.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/measure/perplexity.h"
#include "programs/text/encode_text.h"

namespace lfm2::tools {

namespace {

// Bytes up to the end of the last character that Python does not treat as white space.
size_t BytesWithoutTrailingSpace(std::string_view text) {
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = ReadUtf8(TextFrom(text, at));
    at += c.length;
    if (!chat_internal::IsStripped(c.code_point)) end = at;
  }
  return end;
}

// Number of tokens that all choices start with, less than the length of any context: its last token predicts the
// choice.
size_t SharedTokens(const std::vector<ChoiceTokens>& choices) {
  size_t shared = choices[0].context - 1;
  for (const ChoiceTokens& choice : choices) {
    const size_t most = std::min(shared, choice.context - 1);
    const auto begin = choices[0].ids.begin();
    shared = static_cast<size_t>(
        std::mismatch(begin, begin + static_cast<std::ptrdiff_t>(most), choice.ids.begin()).first - begin);
  }
  return shared;
}

Error EncodeItem(const Vocab& vocab, const ChoiceItem& item, std::vector<ChoiceTokens>* choices) {
  choices->resize(item.choices.size());
  for (size_t c = 0; c < choices->size(); ++c) {
    const Error error = EncodeChoice(vocab, item.context(c), item.choices[c], &(*choices)[c]);
    if (!error.ok()) return Error::Of("choices[", uint64_t{c}, "] ", error.text());
  }
  return Error();
}

// Positions that the longest of the choices needs: its last token is predicted, and predicts nothing.
size_t MostPositions(const std::vector<ChoiceTokens>& choices) {
  size_t most = 0;
  for (const ChoiceTokens& choice : choices) most = std::max(most, choice.ids.size() - 1);
  return most;
}

uint32_t Largest(const std::vector<double>& values) {
  return static_cast<uint32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

Error ScoreItem(const std::vector<ChoiceTokens>& choices, Span<std::byte> mark, Session* session, ChoiceScore* score) {
  const auto prefill = [&](const ChoiceTokens& choice, size_t begin, size_t end) {
    return begin == end ? Error() : Error::From(session->Prefill({choice.ids.data() + begin, end - begin}));
  };
  const size_t shared = SharedTokens(choices);
  session->Reset();
  LFM2_RETURN_IF_FAILED(prefill(choices[0], 0, shared));
  LFM2_RETURN_IF_FAILED(Error::From(session->Mark(mark)));
  for (const ChoiceTokens& choice : choices) {
    const size_t before = choice.context - 1, last = choice.ids.size() - 1;
    double sum = 0;
    const auto sink = [&](uint32_t position, Span<const float> logits) {
      sum -= NegativeLogLikelihood(logits, choice.ids[position + 1]);
    };
    LFM2_RETURN_IF_FAILED(Error::From(session->Rewind(mark)));
    LFM2_RETURN_IF_FAILED(prefill(choice, shared, before));
    LFM2_RETURN_IF_FAILED(Error::From(session->PrefillLogits({choice.ids.data() + before, last - before}, sink)));
    score->log_likelihood.push_back(sum);
    score->tokens.push_back(last - before);
  }
  return Error();
}

Error ScoreAll(RunningModel& model, const SessionArguments& arguments, const Executor* executor,
               const std::string& name, const std::vector<ChoiceItem>& items, const ShowItems& show,
               ChoiceScores* scores) {
  Session session;
  LFM2_RETURN_IF_FAILED(OpenSession(model, arguments, executor, &session));
  std::vector<std::byte> mark(static_cast<size_t>(Session::MarkBytes(session.config())));
  std::vector<ChoiceTokens> choices;
  for (size_t i = 0; i < items.size(); ++i) {
    const ChoiceItem& item = items[i];
    ChoiceScore score;
    LFM2_RETURN_IF_FAILED(EncodeItem(model.file().image().vocab(), item, &choices));
    const Error error = ScoreItem(choices, {mark.data(), mark.size()}, &session, &score);
    if (!error.ok()) return Error::Of(name, ": items[", uint64_t{i}, "]: ", error.text());
    std::vector<double> per_byte = score.log_likelihood;
    for (size_t c = 0; c < per_byte.size(); ++c) per_byte[c] /= static_cast<double>(item.choices[c].size());
    score.best = Largest(score.log_likelihood);
    score.best_per_byte = Largest(per_byte);
    scores->acc.Add(score.best == item.gold ? 1 : 0);
    scores->acc_norm.Add(score.best_per_byte == item.gold ? 1 : 0);
    scores->items.push_back(std::move(score));
    show(i + 1, items.size());
  }
  return Error();
}

Error WriteScores(OutputFile* file, const std::vector<ChoiceItem>& items, const ChoiceScores& scores) {
  nlohmann::ordered_json json = {{"acc", scores.acc.mean()},
                                 {"acc_stderr", scores.acc.standard_error()},
                                 {"acc_norm", scores.acc_norm.mean()},
                                 {"acc_norm_stderr", scores.acc_norm.standard_error()},
                                 {"items", nlohmann::ordered_json::array()}};
  for (size_t i = 0; i < items.size(); ++i) {
    const ChoiceScore& score = scores.items[i];
    json["items"].push_back({{"question", items[i].question},
                             {"choices", items[i].choices},
                             {"gold", items[i].gold},
                             {"loglikelihood", score.log_likelihood},
                             {"tokens", score.tokens},
                             {"best", score.best},
                             {"best_per_byte", score.best_per_byte}});
  }
  const std::string text = json.dump(1) + "\n";
  LFM2_RETURN_IF_FAILED(file->Write(0, text.data(), text.size()));
  return file->Commit();
}

}  // namespace

Error EncodeChoice(const Vocab& vocab, const std::string& context, const std::string& choice, ChoiceTokens* tokens) {
  std::vector<int32_t> alone;
  const std::string_view kept = std::string_view(context).substr(0, BytesWithoutTrailingSpace(context));
  LFM2_RETURN_IF_FAILED(EncodeText(vocab, kept, true, false, &alone));
  LFM2_RETURN_IF_FAILED(EncodeText(vocab, context + choice, true, false, &tokens->ids));
  tokens->context = alone.size();
  if (alone.empty()) return Error::Of("has a context of white space only: no token precedes the first one of a choice");
  if (alone.size() >= tokens->ids.size()) return Error::Of("has no token after those of its context");
  return Error();
}

Error ScoreChoices(RunningModel& model, const SessionArguments& session, bool reference, const Executor* executor,
                   const std::string& name, const std::vector<ChoiceItem>& items, const ShowItems& show,
                   ChoiceScores* scores) {
  const Image& image = model.file().image();
  SessionArguments arguments = session;
  arguments.context = 1;
  std::vector<ChoiceTokens> choices;
  for (size_t i = 0; i < items.size(); ++i) {
    Error error = EncodeItem(image.vocab(), items[i], &choices);
    const size_t positions = error.ok() ? MostPositions(choices) : 0;
    if (positions > image.config().context_length) {
      error = Error::Of("context and choice take ", uint64_t{positions}, " positions, and the model has ",
                        image.config().context_length);
    }
    if (!error.ok()) return Error::Of(name, ": items[", uint64_t{i}, "]: ", error.text());
    arguments.context = std::max(arguments.context, static_cast<uint32_t>(positions));
  }
  if (reference) arguments = ForReference(arguments);
  return ScoreAll(model, arguments, executor, name, items, show, scores);
}

Error RunChoices(const ChoicesArguments& a) {
  std::vector<ChoiceItem> items;
  LFM2_RETURN_IF_FAILED(ReadChoiceTasks(a.tasks, &items));
  if (a.limit > 0 && a.limit < items.size()) items.resize(a.limit);
  OutputFile out;
  if (!a.out.empty()) LFM2_RETURN_IF_FAILED(out.Open(a.out));
  RunningModel model;
  posix::ThreadPool pool;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  Progress progress("scoring", false, "items");
  ChoiceScores scores;
  const auto show = [&](uint64_t done, uint64_t all) { progress.Update(done, all); };
  const Error error = ScoreChoices(model, a.session, a.reference, pool.executor(), a.tasks, items, show, &scores);
  progress.Abandon();
  LFM2_RETURN_IF_FAILED(error);
  if (!a.out.empty()) LFM2_RETURN_IF_FAILED(WriteScores(&out, items, scores));
  char text[160];
  std::snprintf(text, sizeof(text), "acc %.4f +- %.4f, acc_norm %.4f +- %.4f (%s items)\n", scores.acc.mean(),
                scores.acc.standard_error(), scores.acc_norm.mean(), scores.acc_norm.standard_error(),
                std::to_string(items.size()).c_str());
  return WriteStandardOutput(text);
}

}  // namespace lfm2::tools
