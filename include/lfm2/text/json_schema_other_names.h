// Rules for property names that are not in a schema.
#ifndef LFM2_TEXT_JSON_SCHEMA_OTHER_NAMES_H_
#define LFM2_TEXT_JSON_SCHEMA_OTHER_NAMES_H_

#include <string_view>

#include "lfm2/text/json_schema_object_plan.h"
#include "lfm2/text/json_schema_patterns.h"
#include "lfm2/text/json_schema_text.h"
#include "lfm2/text/json_schema_writer.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

namespace schema_internal {

// Adds all other names to the nodes of the known names: at every node the characters with which no known name
// continues.
class OtherNameWriter {
 public:
  using GNode = GrammarBuilder::Node;

  // escapes: the characters with a backslash before them. counts: the number of properties of the object is limited.
  OtherNameWriter(SchemaWriter* writer, const Demands& set, const ObjectPlan& plan, std::string_view escapes,
                  bool counts)
      : w_(*writer), b_(writer->builder()), set_(set), plan_(plan), escapes_(escapes), counts_(counts) {}

  // Starts with the names between two quotes. Returns the node after the second one.
  GNode Begin(char quote) {
    quote_ = static_cast<uint8_t>(quote);
    inside_ = b_.AddNode();
    after_ = b_.AddNode();
    AddNameCharacter(&b_, inside_, escapes_, inside_);
    b_.Bytes(inside_, quote_, quote_, after_, GrammarOp::kOther);
    return after_;
  }
  // The node within a name that differs from all known names.
  GNode inside() const { return inside_; }

  // At a node between characters, after the bytes that property i and possibly following ones begin with: adds the
  // characters with which no known name continues.
  void Gaps(GNode node, uint32_t i, Span<const uint8_t> bytes) {
    const GrammarOp op = counts_ ? GrammarOp::kKeys : GrammarOp::kNone;
    const uint32_t argument = op == GrammarOp::kKeys ? kKeysOrOther : 0;
    const Span<const Property> properties = plan_.properties();
    // A bit for each ASCII character, and each escape, with which a known name continues here.
    uint32_t taken[4] = {}, escaped[4] = {};
    uint32_t beyond[kMostBeyond], beyond_count = 0;
    bool is_name = false;
    for (uint32_t k = i; k < properties.size(); ++k) {
      SpelledBytes spelled(w_.tape().chars(properties[k].name), escapes_);
      bool same = true;
      for (uint32_t d = 0; d < bytes.size() && same; ++d) same = spelled.Take() == bytes[d];
      if (!same) break;
      const int32_t c = spelled.Take();
      if (c == SpelledBytes::kEnd) {
        is_name = true;
      } else if (c == '\\') {
        const int32_t letter = spelled.Take();
        escaped[letter / 32] |= 1u << letter % 32;
      } else if (c < 0x80) {
        taken[c / 32] |= 1u << c % 32;
      } else {
        // The complete character.
        char whole[4] = {static_cast<char>(c)};
        uint32_t size = 1;
        while (!spelled.at_boundary() && size < 4) whole[size++] = static_cast<char>(spelled.Take());
        const uint32_t point = ReadUtf8({whole, size}).code_point;
        if (beyond_count > 0 && beyond[beyond_count - 1] == point) continue;
        if (beyond_count == kMostBeyond) {
          return b_.Fail(Status(StatusCode::kUnsupported, "schema",
                                "has too many names that differ in a character beyond ASCII: byte", w_.PlaceOf(set_)));
        }
        beyond[beyond_count++] = point;
      }
    }
    const auto is_free = [&](uint32_t c) {
      return c >= 0x20 && c != '\\' && c != '"' && !(w_.style().python && c == '\'') &&
             (taken[c / 32] >> c % 32 & 1u) == 0;
    };
    for (uint32_t low = 0x20; low < 0x80; ++low) {
      if (!is_free(low)) continue;
      uint32_t high = low;
      while (high + 1 < 0x80 && is_free(high + 1)) ++high;
      b_.Bytes(node, static_cast<uint8_t>(low), static_cast<uint8_t>(high), inside_, op, argument);
      low = high;
    }
    const bool special = (escaped[0] | escaped[1] | escaped[2] | escaped[3] | beyond_count) != 0;
    if (!special && op == GrammarOp::kNone) {
      // The rest is shared by all such nodes, as a rule for one character.
      b_.Call(node, w_.special_character(), inside_);
    } else {
      Specials(node, escaped, {beyond, beyond_count}, op, argument);
    }
    if (!is_name) {
      b_.Bytes(node, quote_, quote_, after_, GrammarOp::kOther);
    }
  }

 private:
  // Escapes and characters beyond ASCII, except those with which known names continue.
  void Specials(GNode node, const uint32_t* escaped, Span<const uint32_t> beyond, GrammarOp op, uint32_t argument) {
    const GNode escape = b_.AddNode();
    b_.Bytes(node, '\\', '\\', escape, op, argument);
    for (const char letter : w_.name_escape_letters()) {
      const auto c = static_cast<uint8_t>(letter);
      if ((escaped[c / 32] >> c % 32 & 1u) == 0) b_.Bytes(escape, c, c, inside_);
    }
    uint32_t low = 0x80;
    for (uint32_t k = 0; k <= beyond.size(); ++k) {
      const uint32_t high = k < beyond.size() ? beyond[k] - 1 : 0x10ffff;
      if (op != GrammarOp::kNone) {
        if (low == 0x80 && high == 0x10ffff) Beyond(node, op, argument);
      } else if (low <= high) {
        b_.Characters(node, low, high, inside_);
      }
      low = high + 2;
    }
  }
  // Any character beyond ASCII, by its first byte with an operation; the nodes of the other bytes are shared.
  void Beyond(GNode node, GrammarOp op, uint32_t argument) {
    if (one_more_ == 0) {
      one_more_ = b_.AddNode();
      two_more_ = b_.AddNode();
      three_more_ = b_.AddNode();
      b_.Bytes(one_more_, 0x80, 0xbf, inside_);
      b_.Bytes(two_more_, 0x80, 0xbf, one_more_);
      b_.Bytes(three_more_, 0x80, 0xbf, two_more_);
    }
    // The range of the second byte depends on the first.
    constexpr struct {
      uint8_t first, last, low, high, more;
    } kBytes[] = {{0xc2, 0xdf, 0, 0, 1},       {0xe0, 0xe0, 0xa0, 0xbf, 2}, {0xe1, 0xec, 0, 0, 2},
                  {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0, 0, 2},       {0xf0, 0xf0, 0x90, 0xbf, 3},
                  {0xf1, 0xf3, 0, 0, 3},       {0xf4, 0xf4, 0x80, 0x8f, 3}};
    for (const auto& bytes : kBytes) {
      GNode to = bytes.more == 1 ? one_more_ : bytes.more == 2 ? two_more_ : three_more_;
      if (bytes.high != 0) {
        const GNode second = b_.AddNode();
        b_.Bytes(second, bytes.low, bytes.high, bytes.more == 2 ? one_more_ : two_more_);
        to = second;
      }
      b_.Bytes(node, bytes.first, bytes.last, to, op, argument);
    }
  }

  static constexpr uint32_t kMostBeyond = 32;

  SchemaWriter& w_;
  GrammarBuilder& b_;
  const Demands& set_;
  const ObjectPlan& plan_;
  std::string_view escapes_;
  bool counts_;
  uint8_t quote_ = 0;
  GNode inside_ = 0, after_ = 0;
  GNode one_more_ = 0, two_more_ = 0, three_more_ = 0;  // before the last 1, 2 and 3 bytes of a character
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_OTHER_NAMES_H_
