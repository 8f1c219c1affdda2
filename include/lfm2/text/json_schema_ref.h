// Resolves the references of a JSON schema.
#ifndef LFM2_TEXT_JSON_SCHEMA_REF_H_
#define LFM2_TEXT_JSON_SCHEMA_REF_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/json_schema_words.h"
#include "lfm2/text/json_tape.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

namespace schema_internal {

// The bytes of a JSON string, or of a part of a JSON pointer in it.
class TextBytes {
 public:
  static constexpr int32_t kEnd = -1;

  explicit TextBytes(JsonChars chars, bool is_pointer = false) : chars_(chars), is_pointer_(is_pointer) {}

  // The next byte; kEnd after the last one, and before the / of a pointer.
  int32_t Take() {
    if (at_ == size_ && !Fill()) return kEnd;
    return static_cast<uint8_t>(buffer_[at_++]);
  }
  // The rest of the string.
  const JsonChars& rest() const { return chars_; }

 private:
  bool Fill() {
    if (chars_.Peek() < 0 || (is_pointer_ && chars_.Is('/'))) return false;
    uint32_t point = Next();
    at_ = 0;
    if (is_pointer_ && point == '%') {
      // A byte as two hexadecimal digits.
      buffer_[0] = static_cast<char>(Hex() << 4);
      buffer_[0] = static_cast<char>(buffer_[0] | Hex());
      size_ = 1;
      point = static_cast<uint8_t>(buffer_[0]);
    } else {
      size_ = WriteUtf8(point, buffer_);
    }
    if (is_pointer_ && point == '~') {
      buffer_[0] = Next() == '1' ? '/' : '~';
      size_ = 1;
    }
    return true;
  }
  uint32_t Next() {
    const int32_t point = chars_.Peek();
    chars_.Skip();
    return point < 0 ? 0 : static_cast<uint32_t>(point);
  }
  int Hex() {
    const uint32_t c = Next(), lower = c | 0x20;
    return static_cast<int>(lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : (c - '0') & 15);
  }

  JsonChars chars_;
  bool is_pointer_;
  size_t at_ = 0, size_ = 0;
  char buffer_[4] = {};
};

class SchemaRefs {
 public:
  SchemaRefs(const JsonTape* tape, JsonTape::Node root) : tape_(*tape), root_(root) {}

  // Reads the draft and the identifiers of the schema.
  void Open() {
    const Node draft = Member(root_, "$schema");
    if (draft != JsonTape::kNone && tape_.IsText(draft)) {
      const std::string_view text = tape_.text(draft);
      for (size_t at = 0; at + 7 < text.size(); ++at) {
        if (TextPart(text, at, 7) == "draft-0") only_refs_ = text[at + 7] <= '7';
      }
    }
  }
  // Whether keywords next to $ref are ignored: up to draft 7.
  bool only_refs() const { return only_refs_; }
  // The key "$ref" of a schema; kNone if there is none.
  JsonTape::Node RefOf(JsonTape::Node schema) const {
    for (Node key = tape_.first(schema); key != JsonTape::kNone; key = tape_.next(key)) {
      if (static_cast<Word>(tape_.tag(key)) == Word::kRef && tape_.IsText(key + 1)) return key;
    }
    return JsonTape::kNone;
  }

  // Finds the target of a reference. Returns an error, or nullptr.
  const char* Find(JsonTape::Node ref, JsonTape::Node* target) const {
    if (tape_.kind(ref) != JsonKind::kString) return "has a $ref that is not a string: byte";
    JsonChars at = tape_.chars(ref);
    Node base = root_;
    if (!at.Is('#')) {
      // Another document, unless it is an identifier in this one.
      if (!FindId(at, &base)) return "refers to another document: byte";
      while (at.Peek() >= 0 && !at.Is('#')) at.Skip();
    }
    if (at.Is('#')) at.Skip();
    *target = base;
    if (at.Peek() == JsonChars::kEnd) return nullptr;
    if (!at.Is('/')) return FindAnchor(at, target) ? nullptr : "refers to an unknown anchor: byte";
    while (at.Is('/')) {
      at.Skip();
      if (!Step(&at, target)) return "has a $ref to nothing: byte";
    }
    return nullptr;
  }

 private:
  using Node = JsonTape::Node;

  Node Member(Node object, std::string_view name) const {
    if (tape_.kind(object) != JsonKind::kObject) return JsonTape::kNone;
    Node found = JsonTape::kNone;
    for (Node key = tape_.first(object); key != JsonTape::kNone; key = tape_.next(key)) {
      if (tape_.Is(key, name)) found = key + 1;
    }
    return found;
  }
  bool Step(JsonChars* at, Node* node) const {
    const JsonChars begin = *at;
    if (tape_.kind(*node) != JsonKind::kObject && tape_.kind(*node) != JsonKind::kArray) return false;
    const bool is_list = tape_.kind(*node) == JsonKind::kArray;
    uint32_t index = 0;
    Node found = JsonTape::kNone;
    TextBytes token(begin, true);
    for (int32_t c = token.Take(); c != TextBytes::kEnd; c = token.Take()) {
      if (is_list && (c < '0' || c > '9' || index > 1000000)) return false;
      index = index * 10 + static_cast<uint32_t>(c - '0');
    }
    *at = token.rest();
    for (Node n = tape_.first(*node); n != JsonTape::kNone; n = tape_.next(n)) {
      if (is_list ? index-- == 0 : Same(TextBytes(begin, true), TextBytes(tape_.chars(n)))) found = is_list ? n : n + 1;
      if (is_list && found != JsonTape::kNone) break;
    }
    *node = found;
    return found != JsonTape::kNone;
  }
  static bool Same(TextBytes a, TextBytes b) {
    for (;;) {
      const int32_t from_a = a.Take();
      if (from_a != b.Take()) return false;
      if (from_a == TextBytes::kEnd) return true;
    }
  }
  // Whether a string and an identifier are equal up to a #.
  static bool SameDocument(JsonChars a, JsonChars b) {
    while (a.Peek() == b.Peek() && a.Peek() >= 0 && !a.Is('#')) {
      a.Skip();
      b.Skip();
    }
    return (a.Peek() < 0 || a.Is('#')) && (b.Peek() < 0 || b.Is('#'));
  }
  bool FindId(const JsonChars& ref, Node* target) const {
    return ForEachMember("$id", "id", target,
                         [&](const JsonChars& id) { return !id.Is('#') && SameDocument(ref, id); });
  }
  bool FindAnchor(const JsonChars& name, Node* target) const {
    const auto same = [&](const JsonChars& id) { return Same(TextBytes(id), TextBytes(name)); };
    return ForEachMember("$anchor", "$anchor", target, same) || ForEachMember("$id", "id", target, [&](JsonChars id) {
             if (!id.Is('#')) return false;
             id.Skip();
             return same(id);
           });
  }
  // The first object with a string as one of two members for which `is` is true.
  template <class Is>
  bool ForEachMember(std::string_view name, std::string_view other, Node* target, const Is& is) const {
    for (Node n = 0; n < tape_.size(); ++n) {
      if (tape_.kind(n) != JsonKind::kObject) continue;
      for (Node key = tape_.first(n); key != JsonTape::kNone; key = tape_.next(key)) {
        const std::string_view own = tape_.text(key);
        if ((own != name && own != other) || tape_.kind(key + 1) != JsonKind::kString || !is(tape_.chars(key + 1)))
          continue;
        *target = n;
        return true;
      }
    }
    return false;
  }

  const JsonTape& tape_;
  JsonTape::Node root_;
  bool only_refs_ = false;
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_REF_H_
