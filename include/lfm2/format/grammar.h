// A compiled grammar: a validated view over its bytes (docs/format-grammar.md), used in place.
#ifndef LFM2_FORMAT_GRAMMAR_H_
#define LFM2_FORMAT_GRAMMAR_H_

#include <cstring>

#include "lfm2/base/config.h"
#include "lfm2/base/crc32c.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar_layout.h"

namespace lfm2 {

// Does not own the bytes, which outlive it. Copied by value.
class Grammar {
 public:
  constexpr Grammar() = default;

  // Checks everything that a matcher relies on: sizes, references, arguments. Accepts any bytes, and reads them twice.
  // bytes: aligned to 4; bytes after the grammar are ignored. Errors: kCorrupt, kUnsupported, kInvalidArgument.
  LFM2_SELDOM static Status Open(Span<const std::byte> bytes, Grammar* out) {
    Grammar g;
    LFM2_RETURN_IF_ERROR(g.CheckHeader(bytes));
    LFM2_RETURN_IF_ERROR(g.CheckRecords());
    for (uint32_t at = 1; at < g.count_; at += g.Size(at)) LFM2_RETURN_IF_ERROR(g.CheckRecord(at));
    *out = g;
    return Status();
  }

  bool is_open() const { return words_ != nullptr; }
  const uint32_t* words() const { return words_; }
  uint32_t start_rule() const { return start_; }
  uint32_t word_count() const { return count_; }

  uint32_t operator[](uint32_t at) const { return words_[at]; }
  GrammarRecord Kind(uint32_t at) const { return static_cast<GrammarRecord>(words_[at] & 0xffu); }
  uint32_t Size(uint32_t at) const { return words_[at] >> 8; }

 private:
  static constexpr uint32_t BitOf(GrammarRecord kind) { return 1u << static_cast<uint32_t>(kind); }

  static Status Bad(const char* what, uint64_t value, uint64_t expected) {
    return Status(StatusCode::kCorrupt, "grammar", what, value, expected);
  }

  LFM2_SELDOM Status CheckHeader(Span<const std::byte> bytes) {
    GrammarHeader h;
    if (bytes.data() == nullptr || bytes.size() < sizeof(h)) {
      return Bad("is shorter than its header", bytes.size(), sizeof(h));
    }
    if (reinterpret_cast<uintptr_t>(bytes.data()) % 4 != 0) {
      return Status(StatusCode::kInvalidArgument, "grammar", "is not aligned to 4 bytes");
    }
    std::memcpy(&h, bytes.data(), sizeof(h));
    if (std::memcmp(h.magic, kGrammarMagic, sizeof(kGrammarMagic)) != 0) {
      return Status(StatusCode::kCorrupt, "grammar.magic", "is not LFM2GRA");
    }
    if (h.version != kGrammarVersion) {
      return Status(StatusCode::kUnsupported, "grammar.version", "is not supported (compile the grammar again)",
                    h.version, kGrammarVersion);
    }
    if (h.header_bytes != sizeof(h)) return Bad("has a header of the wrong size", h.header_bytes, sizeof(h));
    if (h.word_count == 0 || h.word_count > kMaxGrammarWords) {
      return Bad("has no words or too many", h.word_count, kMaxGrammarWords);
    }
    const uint64_t total = sizeof(h) + 4 * (uint64_t{h.word_count} + DivideUp<uint32_t>(h.word_count, 32));
    if (h.total_bytes != total) return Bad("has a size that does not match its words", h.total_bytes, total);
    if (total > bytes.size()) return Bad("is cut short: bytes", bytes.size(), total);
    const uint32_t crc = h.crc;
    h.crc = 0;
    const uint32_t of_header = Crc32c(0, &h, sizeof(h));
    const uint32_t found = Crc32c(of_header, bytes.data() + sizeof(h), static_cast<size_t>(total) - sizeof(h));
    if (found != crc) return Bad("has the wrong CRC-32C", found, crc);
    words_ = reinterpret_cast<const uint32_t*>(bytes.data() + sizeof(h));
    count_ = h.word_count;
    start_ = h.start_rule;
    return Status();
  }

  bool Begins(uint32_t at) const { return (words_[count_ + at / 32] >> (at % 32) & 1u) != 0; }
  bool Is(uint32_t at, uint32_t kinds) const {
    return at < count_ && Begins(at) && (kinds >> (words_[at] & 31u) & 1u) != 0;
  }
  static constexpr uint32_t kPlace =
      1u << static_cast<uint32_t>(GrammarRecord::kState) | 1u << static_cast<uint32_t>(GrammarRecord::kLiteral);

  // Records follow one another, and the bits mark where each begins.
  LFM2_SELDOM Status CheckRecords() const {
    if (words_[0] != 0 || Begins(0)) return Bad("does not begin with a word that is 0", words_[0], 0);
    constexpr uint8_t kLeast[] = {0, kRuleWords, kStateWords, kLiteralWords, kObjectWords, kArgumentWords};
    for (uint32_t at = 1; at < count_;) {
      const uint32_t kind = words_[at] & 0xffu, size = Size(at);
      if (kind == 0 || kind >= sizeof(kLeast)) return Bad("has a record of an unknown kind: word", at, kind);
      if (size < kLeast[kind] || size > count_ - at) return Bad("has a record of a wrong size: word", at, size);
      for (uint32_t i = 0; i < size; ++i) {
        if (Begins(at + i) != (i == 0)) return Bad("has a record that begins elsewhere: word", at + i, at);
      }
      at += size;
    }
    if (!Is(start_, BitOf(GrammarRecord::kRule))) return Bad("does not begin with a rule: word", start_, 0);
    return Status();
  }

  LFM2_SELDOM Status CheckRecord(uint32_t at) const {
    const uint32_t* const w = words_ + at;
    bool good = true;
    switch (Kind(at)) {
      case GrammarRecord::kRule:
        good = Size(at) == kRuleWords && Is(w[1], kPlace) && w[2] <= w[3] &&
               (w[4] == 0 || Is(w[4], BitOf(GrammarRecord::kObject)));
        break;
      case GrammarRecord::kState: good = IsGoodState(at); break;
      case GrammarRecord::kLiteral:
        good = Is(w[1], kPlace) && w[2] >= 1 && w[2] <= kMaxLiteralBytes &&
               Size(at) == kLiteralWords + DivideUp<uint32_t>(w[2], 4);
        break;
      case GrammarRecord::kObject: good = IsGoodObject(at); break;
      case GrammarRecord::kArgument: good = Size(at) == kArgumentWords && Is(w[2], kPlace); break;
    }
    return good ? Status() : Bad("has a record that contradicts itself: word", at, w[0]);
  }

  bool IsGoodState(uint32_t at) const {
    const uint32_t* const w = words_ + at;
    const uint32_t edges = w[1] & 0xfffu, calls = w[1] >> 12 & 0xfffu, flags = w[1] >> 24;
    if (Size(at) != kStateWords + 2 * (edges + calls) || !Is(w[2], BitOf(GrammarRecord::kRule))) return false;
    if ((flags & kStateOnlyEnds) != 0 && (edges + calls != 0 || (flags & kStateEnds) == 0)) return false;
    const uint32_t object = words_[w[2] + 4];
    const uint32_t names = object == 0 ? 0 : Is(object, BitOf(GrammarRecord::kObject)) ? words_[object + 1] : 0;
    const uint32_t* e = w + kStateWords;
    for (uint32_t i = 0, last = 0; i < edges; ++i, e += 2) {
      const uint32_t low = e[0] & 0xffu, op = e[0] >> 16;
      if (low < last || low > (e[0] >> 8 & 0xffu) || op > static_cast<uint32_t>(GrammarOp::kClose)) return false;
      last = low;
      if (op >= static_cast<uint32_t>(GrammarOp::kKey) && object == 0) return false;
      if (!HasArgument(static_cast<GrammarOp>(op))) {
        if (!Is(e[1], kPlace)) return false;
        continue;
      }
      if (!Is(e[1], BitOf(GrammarRecord::kArgument))) return false;
      const uint32_t argument = words_[e[1] + 1];
      const uint32_t from = argument & 0x7fffu, to = argument >> 15 & 0x7fffu;
      if (op == static_cast<uint32_t>(GrammarOp::kKey) ? argument >= names : from > to || to > names) return false;
    }
    for (uint32_t i = 0; i < calls; ++i, e += 2) {
      if (!Is(e[0] & kGrammarRefMask, BitOf(GrammarRecord::kRule)) || !Is(e[1], kPlace)) return false;
      if (e[0] >> 24 > static_cast<uint32_t>(GrammarOp::kEnough)) return false;
    }
    return true;
  }

  bool IsGoodObject(uint32_t at) const {
    const uint32_t* const w = words_ + at;
    const uint32_t names = w[1];
    if (names > kMaxObjectNames || w[3] > w[4] || (w[2] & ~(kObjectInOrder | kObjectTakesOthers)) != 0) return false;
    if ((w[2] & kObjectInOrder) == 0) return names <= kMaxTalliedNames && Size(at) == kObjectWords + 2;
    if (Size(at) != kObjectWords + 2 * names) return false;
    for (uint32_t i = 0; i < names; ++i) {
      if ((w[kObjectWords + i] & 0x7fffffffu) >= names || w[kObjectWords + names + i] >= names) return false;
    }
    return true;
  }

  const uint32_t* words_ = nullptr;
  uint32_t count_ = 0;
  uint32_t start_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_FORMAT_GRAMMAR_H_
