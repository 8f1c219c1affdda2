// Restricts an answer, or the tool calls in it, to a grammar.
#ifndef LFM2_TEXT_GRAMMAR_CONSTRAINT_H_
#define LFM2_TEXT_GRAMMAR_CONSTRAINT_H_

#include <string_view>

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"
#include "lfm2/text/answer_constraint.h"
#include "lfm2/text/grammar_matcher.h"
#include "lfm2/text/thought_tracker.h"
#include "lfm2/text/tokenizer.h"

namespace lfm2 {

// The part of an answer that the grammar describes.
enum class ConstraintScope : uint8_t {
  kAnswer,  // the whole answer
  kCalls,   // the text between <|tool_call_start|> and <|tool_call_end|>; the rest is free
};

// Whether an answer contains tool calls. To allow calls of one tool only, compile a grammar of that tool.
enum class ToolChoice : uint8_t {
  kAuto,      // the model decides
  kNone,      // no calls
  kRequired,  // the answer begins with calls
};

// For GrammarConstraint::Open.
struct ConstraintOptions {
  ConstraintScope scope = ConstraintScope::kAnswer;  // what the grammar describes
  // For kCalls.
  ToolChoice tool_choice = ToolChoice::kAuto;
  // A thought, which is not restricted, may come first. false: only if the answer is begun with one.
  bool thoughts = true;
  // Where the text is certain, it is encoded as by the tokenizer, like all text in the training data, and its tokens
  // are computed together without being sampled. false: every token that the grammar allows may be sampled, for example
  // "na" where only "name" can come.
  bool canonical = true;
  GrammarMatcherOptions matcher;
};

// Restricts an answer, or the calls in it, to a grammar; for AnswerOptions::constraint.
class GrammarConstraint : public AnswerConstraint {
 public:
  constexpr GrammarConstraint() : AnswerConstraint(&kHooks) {}

  // Bytes of memory that Open needs for a vocabulary of token_count tokens.
  static constexpr uint64_t Bytes(const ConstraintOptions& options, uint32_t token_count) {
    return GrammarMatcher::Bytes(options.matcher, token_count) + RoundUp<uint64_t>(kScratchBytes, kAlignment);
  }

  // vocab, the bytes of grammar and trie, and memory (aligned to kAlignment) must outlive the constraint. Errors: those
  // of GrammarMatcher::Open; kInvalidArgument for the trie of another vocabulary; kUnsupported for calls where the
  // vocabulary has no tokens <|tool_call_start|> and <|tool_call_end|>.
  LFM2_SELDOM Status Open(const Vocab& vocab, const Grammar& grammar, const TokenTrie& trie,
                          const ConstraintOptions& options, Span<std::byte> memory) {
    vocab_ = nullptr;
    if (trie.token_count() != vocab.size()) {
      return Status(StatusCode::kInvalidArgument, "token trie", "is of another vocabulary: tokens", trie.token_count(),
                    vocab.size());
    }
    const uint64_t needed = Bytes(options, vocab.size());
    if (memory.size() < needed) {
      return Status(StatusCode::kArenaTooSmall, "constraint", "does not fit the memory: bytes", memory.size(), needed);
    }
    const size_t of_matcher = memory.size() - static_cast<size_t>(RoundUp<uint64_t>(kScratchBytes, kAlignment));
    LFM2_RETURN_IF_ERROR(matcher_.Open(grammar, trie, options.matcher, memory.subspan(0, of_matcher)));
    scratch_ = memory.subspan(of_matcher, kScratchBytes);
    call_begin_ = SpecialToken(vocab, kCallBegin);
    call_end_ = SpecialToken(vocab, kCallEnd);
    think_begin_ = SpecialToken(vocab, kThinkBegin);
    if (options.scope == ConstraintScope::kCalls && (call_begin_ == kNoToken || call_end_ == kNoToken)) {
      return Status(StatusCode::kUnsupported, "vocabulary", "has no tokens for the begin and the end of tool calls");
    }
    options_ = options;
    vocab_ = &vocab;
    return Begin({}, {});
  }
  bool is_open() const { return vocab_ != nullptr; }

  // Starts an answer and advances it by these tokens: for an answer that is continued from a mark, a fork or a saved
  // state.
  Status Replay(std::string_view of_format, std::string_view of_caller, Span<const int32_t> tokens) {
    LFM2_RETURN_IF_ERROR(Begin(of_format, of_caller));
    for (const int32_t token : tokens) LFM2_RETURN_IF_ERROR(Advance(token));
    return Status();
  }

  // Whether the answer so far is a text of the grammar or, for kCalls, is outside of calls.
  bool is_complete() {
    return takes_grammar() ? is_whole() && matcher_.may_end() : state_.phase != Phase::kThought && !must_call();
  }

 private:
  static constexpr std::string_view kCallBegin = "<|tool_call_start|>", kCallEnd = "<|tool_call_end|>";
  // Most bytes that are forced at a time.
  static constexpr size_t kMaxForced = 192;
  static constexpr size_t kScratchBytes = kMaxForced + Tokenizer::ScratchBytes(kMaxForced);
  // Most tokens of white space between a thought and the text of the grammar.
  static constexpr uint32_t kMaxGap = 2;

  enum class Phase : uint8_t {
    kBegin,    // no text yet: a thought may come
    kThought,  // inside one
    kGap,      // after one: white space may come
    kFree,     // outside of calls
    kGrammar,  // within the text of the grammar
  };

  struct State {
    ThoughtTracker thoughts;
    uint32_t gap = 0;  // tokens of white space
    Phase phase = Phase::kBegin;
    bool called = false;
  };

  static const Hooks kHooks;

  static GrammarConstraint& Self(AnswerConstraint* self) { return *static_cast<GrammarConstraint*>(self); }

  static int32_t SpecialToken(const Vocab& vocab, std::string_view text) {
    const int32_t token = vocab.MatchSpecial(text, true);
    return token != kNoToken && vocab.TokenBytes(token).size() == text.size() ? token : kNoToken;
  }
  Status CheckOpen() const {
    return is_open() ? Status() : Status(StatusCode::kFailedPrecondition, "constraint", "is not open");
  }
  bool is_whole() const { return options_.scope == ConstraintScope::kAnswer; }
  LFM2_SELDOM Status DoBegin(std::string_view of_format, std::string_view of_caller) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    matcher_.Reset();
    state_.thoughts = ThoughtTracker();
    state_.thoughts.PutText(of_format);
    state_.thoughts.PutText(of_caller);
    state_.called = false;
    state_.gap = 0;
    const bool had_thought = of_format.size() + of_caller.size() > 0;
    state_.phase = state_.thoughts.inside() ? Phase::kThought : had_thought ? Phase::kGap : Phase::kBegin;
    return Status();
  }

  // Whether the next token may be text of the grammar, the start of a call, white space, or the start of a thought.
  bool takes_grammar() const {
    return state_.phase == Phase::kGrammar ||
           (is_whole() && (state_.phase == Phase::kBegin || state_.phase == Phase::kGap));
  }
  bool must_call() const { return !is_whole() && options_.tool_choice == ToolChoice::kRequired && !state_.called; }
  bool takes_gap() const { return state_.phase == Phase::kGap && state_.gap < kMaxGap; }
  bool takes_thought() const { return state_.phase == Phase::kBegin && options_.thoughts && think_begin_ != kNoToken; }
  static bool IsSpace(std::string_view text) {
    for (const char c : text) {
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return false;
    }
    return !text.empty();
  }

  Status DoRestrict(Span<float> logits) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    if (logits.size() != vocab_->size()) {
      return Status(StatusCode::kInvalidArgument, "logits", "are not those of the vocabulary", logits.size(),
                    vocab_->size());
    }
    if (state_.phase == Phase::kThought || (!takes_grammar() && !must_call())) return RestrictFree(logits);
    Span<const uint32_t> mask;
    if (takes_grammar()) LFM2_RETURN_IF_ERROR(matcher_.Mask(&mask));
    // Allowed tokens that are not text of the grammar, and their logits.
    int32_t others[kMaxStopTokens + 3];
    float kept[kMaxStopTokens + 3];
    const uint32_t count = OtherTokens(others);
    for (uint32_t i = 0; i < count; ++i) kept[i] = logits[static_cast<size_t>(others[i])];
    const bool gap = takes_gap();
    bool any = count > 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      const bool is_text = !mask.empty() && (mask[i / 32] >> (i % 32) & 1u) != 0;
      if (is_text || (gap && IsGap(static_cast<int32_t>(i)))) {
        any = true;
      } else {
        logits[i] = kForbidden;
      }
    }
    for (uint32_t i = 0; i < count; ++i) logits[static_cast<size_t>(others[i])] = kept[i];
    return any ? Status() : Status(StatusCode::kFailedPrecondition, "constraint", "allows no token of the vocabulary");
  }

  // Tokens that are allowed besides those of the grammar and white space.
  LFM2_SELDOM uint32_t OtherTokens(int32_t (&out)[kMaxStopTokens + 3]) {
    uint32_t count = 0;
    if (must_call() && state_.phase != Phase::kGrammar) out[count++] = call_begin_;
    if (takes_thought()) out[count++] = think_begin_;
    if (!takes_grammar() || !matcher_.may_end()) return count;
    if (!is_whole()) {
      out[count++] = call_end_;
      return count;
    }
    for (const int32_t token : vocab_->stop_tokens()) out[count++] = token;
    return count;
  }
  bool IsGap(int32_t token) const { return !vocab_->IsSpecial(token) && IsSpace(vocab_->TokenBytes(token)); }

  // In a thought, or outside of calls: forbids the end of an answer that is incomplete, and calls that are not wanted.
  LFM2_SELDOM Status RestrictFree(Span<float> logits) const {
    const bool inside = state_.phase == Phase::kThought;
    if (inside && (is_whole() || must_call())) {
      for (const int32_t token : vocab_->stop_tokens()) logits[static_cast<size_t>(token)] = kForbidden;
    }
    const bool no_calls = inside || is_whole() || options_.tool_choice == ToolChoice::kNone;
    if (no_calls && call_begin_ != kNoToken) logits[static_cast<size_t>(call_begin_)] = kForbidden;
    if (call_end_ != kNoToken) logits[static_cast<size_t>(call_end_)] = kForbidden;
    return Status();
  }

  // Advances by a token, which must be allowed, forces, and returns to the current place of the answer.
  LFM2_SELDOM Status DoForceAfter(int32_t token, Span<int32_t> room, size_t* count) {
    *count = 0;
    LFM2_RETURN_IF_ERROR(CheckOpen());
    if (vocab_->IsStop(token)) return Status();
    const State state = state_;
    const GrammarMatcher::Place place = matcher_.place();
    is_ahead_ = true;
    Status status = DoAdvance(token);
    for (size_t more = 1; status.ok() && more > 0 && *count < room.size();) {
      status = DoForce(room.subspan(*count, room.size() - *count), &more);
      for (size_t i = 0; status.ok() && i < more; ++i) status = DoAdvance(room[*count + i]);
      if (status.ok()) *count += more;
    }
    // Not an error: fewer tokens are forced if the memory of the matcher does not suffice.
    if (status.code() == StatusCode::kArenaTooSmall) status = Status();
    is_ahead_ = false;
    state_ = state;
    matcher_.Restore(place);
    return status;
  }

  LFM2_SELDOM Status DoForce(Span<int32_t> room, size_t* count) {
    *count = 0;
    LFM2_RETURN_IF_ERROR(CheckOpen());
    if (room.empty() || state_.phase == Phase::kThought) return Status();
    if (must_call() && state_.phase != Phase::kGrammar && !takes_gap() && !takes_thought()) {
      room[(*count)++] = call_begin_;
      return Status();
    }
    if (!takes_grammar() || takes_gap() || takes_thought()) return Status();
    if (options_.canonical) LFM2_RETURN_IF_ERROR(ForceText(room, count));
    return *count > 0 ? Status() : ForceOne(room, count);
  }

  // The tokens of text that is certain, up to a word that later text could lengthen. Each is the first token of the
  // remaining text by the tokenizer, so that the result does not depend on how many are requested at a time.
  Status ForceText(Span<int32_t> room, size_t* count) {
    char* const text = reinterpret_cast<char*>(scratch_.data());
    const Span<std::byte> scratch = scratch_.subspan(kMaxForced, scratch_.size() - kMaxForced);
    GrammarMatcher::Place after = matcher_.place();
    // One byte of room for the text that may follow.
    std::string_view rest(text, matcher_.Forced({text, kMaxForced - 1}, &after));
    while (!rest.empty() && *count < room.size()) {
      size_t word = WordSplitter::FirstWord(rest, false);
      if (word == 0 && EndsBefore(rest, after)) word = rest.size();
      if (word == 0) break;
      TokenWriter first(room.subspan(*count, 1));
      LFM2_RETURN_IF_ERROR(Tokenizer(*vocab_).EncodeWord(TextPart(rest, 0, word), scratch, &first));
      rest.remove_prefix(vocab_->TokenBytes(room[(*count)++]).size());
    }
    return Status();
  }

  // Whether a word ends with `rest`, whatever follows. rest: in scratch_, with room for another byte.
  bool EndsBefore(std::string_view rest, const GrammarMatcher::Place& after) {
    std::byte* const next =
        scratch_.data() + (rest.data() - reinterpret_cast<const char*>(scratch_.data())) + rest.size();
    return WordSplitter::FirstWord(rest, true) == rest.size() && matcher_.AllNext(after, [&](uint8_t byte) {
      *next = static_cast<std::byte>(byte);
      return WordSplitter::FirstWord({rest.data(), rest.size() + 1}, false) == rest.size();
    });
  }

  // The only token that is allowed, if there is exactly one.
  Status ForceOne(Span<int32_t> room, size_t* count) {
    const bool may_end = matcher_.may_end();
    if (may_end && is_whole()) return Status();  // the model chooses how it ends
    Span<const uint32_t> mask;
    LFM2_RETURN_IF_ERROR(matcher_.Mask(&mask));
    uint32_t found = may_end ? 1 : 0;
    int32_t only = may_end ? call_end_ : kNoToken;
    for (size_t i = 0; i < mask.size() && found < 2; ++i) {
      for (uint32_t bits = mask[i]; bits != 0 && found < 2; bits &= bits - 1) {
        ++found;
        uint32_t bit = 0;
        while ((bits >> bit & 1u) == 0) ++bit;
        only = static_cast<int32_t>(i * 32 + bit);
      }
    }
    if (found == 1) room[(*count)++] = only;
    return Status();
  }

  LFM2_SELDOM Status DoAdvance(int32_t token) {
    LFM2_RETURN_IF_ERROR(CheckOpen());
    const std::string_view bytes = vocab_->TokenBytes(token);
    if (vocab_->IsStop(token)) return Status();
    if (state_.phase == Phase::kThought || (token == think_begin_ && takes_thought())) {
      state_.thoughts.Put(bytes);
      state_.phase = state_.thoughts.inside() ? Phase::kThought : Phase::kGap;
      return Status();
    }
    if (token == call_begin_ && !is_whole() && state_.phase != Phase::kGrammar) {
      matcher_.Reset();
      state_.phase = Phase::kGrammar;
      state_.called = true;
      return Status();
    }
    if (token == call_end_ && !is_whole() && state_.phase == Phase::kGrammar) {
      state_.phase = Phase::kFree;
      return matcher_.may_end() ? Status() : NotAllowed(token);
    }
    if (takes_grammar()) {
      bool matched = false;
      if (!vocab_->IsSpecial(token))
        LFM2_RETURN_IF_ERROR(is_ahead_ ? matcher_.Peek(bytes, &matched) : matcher_.Advance(bytes, &matched));
      if (matched) {
        state_.phase = Phase::kGrammar;
        return Status();
      }
    }
    if (takes_gap() && IsSpace(bytes)) {
      ++state_.gap;
      return Status();
    }
    if (takes_grammar() || must_call()) return NotAllowed(token);
    // A thought within free text.
    state_.thoughts.Put(bytes);
    state_.phase = state_.thoughts.inside() ? Phase::kThought : Phase::kFree;
    return Status();
  }

  static Status NotAllowed(int32_t token) {
    return Status(StatusCode::kInvalidArgument, "constraint", "does not allow the token",
                  static_cast<uint64_t>(static_cast<uint32_t>(token)));
  }

  static constexpr float kForbidden = -__builtin_huge_valf();

  const Vocab* vocab_ = nullptr;
  ConstraintOptions options_;
  GrammarMatcher matcher_;
  Span<std::byte> scratch_;
  int32_t call_begin_ = kNoToken;
  int32_t call_end_ = kNoToken;
  int32_t think_begin_ = kNoToken;
  State state_;
  bool is_ahead_ = false;
};

inline constexpr AnswerConstraint::Hooks GrammarConstraint::kHooks = {
    [](AnswerConstraint* self, std::string_view a, std::string_view b) { return Self(self).DoBegin(a, b); },
    [](AnswerConstraint* self, Span<float> logits) { return Self(self).DoRestrict(logits); },
    [](AnswerConstraint* self, int32_t after, Span<int32_t> room, size_t* count) {
      return after == kNoToken ? Self(self).DoForce(room, count) : Self(self).DoForceAfter(after, room, count);
    },
    [](AnswerConstraint* self, int32_t token) { return Self(self).DoAdvance(token); }};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_CONSTRAINT_H_
