// Reads a compiled grammar as format/grammar_layout.h says, one step after the other and with everything that is
// possible at once: slow, and independent of what the library does with it.
#ifndef LFM2_TESTS_TEXT_GRAMMAR_INTERPRETER_H_
#define LFM2_TESTS_TEXT_GRAMMAR_INTERPRETER_H_

#include <cstring>
#include <set>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lfm2/base/span.h"
#include "lfm2/format/grammar_layout.h"

namespace lfm2::test {

class GrammarInterpreter {
 public:
  // No rule with an object record.
  explicit GrammarInterpreter(Span<const std::byte> grammar) {
    GrammarHeader header;
    std::memcpy(&header, grammar.data(), sizeof(header));
    words_.resize(header.word_count);
    std::memcpy(words_.data(), grammar.data() + sizeof(header), words_.size() * sizeof(uint32_t));
    now_.insert(Entered(Position(), header.start_rule));
    Close(&now_);
  }

  // Appends a byte to the text: returns whether it is allowed.
  bool Step(uint8_t byte) {
    std::set<Position> next;
    for (const Position& p : now_) {
      if (p.empty()) continue;
      const Frame& top = p.back();
      if (Kind(top.at) == GrammarRecord::kLiteral) {
        const char* const bytes = reinterpret_cast<const char*>(&words_[top.at + kLiteralWords]);
        if (static_cast<uint8_t>(bytes[top.place]) != byte) continue;
        Position q = p;
        if (++q.back().place == words_[top.at + 2]) q.back() = {words_[top.at + 1], 0, top.tally, top.rule};
        next.insert(q);
        continue;
      }
      for (uint32_t i = 0; i < Edges(top.at); ++i) {
        const uint32_t edge = words_[top.at + kStateWords + 2 * i];
        if (byte < (edge & 0xff) || byte > (edge >> 8 & 0xff)) continue;
        Position q = p;
        q.back() = {words_[top.at + kStateWords + 2 * i + 1], 0, top.tally, top.rule};
        if (Apply(edge >> 16, &q.back())) next.insert(q);
      }
    }
    Close(&next);
    now_ = std::move(next);
    return !now_.empty();
  }
  // Whether the text may end here.
  bool MayEnd() const { return now_.count(Position()) > 0; }
  bool Takes(std::string_view text) {
    for (const char c : text) {
      if (!Step(static_cast<uint8_t>(c))) return false;
    }
    return MayEnd();
  }
  size_t positions() const { return now_.size(); }

 private:
  struct Frame {
    uint32_t at, place;
    uint64_t tally;
    uint32_t rule;
    bool operator<(const Frame& o) const {
      return std::tie(at, place, tally, rule) < std::tie(o.at, o.place, o.tally, o.rule);
    }
  };
  // Rules that wait, and the current one. If there is none, the text has ended.
  using Position = std::vector<Frame>;

  GrammarRecord Kind(uint32_t at) const { return static_cast<GrammarRecord>(words_.at(at) & 0xff); }
  uint32_t Edges(uint32_t at) const { return words_.at(at + 1) & 0xfff; }

  bool Apply(uint32_t op, Frame* frame) const {
    const uint32_t min = words_.at(frame->rule + 2), max = words_.at(frame->rule + 3);
    switch (static_cast<GrammarOp>(op)) {
      case GrammarOp::kNone: return true;
      case GrammarOp::kCount:
        if (max != kUnlimited && frame->tally >= max) return false;
        if (max != kUnlimited || frame->tally < min) ++frame->tally;
        return true;
      case GrammarOp::kMore: return max == kUnlimited || frame->tally < max;
      case GrammarOp::kEnough: return frame->tally >= min;
      default: throw std::logic_error("an operation of objects");
    }
  }
  Position Entered(Position position, uint32_t rule) const {
    position.push_back({words_.at(rule + 1), 0, 0, rule});
    return position;
  }

  // Adds what is possible without a byte: calls, and ends of rules.
  void Close(std::set<Position>* set) const {
    std::vector<Position> open(set->begin(), set->end());
    const auto add = [&](const Position& p) {
      if (set->insert(p).second) open.push_back(p);
    };
    while (!open.empty()) {
      const Position p = open.back();
      open.pop_back();
      if (p.empty() || Kind(p.back().at) == GrammarRecord::kLiteral) continue;
      const Frame top = p.back();
      const uint32_t flags = words_[top.at + 1] >> 24;
      const uint32_t* call = &words_[top.at + kStateWords + 2 * Edges(top.at)];
      for (uint32_t i = 0; i < (words_[top.at + 1] >> 12 & 0xfff); ++i, call += 2) {
        Position q = p;
        q.back().at = call[1];
        if (Apply(call[0] >> 24, &q.back())) add(Entered(q, call[0] & kGrammarRefMask));
      }
      const bool ends =
          (flags & kStateEnds) != 0 || ((flags & kStateEndsIfEnough) != 0 && top.tally >= words_[top.rule + 2]);
      if (ends) add(Position(p.begin(), p.end() - 1));
    }
  }

  std::vector<uint32_t> words_;
  std::set<Position> now_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_TEXT_GRAMMAR_INTERPRETER_H_
