// What an answer may be, and why it ended.
#ifndef LFM2_RUNTIME_ANSWER_OPTIONS_H_
#define LFM2_RUNTIME_ANSWER_OPTIONS_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/text/answer_constraint.h"
#include "lfm2/text/sampler.h"

namespace lfm2 {

// Takes text, whole UTF-8 characters, in one call for each token that gives any, or for those that a constraint has put
// there together; false: no more, and what comes later is for the next call that goes on. A function that returns
// nothing takes all.
using TextSink = FunctionRef<bool(std::string_view text)>;

struct AnswerOptions {
  // A number alone is max_tokens.
  constexpr AnswerOptions(uint32_t tokens = 0) : max_tokens(tokens) {}

  // Tokens to generate at most. 0: until the model has finished or the context ends.
  uint32_t max_tokens;
  // Text that the answer begins with, such as "<think></think>" for one without thoughts. It is part of the context and
  // is not handed out. Read when the answer begins.
  std::string_view begin = {};
  // The answer ends before the first of these texts, which is not handed out: at most kMaxStopTexts of at most
  // kMaxStopTextBytes bytes. Only what max_tokens has cut one off from is handed out. Copied when the answer begins.
  Span<const std::string_view> stop_texts = {};
  // Tokens between <think> and </think> at most: then </think> is put there.
  uint32_t max_thought_tokens = 0xffffffffu;
  // Sampler options from this answer on, whose seed begins a new random sequence; what is not set is as the model's
  // publisher recommends. nullptr: as before. Copied when the answer begins.
  const SamplerOptions* sampler = nullptr;

  // What the answer may be (text/grammar_constraint.h); nullptr: anything. It outlives the answer, follows it from its
  // beginning on, and is given again where it goes on. Tokens that it forces are not chosen; where there are no stop
  // texts, those that follow each other are computed together. Where the constraint fails, the answer ends with its
  // Status. It is not part of marks, forks and saved states: where an answer goes on from one,
  // GrammarConstraint::Replay.
  AnswerConstraint* constraint = nullptr;

  // Handed to both functions below, which may be null. They are called on the caller's thread, within its call, and do
  // not call the conversation.
  void* context = nullptr;
  // Before each token is chosen: may change logits[vocab_size]; -infinity forbids a token. Where it forbids all, or
  // makes a NaN, the answer ends with kInvalidArgument and cannot go on.
  void (*before_choice)(void* context, Span<float> logits) = nullptr;
  // After each choice, before the token's text is handed out: the token and the logits that it was chosen from, of
  // which LogProbability (text/log_probability.h) makes a probability. Tokens that are put there and not chosen have
  // none: logits are empty then. The token that ends the answer is among them.
  void (*on_token)(void* context, int32_t token, Span<const float> logits) = nullptr;
};

enum class AnswerEnd : uint8_t {
  kStop,         // the model said that it is finished
  kStopText,     // a stop text came
  kMaxTokens,    // as long as was asked for; may go on
  kContextFull,  // no position is left
  kInterrupted,  // the sink said so; may go on
  kCancelled,    // Abort or the session's poll; may go on
  kError,        // the call that returned a Status says why; may go on, see can_go_on()
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_ANSWER_OPTIONS_H_
