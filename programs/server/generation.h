// One answer: a prompt into a sequence, then token after token, in steps.
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

// What is to be computed.
struct GenerationTask {
  std::shared_ptr<const GenerationRequest> request;
  std::vector<int32_t> prompt;       // fits the context, with a position for the answer; not empty
  std::vector<uint32_t> places;      // positions within the prompt that other prompts may go on from, in order
  bool echo = false;                 // hand out the prompt's text, and where scores are wanted those of its tokens
  bool adds_begin = false;           // the first token is not of that text: the model expects it before
  std::unique_ptr<AnswerRule> rule;  // null: none
  AnswerChannel channel;
  // The engine's: when it came, and the place of its request in the queue.
  std::chrono::steady_clock::time_point came;
  std::shared_ptr<const void> ticket;
};

class Generation {
 public:
  // Begins. The sequence is at a position that its Reusable has returned for the prompt. Both outlive this.
  Generation(GenerationTask* task, Sequence* sequence);

  // A piece of work: a step of the session, or the choice of a token. What comes goes to the channel.
  void Step();
  // Ends it where it is.
  void Cancel();
  bool is_done() const { return is_done_; }
  // Once done, for the channel's end. After an error the sequence is empty.
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
