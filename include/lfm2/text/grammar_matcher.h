// Computes which tokens may come next by a grammar.
#ifndef LFM2_TEXT_GRAMMAR_MATCHER_H_
#define LFM2_TEXT_GRAMMAR_MATCHER_H_

#include <string_view>

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar.h"
#include "lfm2/format/token_trie.h"
#include "lfm2/text/grammar_steps.h"
#include "lfm2/text/grammar_threads.h"

namespace lfm2 {

// Capacities of a matcher.
struct GrammarMatcherOptions {
  // Ways to read a text at the same time, in total over all bytes of a token. An unambiguous grammar has one;
  // alternatives with the same beginning have one each.
  uint32_t max_threads = 1024;
  // Rules that wait for a call to return: about the number of open lists and objects, for each alternative.
  uint32_t max_frames = 1024;
  // Sets of such ways that a mask computes only once; with fewer, masks take longer. 1 to 253; each takes 276 bytes.
  uint32_t max_lists = 64;
};

// Follows a text through a grammar, byte by byte, and computes which tokens of a vocabulary may come next: exactly
// those after which the text can still become one of the grammar. Works in memory of the caller, without allocation or
// recursion. Not thread-safe.
class GrammarMatcher {
 public:
  constexpr GrammarMatcher() = default;
  GrammarMatcher(const GrammarMatcher&) = delete;
  GrammarMatcher& operator=(const GrammarMatcher&) = delete;

  // Bytes of memory that Open needs for a vocabulary of token_count tokens.
  static constexpr uint64_t Bytes(const GrammarMatcherOptions& options, uint32_t token_count) {
    Arena arena = Arena::Counting();
    GrammarMatcher matcher;
    matcher.Carve(&arena, options, token_count);
    return arena.used();
  }

  // Starts with the empty text. grammar: open. Its bytes, those of the trie, and memory (aligned to kAlignment) must
  // outlive the matcher. Errors: kInvalidArgument, kArenaTooSmall.
  LFM2_SELDOM Status Open(const Grammar& grammar, const TokenTrie& trie, const GrammarMatcherOptions& options,
                          Span<std::byte> memory) {
    if (!grammar.is_open()) return Status(StatusCode::kInvalidArgument, "grammar", "is not open");
    if (options.max_threads < kLeast || options.max_frames < 2 || options.max_threads > kMost ||
        options.max_frames > kMost || options.max_lists < 1 || options.max_lists > Steps::kMostKept) {
      return Status(StatusCode::kInvalidArgument, "matcher options", "are out of bounds", options.max_threads, kMost);
    }
    const uint64_t needed = Bytes(options, trie.token_count());
    if (memory.size() < needed) {
      return Status(StatusCode::kArenaTooSmall, "grammar matcher", "does not fit the memory: bytes", memory.size(),
                    needed);
    }
    if (reinterpret_cast<uintptr_t>(memory.data()) % kAlignment != 0) {
      return Status(StatusCode::kInvalidArgument, "grammar matcher", "needs memory that is aligned to 64 bytes");
    }
    Arena arena(memory);
    Carve(&arena, options, trie.token_count());
    trie_ = trie;
    now_ = threads_.Begin(grammar);
    has_mask_ = false;
    return Status();
  }
  bool is_open() const { return mask_ != nullptr; }
  void Reset() {
    now_ = threads_.Begin(threads_.grammar());
    has_mask_ = false;
  }

  // Appends bytes to the text, if they are allowed: *matched is true then; otherwise the text is unchanged. Errors,
  // after which the text is unchanged: kArenaTooSmall where there are more ways to read the text than fit.
  Status Advance(std::string_view bytes, bool* matched) {
    const bool had_mask = has_mask_;
    List list = now_;
    LFM2_RETURN_IF_ERROR(Follow(bytes, &list, matched));
    if (!*matched) return Status();
    bool moved = false;
    now_ = threads_.Keep(list, &moved);
    has_mask_ = had_mask && !moved;
    return Status();
  }
  // The same, to look ahead: Restore returns to the previous text. Until then only Peek, and no call of Advance or
  // Reset.
  Status Peek(std::string_view bytes, bool* matched) {
    List list = now_;
    LFM2_RETURN_IF_ERROR(Follow(bytes, &list, matched));
    if (*matched) now_ = list;
    return Status();
  }
  using Place = grammar_internal::Threads::List;
  Place place() const { return now_; }
  void Restore(const Place& place) {
    now_ = place;
    has_mask_ = false;
  }

  // Whether the text may end here.
  bool may_end() { return threads_.MayEnd(now_); }

  // A bit for each token, [DivideUp(token_count, 32)] words, set if it may come next: only tokens that are in the trie.
  // Valid until the next call. Errors: kArenaTooSmall.
  Status Mask(Span<const uint32_t>* mask) {
    const bool one = now_.end - now_.begin == 1;
    if (!has_mask_ || !one || !IsEqual(threads_[now_.begin], of_mask_)) {
      has_mask_ = false;
      LFM2_RETURN_IF_ERROR(MakeMask());
      has_mask_ = one;
      of_mask_ = threads_[now_.begin];
    }
    *mask = {mask_, DivideUp<size_t>(trie_.token_count(), 32)};
    return Status();
  }

  // The bytes that must come next: as many as there is no choice for, and as fit. *after: the place where they end. The
  // text is unchanged.
  LFM2_SELDOM size_t Forced(Span<char> out, Place* after) {
    const List now = now_;
    size_t count = 0;
    for (uint8_t byte = 0; count < out.size(); ++count) {
      *after = now_;
      if (NextBytes(&byte) != 1 || threads_.MayEnd(now_)) break;
      now_ = threads_.Step(now_, byte);
      if (threads_.overflowed() || Threads::IsEmpty(now_)) break;
      out[count] = static_cast<char>(byte);
      *after = now_;
    }
    threads_.ClearOverflow();
    now_ = now;
    return count;
  }

  // Whether `holds` is true for every byte that may come next at a place. holds: bool(uint8_t).
  template <class Predicate>
  bool AllNext(const Place& at, Predicate holds) {
    const List now = now_;
    now_ = at;
    uint32_t candidates[8] = {};
    AddCandidates(candidates);
    bool all = true;
    for (uint32_t byte = 0; byte < 256 && all; ++byte) {
      all = (candidates[byte / 32] >> (byte % 32) & 1u) == 0 || holds(static_cast<uint8_t>(byte)) || !CanBeNext(byte);
    }
    all = all && !threads_.overflowed();
    threads_.ClearOverflow();
    now_ = now;
    return all;
  }

 private:
  using Threads = grammar_internal::Threads;
  using Thread = grammar_internal::Thread;
  using Steps = grammar_internal::Steps;
  using List = Threads::List;
  static constexpr uint32_t kLeast = 16, kMost = 1u << 20;

  constexpr void Carve(Arena* arena, const GrammarMatcherOptions& options, uint32_t token_count) {
    threads_.Carve(arena, options.max_threads, options.max_frames);
    steps_.Carve(arena, options.max_lists);
    mask_ = arena->Carve<uint32_t>(DivideUp<uint64_t>(Max<uint32_t>(token_count, 1), 32));
  }

  Status CheckRoom() {
    if (!threads_.overflowed()) return Status();
    threads_.ClearOverflow();
    return Status(StatusCode::kArenaTooSmall, "grammar matcher",
                  "has no room for all ways to read the text (raise max_threads and max_frames)");
  }

  Status Follow(std::string_view bytes, List* at, bool* matched) {
    *matched = false;
    for (size_t i = 0; i < bytes.size(); ++i) {
      *at = threads_.Step(*at, static_cast<uint8_t>(bytes[i]));
      LFM2_RETURN_IF_ERROR(CheckRoom());
      if (Threads::IsEmpty(*at)) return Status();
    }
    *matched = true;
    return Status();
  }

  static bool IsEqual(const Thread& a, const Thread& b) {
    return a.at == b.at && a.frame == b.frame && a.tally == b.tally;
  }

  void AddCandidates(uint32_t (&candidates)[8]) const {
    for (uint32_t i = now_.begin; i < now_.end; ++i) threads_.AddNextBytes(threads_[i], candidates);
  }
  bool CanBeNext(uint32_t byte) { return !Threads::IsEmpty(threads_.Step(now_, static_cast<uint8_t>(byte))); }

  // The number of bytes that can come next: 0, 1, or 2 for more; and the only one.
  uint32_t NextBytes(uint8_t* only) {
    uint32_t candidates[8] = {};
    AddCandidates(candidates);
    uint32_t count = 0;
    for (uint32_t byte = 0; byte < 256 && count < 2; ++byte) {
      if ((candidates[byte / 32] >> (byte % 32) & 1u) == 0 || !CanBeNext(byte)) continue;
      ++count;
      *only = static_cast<uint8_t>(byte);
    }
    return count;
  }

  Status MakeMask() {
    Status status = TryMask(true);
    if (status.code() == StatusCode::kArenaTooSmall) status = TryMask(false);
    return status;
  }
  Status TryMask(bool keep) {
    const size_t words = DivideUp<size_t>(trie_.token_count(), 32);
    for (size_t i = 0; i < words; ++i) mask_[i] = 0;
    steps_.Begin(&threads_, now_, keep);
    const grammar_internal::PlainText text = steps_.TextOf(now_);
    if (text.most > 0) SetPlain(text.most);
    // Nothing to compute where any plain text is allowed.
    if (!text.is_exact && text.most < kMaxPlainLength) {
      const bool assumed = text.most == 0 && TakesMostPlain();
      if (assumed) SetPlain(kUnlimited);
      LFM2_RETURN_IF_ERROR(Walk(TokenClass::kPlain, assumed));
    }
    if (text.takes_control) LFM2_RETURN_IF_ERROR(Walk(TokenClass::kControl, false));
    return Walk(TokenClass::kOther, false);
  }

  // Whether any plain text may follow most first characters of plain tokens, as in a name that may be any but some.
  bool TakesMostPlain() {
    const Span<const TrieNode> nodes = trie_.nodes(TokenClass::kPlain);
    size_t open = 0;
    for (size_t i = 0; i < nodes.size(); i += nodes[i].subtree()) {
      const uint32_t at = steps_.Step(1, nodes[i].byte());
      if (at != Steps::kNowhere && steps_.text(at).most == kUnlimited) open += nodes[i].subtree();
    }
    return open > nodes.size() / 2;
  }

  // Computes the tokens of a class. Where any plain text is known to be allowed, subtrees of plain tokens are not
  // walked byte by byte. assumed: all plain tokens are set, and those that are not allowed are cleared.
  Status Walk(TokenClass c, bool assumed) {
    const Span<const TrieNode> nodes = trie_.nodes(c);
    // The depth of the first byte below 0x20 on the path to a node; 0: none.
    uint32_t control = 0;
    for (size_t i = 0; i < nodes.size();) {
      const TrieNode& node = nodes[i];
      const uint32_t depth = node.depth(), byte = node.byte();
      const uint32_t at = steps_.Step(depth, node.byte());
      if (threads_.overflowed()) return CheckRoom();
      bool skips = at == Steps::kNowhere;
      if (c == TokenClass::kPlain) {
        // Characters of the longest token that is allowed.
        uint32_t longest = 0;
        if (!skips) {
          const grammar_internal::PlainText& text = steps_.text(at);
          skips = text.is_exact || text.most == kUnlimited;
          longest = steps_.characters(depth) + Min(text.most, kMaxPlainLength);
        }
        if (skips && (assumed ? longest < kMaxPlainLength : longest > 0)) {
          SetSubtree(nodes.subspan(i, node.subtree()), longest);
        }
      } else if (c == TokenClass::kControl) {
        if (control >= depth) control = 0;
        if (control == 0 && byte < 0x20) control = depth;
        // Every token has a byte below 0x20 after plain text.
        skips = skips || (control == 0 && steps_.text(at).is_exact && !steps_.text(at).takes_control);
      }
      if (skips) {
        i += node.subtree();
        continue;
      }
      SetToken(node, true);
      ++i;
    }
    return Status();
  }
  // Sets, of a subtree of plain tokens, exactly those of at most `longest` characters.
  void SetSubtree(Span<const TrieNode> nodes, uint32_t longest) {
    const Span<const uint8_t> lengths = trie_.plain_lengths();
    for (const TrieNode& node : nodes) {
      if (node.token() != kNoToken) SetToken(node, lengths[static_cast<uint32_t>(node.token())] <= longest);
    }
  }
  void SetToken(const TrieNode& node, bool value) {
    const int32_t token = node.token();
    if (token == kNoToken) return;
    const uint32_t bit = 1u << (token % 32);
    mask_[token / 32] = value ? mask_[token / 32] | bit : mask_[token / 32] & ~bit;
  }

  // Sets the plain tokens of at most `most` characters: eight lengths at a time, one byte each. A length of 0 is not a
  // plain token.
  void SetPlain(uint32_t most) {
    constexpr uint64_t kOnes = 0x0101010101010101u, kHigh = 0x80 * kOnes, kLow = ~kHigh;
    const Span<const uint8_t> lengths = trie_.plain_lengths();
    // Lengths below 128 that are above `most` reach 128 with this added.
    const bool all = most >= kMaxPlainLength;
    const uint64_t above = (127 - Min<uint32_t>(most, 127)) * kOnes;
    const size_t whole = lengths.size() / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
      const uint64_t x = LoadAs<uint64_t>(lengths.data() + i), low = x & kLow;
      const uint64_t some = (low + kLow) | x, right = all ? some : some & ~((low + above) | x);
      const uint64_t bits = ((right & kHigh) >> 7) * 0x0102040810204080u >> 56;
      mask_[i / 32] |= static_cast<uint32_t>(bits) << (i % 32);
      // Long tokens, which are rare.
      for (size_t k = i; (x & kHigh) != 0 && k < i + 8; ++k) SetPlainToken(k, lengths[k], most);
    }
    for (size_t i = whole; i < lengths.size(); ++i) SetPlainToken(i, lengths[i], most);
  }
  void SetPlainToken(size_t token, uint32_t length, uint32_t most) {
    if (length != 0 && length <= most) mask_[token / 32] |= 1u << (token % 32);
  }

  TokenTrie trie_;
  Threads threads_;
  Steps steps_;
  List now_ = {0, 0, 0};
  uint32_t* mask_ = nullptr;
  Thread of_mask_ = {0, 0, 0};
  bool has_mask_ = false;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_MATCHER_H_
