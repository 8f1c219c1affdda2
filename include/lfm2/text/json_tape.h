// An index of a JSON text: where its values begin and how they are linked.
#ifndef LFM2_TEXT_JSON_TAPE_H_
#define LFM2_TEXT_JSON_TAPE_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/text/json_chars.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

enum class JsonKind : uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull, kKey };

// The values of a JSON text as nodes, numbered in the order of the text: 0 is the whole. A member of an object is a
// kKey node followed by the node of its value. A view of the text and of memory of the caller. Trivially copyable.
class JsonTape {
 public:
  using Node = uint32_t;
  static constexpr Node kNone = 0;  // no node: 0 is never an element or a member
  static constexpr uint32_t kMaxBytes = 1u << 28, kMaxNodes = 1u << 24;
  struct Record {
    uint32_t place;  // first byte | kind << 28
    uint32_t next;   // next node | tag of a key << 24
  };

  // Most nodes that a text can have.
  static constexpr uint32_t CountNodes(std::string_view text) {
    uint32_t count = 1;
    bool in_word = false;
    for (size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      const bool is_word = !JsonChars::IsSpace(c) && c != ',' && c != ':' && c != ']' && c != '}';
      if (c == '"') {
        for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
      }
      const bool opens = c == '"' || c == '{' || c == '[';
      if (is_word && (opens || !in_word)) ++count;
      in_word = is_word && !opens;
    }
    return count;
  }

  // Reads a text strictly (RFC 8259; no lone surrogates). records: CountNodes(text) of them. Errors: kInvalidArgument
  // with the byte; kUnsupported for a text that is too long.
  Status Read(std::string_view text, Record* records) {
    if (text.size() >= kMaxBytes) {
      return Status(StatusCode::kUnsupported, "schema", "is too long: bytes", text.size(), kMaxBytes);
    }
    text_ = text;
    records_ = records;
    count_ = 0;
    at_ = 0;
    if (!Value()) return Status(StatusCode::kInvalidArgument, "schema", "is not well-formed JSON: byte", at_);
    return Status();
  }

  uint32_t size() const { return count_; }
  JsonKind kind(Node n) const { return static_cast<JsonKind>(records_[n].place >> 28); }
  uint32_t byte(Node n) const { return records_[n].place & (kMaxBytes - 1); }
  // The first element or key; kNone if there is none.
  Node first(Node n) const { return n + 1 < count_ && records_[n].next >> 24 != 0 ? n + 1 : kNone; }
  // The next element or key. Not for values of members.
  Node next(Node n) const { return records_[n].next & (kMaxNodes - 1); }
  // The tag of a key, set by set_tag.
  uint8_t tag(Node key) const { return static_cast<uint8_t>(records_[key].next >> 24); }
  void set_tag(Node key, uint8_t tag) { records_[key].next = next(key) | uint32_t{tag} << 24; }

  // A number, or the inside of a string or key without its quotes.
  std::string_view text(Node n) const {
    size_t begin = byte(n), end = begin;
    if (kind(n) == JsonKind::kString || kind(n) == JsonKind::kKey) {
      for (end = ++begin; text_[end] != '"'; ++end) end += text_[end] == '\\' ? 1 : 0;
    } else {
      while (end < text_.size() && IsNumberChar(text_[end])) ++end;
    }
    return TextPart(text_, begin, end - begin);
  }
  // The characters of a string or a key, with escapes decoded.
  JsonChars chars(Node n) const { return JsonChars(text(n), true); }
  // Whether a string or key equals an ASCII text.
  bool Is(Node n, std::string_view ascii) const {
    JsonChars own = chars(n);
    for (const char c : ascii) {
      if (!own.Is(c)) return false;
      own.Skip();
    }
    return own.Peek() == JsonChars::kEnd;
  }
  bool IsText(Node n) const { return kind(n) == JsonKind::kString || kind(n) == JsonKind::kKey; }

 private:
  static constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
  static constexpr bool IsNumberChar(char c) {
    return IsDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void SkipSpace() {
    while (JsonChars::IsSpace(Peek())) ++at_;
  }
  Node Add(JsonKind kind) {
    records_[count_] = {static_cast<uint32_t>(at_) | static_cast<uint32_t>(kind) << 28, 0};
    return count_++;
  }

  // No recursion: while a list or an object is open, `next` of its record is the enclosing one, and the tag of its last
  // key or element is not set yet.
  bool Value() {
    constexpr Node kOutside = kMaxNodes - 1;
    Node around = kOutside, last = kOutside;  // the last element or key of `around`, or itself
    for (;;) {
      SkipSpace();
      const bool in_object = around != kOutside && kind(around) == JsonKind::kObject;
      if (in_object) {
        const Node key = count_;
        if (Peek() != '"') return false;
        Add(JsonKind::kKey);
        if (!String()) return false;
        SkipSpace();
        if (Peek() != ':') return false;
        ++at_;
        SkipSpace();
        Link(around, last, key);
        last = key;
      } else if (around != kOutside) {
        Link(around, last, count_);
        last = count_;
      }
      const char c = Peek();
      if (c == '{' || c == '[') {
        // The last key or element of the enclosing node is the previous node, or this one.
        const Node node = Add(c == '{' ? JsonKind::kObject : JsonKind::kArray);
        ++at_;
        SkipSpace();
        if (Peek() != (c == '{' ? '}' : ']')) {
          // The link of an element is needed for the enclosing node, so it is kept until the list ends.
          records_[node].next = around;
          around = last = node;
          continue;
        }
        ++at_;
      } else if (!Scalar(c)) {
        return false;
      }
      // Closes everything that ends here.
      for (;;) {
        if (around == kOutside) {
          SkipSpace();
          return at_ == text_.size();
        }
        SkipSpace();
        const bool object = kind(around) == JsonKind::kObject;
        if (Peek() == ',') {
          ++at_;
          break;
        }
        if (Peek() != (object ? '}' : ']')) return false;
        ++at_;
        last = around;
        const Node outer = records_[around].next & (kMaxNodes - 1);
        records_[around].next = 1u << 24;
        around = outer;
        if (around == kOutside) continue;
        if (kind(around) == JsonKind::kObject) --last;
      }
    }
  }
  // Makes `node` the successor of `last`, unless it is the first of `around`.
  void Link(Node around, Node last, Node node) {
    if (last != around) records_[last].next |= node;
  }

  bool Scalar(char c) {
    if (c == '"') {
      Add(JsonKind::kString);
      return String();
    }
    if (c == 't') return Add(JsonKind::kTrue), Word("true");
    if (c == 'f') return Add(JsonKind::kFalse), Word("false");
    if (c == 'n') return Add(JsonKind::kNull), Word("null");
    Add(JsonKind::kNumber);
    return Number();
  }
  bool Word(std::string_view word) {
    for (const char c : word) {
      if (Peek() != c) return false;
      ++at_;
    }
    return true;
  }
  bool Digits() {
    if (!IsDigit(Peek())) return false;
    while (IsDigit(Peek())) ++at_;
    return true;
  }
  bool Number() {
    if (Peek() == '-') ++at_;
    if (Peek() == '0') {
      ++at_;
    } else if (!Digits()) {
      return false;
    }
    if (Peek() == '.') {
      ++at_;
      if (!Digits()) return false;
    }
    if (Peek() != 'e' && Peek() != 'E') return true;
    ++at_;
    if (Peek() == '+' || Peek() == '-') ++at_;
    return Digits();
  }
  bool String() {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<uint8_t>(c) < 0x20) return false;
      if (c == '\\') {
        Escape escape{TextFrom(text_, at_)};
        if (TakeJsonEscape(&escape) < 0) return false;
        at_ = text_.size() - escape.rest.size();
        continue;
      }
      const Utf8Char point = ReadUtf8(TextFrom(text_, at_));
      if (point.kind != Utf8Char::Kind::kValid) return false;
      at_ += point.length;
    }
    return false;
  }
  struct Escape {
    std::string_view rest;

    int32_t Peek() const { return rest.empty() ? JsonChars::kEnd : static_cast<uint8_t>(rest[0]); }
    void Skip() {
      if (!rest.empty()) rest.remove_prefix(1);
    }
  };

  std::string_view text_;
  Record* records_ = nullptr;
  uint32_t count_ = 0;
  size_t at_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_TAPE_H_
