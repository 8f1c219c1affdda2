// Rules for objects.
#ifndef LFM2_TEXT_JSON_SCHEMA_OBJECTS_H_
#define LFM2_TEXT_JSON_SCHEMA_OBJECTS_H_

#include "lfm2/text/json_schema_object_plan.h"
#include "lfm2/text/json_schema_other_names.h"
#include "lfm2/text/json_schema_patterns.h"
#include "lfm2/text/json_schema_scalars.h"
#include "lfm2/text/json_schema_writer.h"

namespace lfm2 {

namespace schema_internal {

// The syntax around and between the properties of an object.
enum class ObjectSyntax : uint8_t {
  kJson,       // {"name": value, "name": value}
  kOnlyNamed,  // the same, with properties named in the schema only
  kArguments,  // (name=value, name=value), with named properties only
};

// Writes the rule of an object: its properties in any order, tracked by an object record.
class ObjectWriter {
 public:
  using GNode = GrammarBuilder::Node;
  using Rule = GrammarBuilder::Rule;

  ObjectWriter(SchemaWriter* writer, const Demands& set, const ObjectPlan& plan,
               ObjectSyntax syntax = ObjectSyntax::kJson)
      : w_(*writer), b_(writer->builder()), set_(set), plan_(plan), syntax_(syntax) {
    for (const Property& property : plan.properties()) {
      if (CanCome(property)) ++names_;
    }
    takes_others_ = syntax == ObjectSyntax::kJson && plan.takes_others();
    in_order_ = names_ > kMaxTalliedNames;
    limits_ = plan.limits();
  }

  // Whether such an object exists.
  bool has_text() const {
    if (takes_others_) return plan_.has_text();
    for (const Property& property : plan_.properties()) {
      if (property.required && !CanCome(property)) return false;
    }
    return plan_.has_text() && names_ >= limits_.min;
  }
  void Write(Rule rule) {
    if (!Check()) return;
    // Groups of names by pattern have rules of their own, which are written first.
    Rule others[1u << ObjectPlan::kMostPatterns] = {};
    if (UsesPatterns()) {
      for (uint32_t i = 0; i < plan_.others().size(); ++i) others[i] = WriteOtherNames(plan_.others()[i]);
    }
    b_.Begin(rule);
    AddRecord();
    const GNode start = b_.AddNode(), first = b_.AddNode(), end = b_.AddNode();
    b_.Accept(end);
    const bool call = syntax_ == ObjectSyntax::kArguments;
    const uint8_t begins = call ? '(' : '{', ends = call ? ')' : '}';
    b_.Bytes(start, begins, begins, first);
    w_.Space(first);
    const GrammarOp close = limits_.min > 0 || HasRequired() ? GrammarOp::kClose : GrammarOp::kNone;
    if (close == GrammarOp::kNone) b_.Bytes(first, ends, ends, end);
    const bool any = (names_ > 0 || takes_others_) && limits_.max > 0;
    if (any) {
      value_ = b_.AddNode();
      w_.Space(value_);
      b_.Bytes(value_, ends, ends, end, close);
      const GNode next = w_.Mark(value_, ',', GrammarOp::kComma);
      if (call) {
        const GNode name = b_.AddNode();
        b_.Empty(first, name);
        b_.Empty(next, name);
        Names(name, '=');
        b_.End(start);
        return;
      }
      for (const char quote : w_.quotes()) {
        const GNode name = b_.AddNode();
        b_.Bytes(first, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), name);
        b_.Bytes(next, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), name);
        Names(name, quote);
        if (!UsesPatterns()) continue;
        GNode other = name;
        if (limits_.max != kUnlimited) {
          other = b_.AddNode();
          for (const GNode before : {first, next}) {
            b_.Bytes(before, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), other, GrammarOp::kKeys,
                     kKeysOrOther);
          }
        }
        for (uint32_t i = 0; i < plan_.others().size(); ++i) {
          if (others[i] != 0) OtherNamesOf(other, quote, others[i], plan_.others()[i].value);
        }
      }
    }
    b_.End(start);
  }

 private:
  static bool CanCome(const Property& property) { return property.value != nullptr && property.value->has_text; }
  // The quotes that are escaped in names.
  std::string_view escapes() const {
    return syntax_ == ObjectSyntax::kArguments ? std::string_view() : w_.name_escapes();
  }
  bool UsesPatterns() const { return takes_others_ && (!plan_.patterns().empty() || plan_.names() != nullptr); }
  // Whether other names are all unknown names, in the same automaton.
  bool takes_any_name() const { return takes_others_ && !UsesPatterns(); }
  bool HasRequired() const {
    for (const Property& property : plan_.properties()) {
      if (property.required) return true;
    }
    return false;
  }
  bool Refuse(const char* what) {
    b_.Fail(Status(StatusCode::kUnsupported, "schema", what, w_.PlaceOf(set_)));
    return false;
  }
  // Refuses what the tally cannot track.
  bool Check() {
    uint32_t required = 0;
    for (const Property& property : plan_.properties()) required += property.required ? 1 : 0;
    // Other names may occur twice.
    if (takes_others_ && limits_.min > Max<uint32_t>(required, 1)) {
      return Refuse("has a minProperties that is not supported: byte");
    }
    if (in_order_ && (limits_.max < names_ || limits_.min > Max<uint32_t>(required, 1))) {
      return Refuse("limits the properties of an object with more than 48: byte");
    }
    return names_ <= kMaxObjectNames || Refuse("has too many properties in an object: byte");
  }

  void AddRecord() {
    const uint32_t size = kObjectWords - 1 + (in_order_ ? 2 * names_ : 2);
    Scratch scratch(&w_.sets());
    uint32_t* const words = b_.Allocate<uint32_t>(size);
    if (words == nullptr) return;
    words[0] = names_;
    words[1] = (in_order_ ? kObjectInOrder : 0) | (takes_others_ ? kObjectTakesOthers : 0);
    words[2] = limits_.min;
    words[3] = limits_.max;
    uint64_t required = 0;
    uint32_t at = 0;
    for (const Property& property : plan_.properties()) {
      if (!CanCome(property)) continue;
      if (in_order_) {
        const uint32_t rank = RankOf(property);
        words[4 + at] = rank | (property.required ? 1u << 31 : 0);
        words[4 + names_ + rank] = at;
      } else if (property.required) {
        required |= uint64_t{1} << at;
      }
      ++at;
    }
    if (!in_order_) {
      words[4] = static_cast<uint32_t>(required);
      words[5] = static_cast<uint32_t>(required >> 32);
    }
    b_.AddObject({words, size});
  }
  // The index of a property among those that may occur.
  uint32_t RankOf(const Property& property) const {
    uint32_t rank = 0;
    for (const Property& other : plan_.properties()) rank += CanCome(other) && other.order < property.order ? 1 : 0;
    return rank;
  }

  // From the quote after a name to its value.
  void Colon(GNode from, Demands* value) {
    if (syntax_ == ObjectSyntax::kArguments) return b_.Call(from, w_.RuleOf(value), value_);
    w_.Space(from);
    const GNode after = w_.Mark(from, ':');
    b_.Call(after, w_.RuleOf(value), value_);
  }

  // The known names and, between them, all other names, where these have no groups.
  void Names(GNode root, char quote) {
    Scratch scratch(&w_.sets());
    const Span<const Property> properties = plan_.properties();
    uint32_t longest = 0;
    for (const Property& property : properties) longest = Max(longest, Length(property));
    // path[d]: the node after d bytes of the current name.
    GNode* const path = b_.Allocate<GNode>(uint64_t{longest} + 1);
    uint8_t* const bytes = b_.Allocate<uint8_t>(uint64_t{longest} + 1);
    Interval* const intervals = b_.Allocate<Interval>(uint64_t{longest} + 1);
    if (intervals == nullptr) return;
    path[0] = root;
    intervals[0] = {0, takes_others_ ? 0 : names_, false};  // with others, the first byte is checked
    const bool open = takes_any_name();
    OtherNameWriter others(&w_, set_, plan_, escapes(), limits_.max != kUnlimited);
    if (open) Colon(others.Begin(quote), plan_.others()[0].value);
    uint32_t name = 0;  // its index among those that may occur
    uint32_t length = 0;
    if (open && properties.empty()) return b_.Empty(root, others.inside());
    if (open) others.Gaps(root, 0, {});
    for (uint32_t i = 0; i < properties.size() && b_.ok(); ++i) {
      const Property& property = properties[i];
      if (!open && !CanCome(property)) continue;
      // The bytes that it shares with the previous name keep their nodes.
      SpelledBytes spelled(w_.tape().chars(property.name), escapes());
      uint32_t depth = 0;
      bool shared = true;
      for (;; ++depth) {
        const int32_t c = spelled.Take();
        if (c == SpelledBytes::kEnd) break;
        const auto byte = static_cast<uint8_t>(c);
        if (shared && depth < length && bytes[depth] == byte) continue;
        shared = false;
        bytes[depth] = byte;
        path[depth + 1] = b_.AddNode();
        Step(i, depth, byte, name, path, intervals);
        if (open && spelled.at_boundary()) others.Gaps(path[depth + 1], i, {bytes, depth + 1});
      }
      length = depth;
      if (!CanCome(property)) continue;
      const GNode after = b_.AddNode();
      const bool op = open || !intervals[depth].committed;
      b_.Bytes(path[depth], static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), after,
               op ? GrammarOp::kKey : GrammarOp::kNone, op ? name : 0);
      Colon(after, property.value);
      ++name;
    }
  }
  uint32_t Length(const Property& property) const {
    SpelledBytes spelled(w_.tape().chars(property.name), escapes());
    uint32_t length = 0;
    while (spelled.Take() != SpelledBytes::kEnd) ++length;
    return length;
  }
  // The length of the common prefix of the names of two properties.
  uint32_t Common(uint32_t a, uint32_t b) const {
    SpelledBytes left(w_.tape().chars(plan_.properties()[a].name), escapes());
    SpelledBytes right(w_.tape().chars(plan_.properties()[b].name), escapes());
    uint32_t length = 0;
    for (int32_t c = left.Take(); c != SpelledBytes::kEnd && c == right.Take(); c = left.Take()) ++length;
    return length;
  }

  // Names with a common prefix: [begin, end) of those that may occur; committed: it is one name, which has been
  // counted.
  struct Interval {
    uint32_t begin, end;
    bool committed;
  };

  // The edge from path[depth] by a byte of property i, whose index is `name`. A branch to names none of which may occur
  // any more is not allowed; once a single name is left, it is chosen.
  void Step(uint32_t i, uint32_t depth, uint8_t byte, uint32_t name, const GNode* path, Interval* intervals) {
    const Span<const Property> properties = plan_.properties();
    const bool open = takes_any_name();
    const Interval& before = intervals[depth];
    Interval& after = intervals[depth + 1];
    after = {name, before.end, before.committed};
    GrammarOp op = GrammarOp::kNone;
    uint32_t argument = 0;
    if (!before.committed && !(open && limits_.max == kUnlimited)) {
      after.end = name + (CanCome(properties[i]) ? 1 : 0);
      for (uint32_t k = i + 1; k < properties.size(); ++k) {
        if (!open && !CanCome(properties[k])) continue;
        if (Common(i, k) <= depth) break;
        after.end += CanCome(properties[k]) ? 1 : 0;
      }
      if (!open && after.end - name == 1) {
        op = GrammarOp::kKey;
        argument = name;
        after.committed = true;
      } else if (after.begin != before.begin || after.end != before.end) {
        op = GrammarOp::kKeys;
        argument = name | after.end << 15 | (open ? kKeysOrOther : 0);
      }
    }
    b_.Bytes(path[depth], byte, byte, path[depth + 1], op, argument);
  }

  // A rule for a group of other names. 0 if there are none, or there is no value for them.
  Rule WriteOtherNames(const OtherNames& others) {
    if (!others.value->has_text) return 0;
    TextDemands text;
    if (plan_.names() != nullptr) text = TextDemandsOf(&w_.sets(), *plan_.names());
    for (uint32_t i = 0; i < plan_.patterns().size(); ++i) {
      AddTextPattern(&w_.sets(), {plan_.patterns()[i], {}, (others.matched >> i & 1u) == 0}, &text);
    }
    Scratch scratch(&w_.sets());
    Node* const names = b_.Allocate<Node>(plan_.properties().size());
    for (uint32_t i = 0; names != nullptr && i < plan_.properties().size(); ++i) names[i] = plan_.properties()[i].name;
    if (!b_.ok()) return 0;
    text.names = {names, plan_.properties().size()};
    const Rule rule = b_.Declare(w_.PlaceOf(set_));
    WriteText(&w_, text, rule, false);
    return b_.HasText(rule) ? rule : 0;
  }
  void OtherNamesOf(GNode from, char quote, Rule names, Demands* value) {
    const GNode end = b_.AddNode(), after = b_.AddNode();
    b_.Call(from, names, end);
    b_.Bytes(end, static_cast<uint8_t>(quote), static_cast<uint8_t>(quote), after, GrammarOp::kOther);
    Colon(after, value);
  }

  SchemaWriter& w_;
  GrammarBuilder& b_;
  const Demands& set_;
  const ObjectPlan& plan_;
  ObjectSyntax syntax_;
  CountLimits limits_;
  uint32_t names_ = 0;
  bool takes_others_ = false, in_order_ = false;
  GNode value_ = 0;  // after a value
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_OBJECTS_H_
