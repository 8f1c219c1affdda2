// Sets of characters, for the classes of patterns and grammars.
#ifndef LFM2_TEXT_CHARACTER_SET_H_
#define LFM2_TEXT_CHARACTER_SET_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/string_form.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

struct CharacterRange {
  uint32_t low, high;
};

// ECMA-262's \d, \w and \s.
inline constexpr CharacterRange kDigits[] = {{'0', '9'}};
inline constexpr CharacterRange kWordCharacters[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
inline constexpr CharacterRange kWhiteSpace[] = {{0x09, 0x0d},     {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680},
                                                 {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
                                                 {0x3000, 0x3000}, {0xfeff, 0xfeff}};
inline constexpr CharacterRange kLineEnds[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

// Ranges in the scratch of the builder, which is released with the object: nothing else may be allocated there
// meanwhile.
class CharacterSet {
 public:
  explicit CharacterSet(GrammarBuilder* builder) : builder_(builder), mark_(builder->scratch_mark()) {}
  CharacterSet(const CharacterSet&) = delete;
  CharacterSet& operator=(const CharacterSet&) = delete;
  ~CharacterSet() { builder_->Release(mark_); }

  void Add(uint32_t low, uint32_t high) {
    CharacterRange* const range = builder_->Allocate<CharacterRange>(1);
    if (range == nullptr || low > high) return;
    *range = {low, high};
    ranges_ = range;  // scratch grows towards lower addresses
    ++count_;
  }
  // Adds ranges in ascending order, or all characters outside of them.
  void Add(Span<const CharacterRange> ranges, bool negated) {
    uint32_t begin = 0;
    for (const CharacterRange& r : ranges) {
      if (!negated) {
        Add(r.low, r.high);
      } else if (r.low > begin) {
        Add(begin, r.low - 1);
      }
      begin = r.high + 1;
    }
    if (negated) Add(begin, kEnd - 1);
  }
  // Adds the characters of a class, or all others.
  void Add(CharClass c, bool negated) {
    uint32_t begin = 0;
    bool inside = false;
    for (uint32_t point = 0; point <= unicode_internal::kEnd && builder_->ok(); ++point) {
      const bool is = (ClassOf(point) == c) != negated;
      if (is && !inside) begin = point;
      if (!is && inside) Add(begin, point - 1);
      inside = is;
    }
    if (inside) Add(begin, kEnd - 1);
  }

  // From one node to another by a character of the set, or by any other.
  void Emit(GrammarBuilder::Node from, GrammarBuilder::Node to, StringForm form, bool negated,
            GrammarOp op = GrammarOp::kNone) {
    Sort();
    uint32_t begin = 0;  // the first character not yet covered
    for (uint32_t i = 0; i < count_ && builder_->ok();) {
      const uint32_t low = ranges_[i].low;
      uint32_t high = ranges_[i].high;
      for (++i; i < count_ && ranges_[i].low <= high + 1; ++i) high = Max(high, ranges_[i].high);
      if (!negated) {
        AddCharacter(builder_, from, low, high, to, form, op);
      } else if (low > begin) {
        AddCharacter(builder_, from, begin, low - 1, to, form, op);
      }
      begin = high + 1;
    }
    if (negated && begin < kEnd) AddCharacter(builder_, from, begin, kEnd - 1, to, form, op);
  }

 private:
  static constexpr uint32_t kEnd = 0x110000;

  // Heap sort by the first characters: in place, and O(n log n) for any order.
  void Sort() {
    for (uint32_t i = count_ / 2; i-- > 0;) Sink(i, count_);
    for (uint32_t end = count_; end-- > 1;) {
      const CharacterRange last = ranges_[end];
      ranges_[end] = ranges_[0];
      ranges_[0] = last;
      Sink(0, end);
    }
  }
  void Sink(uint32_t at, uint32_t end) {
    const CharacterRange moved = ranges_[at];
    for (uint32_t child = 2 * at + 1; child < end; child = 2 * at + 1) {
      if (child + 1 < end && ranges_[child + 1].low > ranges_[child].low) ++child;
      if (ranges_[child].low <= moved.low) break;
      ranges_[at] = ranges_[child];
      at = child;
    }
    ranges_[at] = moved;
  }

  GrammarBuilder* builder_;
  uint64_t mark_;
  CharacterRange* ranges_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_CHARACTER_SET_H_
