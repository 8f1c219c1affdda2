// Options of an answer, and the reasons why one ends.
#ifndef LFM2_RUNTIME_ANSWER_OPTIONS_H_
#define LFM2_RUNTIME_ANSWER_OPTIONS_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/text/answer_constraint.h"
#include "lfm2/text/sampler.h"

namespace lfm2 {

// Receives text of whole UTF-8 characters: one call for each token that yields any, or for all tokens that a constraint
// has forced together. Returning false interrupts the answer; later text goes to the call that continues it. A function
// that returns void accepts everything.
using TextSink = FunctionRef<bool(std::string_view text)>;

// Of one answer of a Conversation.
struct AnswerOptions {
  // A number alone is max_tokens.
  constexpr AnswerOptions(uint32_t tokens = 0) : max_tokens(tokens) {}

  // Most tokens to generate. 0: until the model ends the answer or the context is full.
  uint32_t max_tokens;
  // Text that the answer begins with, such as "<think></think>" for one without thoughts. It becomes part of the
  // context and is not passed to the sink. Read when the answer begins.
  std::string_view begin = {};
  // The answer ends before the first occurrence of one of these texts, which is not passed to the sink: at most
  // kMaxStopTexts of at most kMaxStopTextBytes bytes each. Text that may be the beginning of one is held back, and
  // passed on if max_tokens ends the call there. Copied when the answer begins.
  Span<const std::string_view> stop_texts = {};
  // Most tokens between <think> and </think>; then </think> is inserted.
  uint32_t max_thought_tokens = 0xffffffffu;
  // Sampler options from this answer on; their seed starts a new random sequence. Fields that are not set have the
  // values that the model's publisher recommends. nullptr: no change. Copied when the answer begins.
  const SamplerOptions* sampler = nullptr;

  // Restricts the answer (text/grammar_constraint.h); nullptr: no restriction. It must outlive the answer, is used from
  // its beginning on, and must be passed again when the answer is continued. Tokens that it forces are not sampled;
  // without stop texts, consecutive forced tokens are computed together. If the constraint fails, the answer ends with
  // its Status. It is not part of marks, forks and saved states: to continue an answer from one, use
  // GrammarConstraint::Replay.
  AnswerConstraint* constraint = nullptr;

  // Passed to both functions below, which may be null. They are called on the thread of the caller, during its call,
  // and must not call the conversation.
  void* context = nullptr;
  // Called before each token is chosen. May change logits[vocab_size]; -infinity forbids a token. If all tokens are
  // forbidden or a logit is NaN, the answer ends with kInvalidArgument and cannot be continued.
  void (*before_choice)(void* context, Span<float> logits) = nullptr;
  // Called after each choice, before the text of the token is passed on, with the token and the logits from which it
  // was chosen (see LogProbability in text/log_probability.h). Also called for the token that ends the answer, and for
  // inserted tokens, which were not chosen: their logits are empty.
  void (*on_token)(void* context, int32_t token, Span<const float> logits) = nullptr;
};

// Why an answer has ended.
enum class AnswerEnd : uint8_t {
  kStop,         // the model ended it
  kStopText,     // at a stop text
  kMaxTokens,    // max_tokens were generated; can be continued
  kContextFull,  // no position is free
  kInterrupted,  // the sink returned false; can be continued
  kCancelled,    // by Abort or the session's poll; can be continued
  kError,        // see the returned Status; can be continued where can_go_on()
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_ANSWER_OPTIONS_H_
