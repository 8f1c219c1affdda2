#include "programs/server/generation.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "programs/server/token_scores.h"

namespace lfm2::tools {

namespace {

// Tokens of a prompt whose logits are computed in one step: other answers wait meanwhile.
constexpr uint32_t kScoredTokens = 16;

}  // namespace

Generation::Generation(GenerationTask* task, Sequence* sequence)
    : task_(task),
      sequence_(sequence),
      session_(sequence->session()),
      stream_(session_.image().vocab(), true),
      cached_(session_.position()) {
  std::vector<std::string_view> texts(task->request->stop.begin(), task->request->stop.end());
  Status status = sampler_.Configure(task->request->sampler, session_.image().sampling());
  if (status.ok()) status = stops_.SetTexts({texts.data(), texts.size()});
  if (status.ok() && constraint() != nullptr) {
    status = constraint()->Begin(session_.image().vocab().chat_format().answer, {});
  }
  if (!status.ok()) {
    Fail(400, Error::From(status).text());
    return;
  }
  while (next_place_ < task->places.size() && task->places[next_place_] <= cached_) ++next_place_;
  if (!task->echo) return;
  AnswerPiece piece;
  for (size_t i = task->adds_begin ? 1 : 0; i < task->prompt.size(); ++i) {
    stream_.Put(task->prompt[i], [&](std::string_view text) { piece.text += text; });
  }
  if (scores()) {
    TokenScore first;
    first.token = task->prompt[0];
    first.logprob = std::nanf("");
    piece.scores.push_back(first);
  }
  task->channel.Put(std::move(piece));
}

void Generation::Step() {
  const Status status = Advance();
  if (!status.ok()) Fail(500, Error::From(status).text());
}

void Generation::Cancel() {
  session_.Abort();
  summary_.error = ApiError::Of(499, "server_error", "cancelled", "the client has gone");
  is_done_ = true;
}

Status Generation::Advance() {
  if (session_.steps_left() > 0) return session_.Step();
  if (is_prompting_) return task_->echo && scores() ? ScorePrompt() : ReadPrompt();
  return Choose();
}

// Starts the next part of the prompt, up to a place to be marked. After the last part the answer follows.
Status Generation::ReadPrompt() {
  const std::vector<int32_t>& prompt = task_->prompt;
  const uint32_t position = session_.position();
  if (position == prompt.size()) {
    is_prompting_ = false;
    return sequence_->Mark();
  }
  const std::vector<uint32_t>& places = task_->places;
  if (next_place_ < places.size() && places[next_place_] == position) {
    LFM2_RETURN_IF_ERROR(sequence_->Mark());
    ++next_place_;
  }
  const size_t end = next_place_ < places.size() ? places[next_place_] : prompt.size();
  return session_.Begin({prompt.data() + position, end - position});
}

// The same if scores of the prompt are requested: all logits are computed, some tokens at a time.
Status Generation::ScorePrompt() {
  const std::vector<int32_t>& prompt = task_->prompt;
  const size_t position = session_.position();
  const size_t count = std::min<size_t>(kScoredTokens, prompt.size() - position);
  AnswerPiece piece;
  LFM2_RETURN_IF_ERROR(
      session_.PrefillLogits({prompt.data() + position, count}, [&](uint32_t at, Span<const float> logits) {
        if (at + size_t{1} == prompt.size()) return;
        piece.scores.push_back(ScoreToken(logits, prompt[at + size_t{1}], *task_->request->top_logprobs));
      }));
  task_->channel.Put(std::move(piece));
  is_prompting_ = session_.position() < prompt.size();
  return Status();
}

void Generation::Bias(Span<float> logits) const {
  for (const auto& [token, bias] : task_->request->logit_bias) logits[static_cast<size_t>(token)] += bias;
}

// Chooses the next token, or takes forced ones, outputs their text, and starts the next step.
Status Generation::Choose() {
  AnswerPiece piece;
  if (generated_ == max_tokens()) {
    Finish(FinishReason::kLength, std::move(piece));
    return Status();
  }
  int32_t one = 0;
  Span<const int32_t> run;
  if (constraint() != nullptr) LFM2_RETURN_IF_ERROR(Force(&one, &run));
  if (!run.empty() && scores()) {
    piece.scores.push_back(ScoreToken(session_.logits(), run[0], *task_->request->top_logprobs));
  }
  if (run.empty()) {
    LFM2_RETURN_IF_ERROR(Sample(&one, &piece));
    run = {&one, 1};
  }
  if (session_.image().vocab().IsStop(run[0])) {
    Finish(FinishReason::kStop, std::move(piece));
    return Status();
  }
  const bool has_room = !session_.token_room().empty();
  for (const int32_t token : run) LFM2_RETURN_IF_ERROR(Emit(token, &piece));
  if (stops_.found() != StopMatcher::kNone) {
    Finish(FinishReason::kStop, std::move(piece));
  } else if (generated_ == max_tokens() || !has_room) {
    Finish(FinishReason::kLength, std::move(piece));
  } else {
    task_->channel.Put(std::move(piece));
    return session_.Begin(run);
  }
  return Status();
}

// *run = the tokens that the constraint forces: as many as may be generated and have a position, but one at a time if a
// stop text may end the answer between them or scores are requested. one: memory for a token without a position.
Status Generation::Force(int32_t* one, Span<const int32_t>* run) {
  const Span<int32_t> room = session_.token_room();
  const size_t most =
      std::min<size_t>(task_->request->stop.empty() && !scores() ? room.size() : 1, max_tokens() - generated_);
  const Span<int32_t> to = room.empty() ? Span<int32_t>(one, 1) : room.subspan(0, most);
  size_t count = 0;
  LFM2_RETURN_IF_ERROR(constraint()->Force(to, &count));
  *run = {to.data(), count};
  return Status();
}

// Chooses from the logits. Scores are those of the model, before biases and constraints.
Status Generation::Sample(int32_t* token, AnswerPiece* piece) {
  const Span<float> logits = session_.mutable_logits();
  std::vector<float> own;
  if (scores()) own.assign(logits.begin(), logits.end());
  Bias(logits);
  if (constraint() != nullptr) LFM2_RETURN_IF_ERROR(constraint()->Restrict(logits));
  LFM2_RETURN_IF_ERROR(sampler_.Sample(logits, session_.tokens(), session_.text_scratch(), token));
  if (scores()) {
    piece->scores.push_back(ScoreToken({own.data(), own.size()}, *token, *task_->request->top_logprobs));
  }
  return Status();
}

Status Generation::Emit(int32_t token, AnswerPiece* piece) {
  ++generated_;
  if (constraint() != nullptr) LFM2_RETURN_IF_ERROR(constraint()->Advance(token));
  const auto append = [&](std::string_view text) { piece->text += text; };
  stream_.Put(token, [&](std::string_view text) { stops_.Put(text, append); });
  return Status();
}

// Outputs what was held back for an incomplete character or stop text.
void Generation::Finish(FinishReason reason, AnswerPiece piece) {
  const auto append = [&](std::string_view text) { piece.text += text; };
  stream_.Flush([&](std::string_view text) { stops_.Put(text, append); });
  stops_.Flush(append);
  task_->channel.Put(std::move(piece));
  summary_.reason = reason;
  summary_.prompt_tokens = prompt_tokens();
  summary_.cached_tokens = cached_;
  summary_.answer_tokens = generated_;
  is_done_ = true;
}

void Generation::Fail(int status, const std::string& message) {
  sequence_->Clear();
  summary_.error = status == 400 ? ApiError::Bad("", message) : ApiError::Of(status, "server_error", "", message);
  is_done_ = true;
}

}  // namespace lfm2::tools
