// Definitions of Session's functions for speculative decoding.
#ifndef LFM2_RUNTIME_SESSION_DRAFT_IMPL_H_
#define LFM2_RUNTIME_SESSION_DRAFT_IMPL_H_

#include "lfm2/runtime/session.h"
#include "lfm2/text/prompt_lookup.h"

namespace lfm2 {

// If the token, at the end of the sequence, was guessed and computed, makes it part of the sequence. Its keys and
// values are already in place; those of further guesses are after the last position, where nothing reads them.
LFM2_FUNCTION bool Session::TakeDrafted(int32_t token) {
  if (draft_.match == 0) return false;
  const bool is_right = token == draft_.tokens[draft_.taken];
  draft_gate_.Learn(draft_.match + draft_.taken, is_right);
  if (!is_right || draft_.taken == draft_.computed) return false;
  memory_.state.TakeDrafted(++draft_.taken);
  memory_.history.Add(position_, token);
  ++position_;
  logits_row_ = draft_.taken;
  has_logits_ = true;
  ++draft_statistics_.accepted;
  draft_gate_.Accept();
  return true;
}

// Predicts what follows the token at position_, the last known one: looks for the longest repetition in the sequence
// and in the history, or continues the prediction `before` if that agrees with more tokens, also after one unexpected
// token. Writes the guessed ids after the known one and returns how many are to be computed with it.
LFM2_FUNCTION uint32_t Session::MakeDraft(const Draft& before) {
  if (options_.draft_tokens == 0 || observer_ != nullptr) return 0;
  memory_.history.Add(position_, memory_.tokens[position_]);
  const uint32_t known = position_ + 1;
  const Span<const int32_t> sequence(memory_.tokens, known), history = memory_.history.tokens();
  const PromptMatch here = FindPromptMatch(sequence, sequence);
  PromptMatch earlier;
  if (here.length < kMaxPromptMatch) earlier = FindPromptMatch(sequence, history);
  draft_.is_here = here.length >= earlier.length;
  draft_.match = draft_.is_here ? here.length : earlier.length;
  draft_.next = static_cast<uint32_t>(draft_.is_here ? here.next : earlier.next);
  if (before.match > 0) {
    const bool was_right = memory_.tokens[position_] == before.tokens[before.taken];
    const uint32_t length = was_right ? Min(before.match + before.taken + 1, kMaxPromptMatch) : 1;
    const uint32_t next = before.next + before.taken + 1;
    if (length > draft_.match && (was_right || before.match + before.taken > 1) &&
        (before.is_here ? next < known : next < history.size())) {
      draft_.match = length;
      draft_.next = next;
      draft_.is_here = before.is_here;
    }
  }
  if (draft_.match == 0) return 0;
  const uint32_t most = Min(options_.draft_tokens, options_.context_length - known);
  const uint32_t wanted = draft_gate_.Choose(draft_.match, most);
  // A repetition that reaches up to its own end continues with the guessed tokens. The token after the last guess is
  // recorded too, to measure how often it is right.
  for (uint32_t count = 0;; ++count) {
    const size_t at = draft_.next + count;
    const int32_t token = draft_.is_here ? memory_.tokens[at] : at < history.size() ? history[at] : DraftHistory::kGap;
    draft_.tokens[count] = token;
    if (count == wanted || token == DraftHistory::kGap || image_->vocab().IsStop(token)) return count;
    memory_.tokens[known + count] = token;
  }
}

// Updates the gate when all steps have been computed.
LFM2_FUNCTION void Session::EndPass() {
  if (!work_.is_decode) return;
  const float ns = static_cast<float>(work_.ns);
  if (work_.drafted == 0) {
    draft_gate_.PlainPass(ns);
    return;
  }
  draft_.computed = work_.drafted;
  draft_gate_.DraftPass(work_.drafted, ns);
  ++draft_statistics_.passes;
  draft_statistics_.drafted += work_.drafted;
}

// Starts again with the one token of Begin and without guesses.
LFM2_FUNCTION void Session::BeginWithoutDraft() {
  draft_gate_.DraftPass(work_.drafted, static_cast<float>(work_.ns));
  draft_ = Draft();
  memory_.state.Restore();
  position_ = work_.start;
  StartWork(1, work_.had_logits && work_.output_blocks == memory_.weights.output.row_blocks());
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_DRAFT_IMPL_H_
