// The interface by which a conversation uses a constraint on its answers.
#ifndef LFM2_TEXT_ANSWER_CONSTRAINT_H_
#define LFM2_TEXT_ANSWER_CONSTRAINT_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"

namespace lfm2 {

// Forbids tokens and forces tokens. One object follows one answer; it is independent of how tokens are computed and
// sampled. Its functions are called through pointers, so that a program without constraints contains none of this code.
class AnswerConstraint {
 public:
  AnswerConstraint(const AnswerConstraint&) = delete;
  AnswerConstraint& operator=(const AnswerConstraint&) = delete;

  // Starts an answer that begins with these texts, of the chat format and of the caller.
  Status Begin(std::string_view of_format, std::string_view of_caller) {
    return hooks_->begin(this, of_format, of_caller);
  }
  // Sets the logits of all tokens that may not come next to -infinity. logits[vocab_size]. Errors: those of the
  // constraint.
  Status Restrict(Span<float> logits) { return hooks_->restrict(this, logits); }
  // Writes the tokens that must come next, as many as are certain and fit, to `room`; they need not be sampled. *count
  // may be 0.
  Status Force(Span<int32_t> room, size_t* count) { return hooks_->force(this, kNoToken, room, count); }
  // The same for what follows a token that may come next. The answer is not advanced.
  Status ForceAfter(int32_t token, Span<int32_t> room, size_t* count) {
    return hooks_->force(this, token, room, count);
  }
  // Appends a token to the answer. Errors: kInvalidArgument for a token that is not allowed.
  Status Advance(int32_t token) { return hooks_->advance(this, token); }

 protected:
  struct Hooks {
    Status (*begin)(AnswerConstraint* self, std::string_view of_format, std::string_view of_caller);
    Status (*restrict)(AnswerConstraint* self, Span<float> logits);
    Status (*force)(AnswerConstraint* self, int32_t after, Span<int32_t> room, size_t* count);
    Status (*advance)(AnswerConstraint* self, int32_t token);
  };
  // hooks: static.
  constexpr explicit AnswerConstraint(const Hooks* hooks) : hooks_(hooks) {}
  ~AnswerConstraint() = default;

 private:
  const Hooks* hooks_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_ANSWER_CONSTRAINT_H_
