// Writes the rules of a grammar for sets of demands.
#ifndef LFM2_TEXT_JSON_SCHEMA_WRITER_H_
#define LFM2_TEXT_JSON_SCHEMA_WRITER_H_

#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema_object_plan.h"
#include "lfm2/text/json_schema_sets.h"
#include "lfm2/text/json_schema_split.h"
#include "lfm2/text/json_schema_style.h"
#include "lfm2/text/json_schema_text.h"
#include "lfm2/text/string_form.h"

namespace lfm2 {

namespace schema_internal {

// Shared by the functions that write rules.
class SchemaWriter {
 public:
  using GNode = GrammarBuilder::Node;
  using Rule = GrammarBuilder::Rule;

  SchemaWriter(DemandSets* sets, const JsonSchemaOptions& style)
      : sets_(*sets), b_(sets->builder()), style_(style), memory_(b_.Allocate<std::byte>(Split::kMemory)) {}

  DemandSets& sets() { return sets_; }
  const JsonTape& tape() const { return sets_.tape(); }
  GrammarBuilder& builder() { return b_; }
  const JsonSchemaOptions& style() const { return style_; }
  std::byte* memory() { return memory_; }

  // The rule of a set, which is written later unless it already has been. Not while a set is being made.
  Rule RuleOf(Demands* set) {
    // A set with a single alternative has the rule of that.
    for (int i = 0; i < kMostAliases && set->rule == 0 && b_.ok(); ++i) {
      Split split(&sets_, *set, memory_);
      Demands* only = nullptr;
      uint32_t possible = 0;
      for (uint32_t k = 0; k < split.count() && possible < 2; ++k) {
        Demands* const one = split.Make(k);
        if (one == nullptr || !one->has_text) continue;
        ++possible;
        only = one;
      }
      if (possible != 1) break;
      set = only;
    }
    if (set->rule == 0 && b_.ok()) {
      set->rule = b_.Declare(PlaceOf(*set));
      if (!set->is_queued) {
        set->is_queued = true;
        (queue_ == nullptr ? queue_ : last_->next) = set;
        last_ = set;
      }
    }
    return set->rule;
  }
  // The characters that may follow a backslash in the name of a property.
  std::string_view name_escape_letters() const { return style_.python ? "\"'\\bfnrt" : "\"\\bfnrt"; }
  // A rule for one character of such a name that is an escape or not ASCII.
  Rule special_character() {
    if (special_character_ == 0) special_character_ = b_.Declare(0);
    return special_character_;
  }
  // Writes the shared rules.
  void Finish() {
    sets_.Finish();
    if (special_character_ == 0 || !b_.ok()) return;
    b_.Begin(special_character_);
    const GNode start = b_.AddNode(), end = b_.AddNode();
    b_.Characters(start, 0x80, 0x10ffff, end);
    const GNode escape = b_.AddNode();
    b_.Bytes(start, '\\', '\\', escape);
    for (const char letter : name_escape_letters()) {
      b_.Bytes(escape, static_cast<uint8_t>(letter), static_cast<uint8_t>(letter), end);
    }
    b_.Accept(end);
    b_.End(start);
  }
  // The next rule to be written; nullptr if there is none.
  Demands* TakeNext() {
    Demands* const set = queue_;
    if (set != nullptr) queue_ = set->next;
    if (queue_ == nullptr) last_ = nullptr;
    return set;
  }
  uint32_t PlaceOf(const Demands& set) const {
    for (uint32_t i = 0; i < set.count; ++i) {
      if (MeaningOf(set.items()[i]) != kOfTypes) return tape().byte(NodeOf(set.items()[i]));
    }
    return 0;
  }

  // White space, where allowed, before what follows a node.
  void Space(GNode node) {
    if (style_.spacing != JsonSpacing::kFlexible) return;
    b_.Bytes(node, '\t', '\n', node);
    b_.Bytes(node, '\r', '\r', node);
    b_.Bytes(node, ' ', ' ', node);
  }
  // A punctuation mark and the white space after it. Returns the node after both.
  GNode Mark(GNode from, char mark, GrammarOp op = GrammarOp::kNone) {
    GNode after = b_.AddNode();
    b_.Bytes(from, static_cast<uint8_t>(mark), static_cast<uint8_t>(mark), after, op);
    if (style_.spacing == JsonSpacing::kDumps) {
      const GNode space = b_.AddNode();
      b_.Bytes(after, ' ', ' ', space);
      after = space;
    }
    Space(after);
    return after;
  }
  // The quotes around strings.
  std::string_view quotes() const { return style_.python && style_.single_quotes ? "\"'" : "\""; }
  StringForm form(char quote) const {
    return !style_.python ? StringForm::kJson : quote == '"' ? StringForm::kPython : StringForm::kPythonSingle;
  }
  // The quotes that are escaped in the names of properties: in Python both, so that names are the same between either.
  std::string_view name_escapes() const { return style_.python ? "\"'" : "\""; }
  // The inside of a string, spelled with a backslash before `quotes`, from one node to another.
  void Spelled(GNode from, Node text, std::string_view quotes, GNode to) {
    SpelledBytes bytes(tape().chars(text), quotes);
    for (int32_t c = bytes.Take(); c != SpelledBytes::kEnd; c = bytes.Take()) {
      const GNode next = b_.AddNode();
      b_.Bytes(from, static_cast<uint8_t>(c), static_cast<uint8_t>(c), next);
      from = next;
    }
    b_.Empty(from, to);
  }
  // A value that is not a list or an object.
  void Literal(GNode from, Node value, GNode to) {
    switch (tape().kind(value)) {
      case JsonKind::kString:
      case JsonKind::kKey:
        for (const char& quote : quotes()) {
          const GNode inside = b_.AddNode(), end = b_.AddNode();
          b_.Bytes(from, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), inside);
          Spelled(inside, value, {&quote, 1}, end);
          b_.Bytes(end, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), to);
        }
        return;
      case JsonKind::kNumber: return b_.Text(from, tape().text(value), to);
      case JsonKind::kTrue: return Word(from, "true", "True", to);
      case JsonKind::kFalse: return Word(from, "false", "False", to);
      default: return Word(from, "null", "None", to);
    }
  }
  void Word(GNode from, std::string_view json, std::string_view python, GNode to) {
    b_.Text(from, json, to);
    if (style_.python) b_.Text(from, python, to);
  }

 private:
  static constexpr int kMostAliases = 16;

  DemandSets& sets_;
  GrammarBuilder& b_;
  JsonSchemaOptions style_;
  std::byte* memory_;
  Demands* queue_ = nullptr;
  Demands* last_ = nullptr;
  Rule special_character_ = 0;
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_WRITER_H_
