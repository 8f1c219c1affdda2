// Computes one answer in steps: the prompt, then token after token.
#ifndef LFM2_PROGRAMS_SERVER_GENERATION_H_
#define LFM2_PROGRAMS_SERVER_GENERATION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "lfm2/text/detokenizer.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/stop_matcher.h"
#include "programs/server/answer_channel.h"
#include "programs/server/generation_request.h"
#include "programs/server/sequence.h"
#include "programs/text/answer_rule.h"

namespace lfm2::tools {

// What to compute.
struct GenerationTask {
  std::shared_ptr<const GenerationRequest> request;
  std::vector<int32_t> prompt;       // not empty; leaves a position of the context for the answer
  std::vector<uint32_t> places;      // positions in the prompt from which other prompts may continue, ascending
  bool echo = false;                 // return the text of the prompt, and its scores if requested
  bool adds_begin = false;           // the first token is not part of that text, but added for the model
  std::unique_ptr<AnswerRule> rule;  // null: none
  AnswerChannel channel;
  // Of the engine: time of arrival, and the place of the request in the queue.
  std::chrono::steady_clock::time_point came;
  std::shared_ptr<const void> ticket;
};

class Generation {
 public:
  // The sequence is at a position that its Reusable has returned for the prompt. Both outlive this.
  Generation(GenerationTask* task, Sequence* sequence);

  // A step of the session, or the choice of a token. Output goes to the channel.
  void Step();
  // Ends the answer.
  void Cancel();
  bool is_done() const { return is_done_; }
  // When done, for the end of the channel. After an error the sequence is empty.
  const AnswerSummary& summary() const { return summary_; }

  uint32_t prompt_tokens() const { return static_cast<uint32_t>(task_->prompt.size()); }
  uint32_t cached_tokens() const { return cached_; }
  uint32_t answer_tokens() const { return generated_; }

 private:
  Status Advance();
  Status ReadPrompt();
  Status ScorePrompt();
  Status Choose();
  Status Force(int32_t* one, Span<const int32_t>* run);
  Status Sample(int32_t* token, AnswerPiece* piece);
  void Bias(Span<float> logits) const;
  Status Emit(int32_t token, AnswerPiece* piece);
  void Finish(FinishReason reason, AnswerPiece piece);
  void Fail(int status, const std::string& message);
  AnswerConstraint* constraint() const { return task_->rule == nullptr ? nullptr : task_->rule->get(); }
  bool scores() const { return task_->request->top_logprobs.has_value(); }
  uint32_t max_tokens() const { return task_->request->max_tokens.value_or(UINT32_MAX); }

  GenerationTask* task_;
  Sequence* sequence_;
  Session& session_;
  Sampler sampler_;
  TextStream stream_;
  StopMatcher stops_;
  uint32_t cached_ = 0;
  uint32_t generated_ = 0;
  size_t next_place_ = 0;
  bool is_prompting_ = true;
  bool is_done_ = false;
  AnswerSummary summary_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_GENERATION_H_
