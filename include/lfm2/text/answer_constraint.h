// What an answer may be: the hooks by which a conversation asks a constraint.
#ifndef LFM2_TEXT_ANSWER_CONSTRAINT_H_
#define LFM2_TEXT_ANSWER_CONSTRAINT_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"

namespace lfm2 {

// Forbids tokens and names those that must come. One object follows one answer; it does not know how the tokens are
// computed or chosen. Functions through pointers, so that a program without constraints contains none of this.
class AnswerConstraint {
 public:
  AnswerConstraint(const AnswerConstraint&) = delete;
  AnswerConstraint& operator=(const AnswerConstraint&) = delete;

  // An answer begins, with this text of the chat format and of the caller.
  Status Begin(std::string_view of_format, std::string_view of_caller) {
    return hooks_->begin(this, of_format, of_caller);
  }
  // Sets the logits of all tokens that may not come next to -infinity. logits[vocab_size]. Errors: of the constraint.
  Status Restrict(Span<float> logits) { return hooks_->restrict(this, logits); }
  // Tokens that must come next, as many as are certain and fit: they need not be chosen. *count may be 0.
  Status Force(Span<int32_t> room, size_t* count) { return hooks_->force(this, kNoToken, room, count); }
  // The same for what comes after a token that may come next: the answer stays where it is.
  Status ForceAfter(int32_t token, Span<int32_t> room, size_t* count) {
    return hooks_->force(this, token, room, count);
  }
  // The answer goes on with this token. Errors: kInvalidArgument for one that may not come.
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
