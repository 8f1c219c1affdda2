// Sets of JSON schemas that a value must satisfy, after references and the like have been resolved.
#ifndef LFM2_TEXT_JSON_SCHEMA_SETS_H_
#define LFM2_TEXT_JSON_SCHEMA_SETS_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_decimal.h"
#include "lfm2/text/json_schema_demand.h"
#include "lfm2/text/json_schema_ref.h"
#include "lfm2/text/json_schema_words.h"
#include "lfm2/text/json_tape.h"

namespace lfm2 {

namespace schema_internal {

// Creates such sets, each one once.
class DemandSets {
 public:
  static constexpr uint32_t kMostDemands = 256;

  // root: the schema that references are relative to.
  DemandSets(JsonTape* tape, Node root, GrammarBuilder* builder)
      : tape_(*tape), builder_(*builder), refs_(tape, root), queue_(builder->Allocate<Demand>(kMostDemands)) {
    for (Node n = 1; n < tape->size(); ++n) {
      if (tape->kind(n) == JsonKind::kKey) tape->set_tag(n, static_cast<uint8_t>(WordOf(*tape, n)));
    }
    refs_.Open();
  }

  const JsonTape& tape() const { return tape_; }
  GrammarBuilder& builder() { return builder_; }
  bool ok() const { return builder_.status().ok(); }
  Word keyword(Node key) const { return static_cast<Word>(tape_.tag(key)); }
  // A rule without texts, for temporary automata.
  GrammarBuilder::Rule test_rule() {
    if (test_rule_ == 0) test_rule_ = builder_.Declare(0);
    return test_rule_;
  }
  void Finish() {
    if (test_rule_ == 0 || !ok()) return;
    builder_.Begin(test_rule_);
    builder_.End(builder_.AddNode());
  }
  // How often sets have allocated memory: anything allocated before that can no longer be released.
  uint32_t slabs() const { return slabs_; }
  // The last set created.
  Demands* last() const { return last_; }

  // Errors: the value at a node is invalid for its keyword, or is not supported.
  void Wrong(const char* what, Node n) {
    builder_.Fail(Status(StatusCode::kInvalidArgument, "schema", what, tape_.byte(n)));
  }
  void Refuse(const char* what, Node n) {
    builder_.Fail(Status(StatusCode::kUnsupported, "schema", what, tape_.byte(n)));
  }

  // Starts a set.
  void Clear() {
    count_ = 0;
    types_ = kAllTypes;
  }
  void Add(Node node, Meaning meaning) {
    if (!ok()) return;
    const Demand demand = MakeDemand(node, meaning);
    for (uint32_t i = 0; i < count_; ++i) {
      if (queue_[i] == demand) return;
    }
    if (count_ == kMostDemands)
      return Refuse("has too many schemas for one value: byte", node < tape_.size() ? node : 0);
    queue_[count_++] = demand;
  }
  // Adds all demands of another set, except one.
  void AddSet(const Demands& set, Demand but = kNoDemand) {
    for (uint32_t i = 0; i < set.count; ++i) {
      if (set.items()[i] != but) Add(NodeOf(set.items()[i]), MeaningOf(set.items()[i]));
    }
  }
  // The resolved set of everything added since Clear. nullptr after an error.
  Demands* Make() {
    Resolve();
    return ok() ? Find() : nullptr;
  }
  // The same without keeping it: in memory for kMostDemands demands.
  const Demands* MakeIn(Demands* memory) {
    Resolve();
    *memory = {nullptr, nullptr, 0, count_, 0, types_, false, false};
    std::memcpy(reinterpret_cast<Demand*>(memory + 1), queue_, count_ * sizeof(Demand));
    return memory;
  }
  static constexpr uint64_t kDemandsBytes = sizeof(Demands) + kMostDemands * sizeof(Demand);
  // The set of all values of some types.
  Demands* OfTypes(Types types) {
    Clear();
    Add(types, kOfTypes);
    return Make();
  }

  // Calls use(key, value, word) for the effective keywords of a schema that is an object: next to $ref, in old drafts,
  // $ref only.
  template <class Use>
  void ForEachWord(Node schema, const Use& use) const {
    const Node only = refs_.only_refs() ? refs_.RefOf(schema) : JsonTape::kNone;
    if (only != JsonTape::kNone) return use(only, only + 1, Word::kRef);
    for (Node key = tape_.first(schema); key != JsonTape::kNone; key = tape_.next(key)) {
      if (keyword(key) != Word::kUnknown) use(key, key + 1, keyword(key));
    }
  }
  // The key of a keyword; kNone if there is none.
  Node KeyOf(Node schema, Word wanted) const {
    Node found = JsonTape::kNone;
    ForEachWord(schema, [&](Node key, Node, Word word) { found = word == wanted ? key : found; });
    return found;
  }
  uint32_t CountOf(Node list) const {
    uint32_t count = 0;
    for (Node n = tape_.first(list); n != JsonTape::kNone; n = tape_.next(n)) ++count;
    return count;
  }
  // The type of a value, and the types of a list of values.
  Types TypeOfValue(Node n) const;
  Types TypesOfValues(Node list) const {
    Types types = 0;
    for (Node n = tape_.first(list); n != JsonTape::kNone; n = tape_.next(n)) types |= TypeOfValue(n);
    return types;
  }
  // Notes that no two alternatives of a oneOf allow the same value.
  void SetApart(Node key) { tape_.set_tag(key, static_cast<uint8_t>(Word::kOneOfApart)); }

 private:
  void Resolve() {
    for (uint32_t i = 0; i < count_ && types_ != 0 && ok(); ++i) {
      const Demand demand = queue_[i];
      if (!ResolveOne(demand)) queue_[i] = kNoDemand;
      if (MeaningOf(demand) == kSchema && queue_[i] != kNoDemand) queue_[i] = MakeDemand(NodeOf(demand), kWords);
    }
    if (types_ == 0) count_ = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count_; ++i) {
      const Demand demand = queue_[i];
      if (demand == kNoDemand || !Matters(demand)) continue;
      // Insertion sort: the sets are small and mostly in order.
      uint32_t at = kept++;
      for (; at > 0 && queue_[at - 1] > demand; --at) queue_[at] = queue_[at - 1];
      queue_[at] = demand;
    }
    count_ = kept;
  }
  // Adds what a demand resolves to. Returns whether the demand itself remains.
  bool ResolveOne(Demand demand) {
    const Node n = NodeOf(demand);
    switch (MeaningOf(demand)) {
      case kSchema: return ResolveSchema(n);
      case kNotSchema: return ResolveNot(n);
      case kNotWord: return ResolveNotWord(n);
      case kOfTypes: types_ &= n; return false;
      case kConst: types_ &= TypeOfValue(n); return true;
      case kEnum: types_ &= TypesOfValues(n); return true;
      case kNotProperty:
      case kHas:
      case kLacks: types_ &= kObject; return true;
      default: return true;
    }
  }
  bool ResolveSchema(Node schema) {
    if (tape_.kind(schema) == JsonKind::kTrue) return false;
    if (tape_.kind(schema) == JsonKind::kFalse) {
      types_ = 0;
      return false;
    }
    if (tape_.kind(schema) != JsonKind::kObject)
      return Wrong("is neither an object nor true or false: byte", schema), false;
    ForEachWord(schema, [&](Node key, Node value, Word word) {
      Check(value, word);
      switch (word) {
        case Word::kType: types_ &= TypesAt(value); break;
        case Word::kAllOf:
          for (Node n = tape_.first(value); n != JsonTape::kNone; n = tape_.next(n)) Add(n, kSchema);
          break;
        case Word::kRef: AddRef(value, kSchema); break;
        case Word::kAnyOf: Add(value, kAnyOf); break;
        case Word::kOneOf:
        case Word::kOneOfApart: Add(value, kOneOf); break;
        case Word::kIf: Add(schema, kIf); break;
        case Word::kEnum: Add(value, kEnum); break;
        case Word::kConst: Add(value, kConst); break;
        case Word::kNot: Add(value, kNotSchema); break;
        case Word::kDependencies:
        case Word::kDependentRequired:
        case Word::kDependentSchemas:
          for (Node n = tape_.first(value); n != JsonTape::kNone; n = tape_.next(n)) Add(n, kDependency);
          break;
        case Word::kDynamicRef:
        case Word::kRecursiveRef: Refuse("has a dynamic reference, which is not supported: byte", key); break;
        default: break;
      }
    });
    return true;
  }
  void AddRef(Node ref, Meaning meaning) {
    Node target = JsonTape::kNone;
    const char* const error = refs_.Find(ref, &target);
    if (error != nullptr) return Refuse(error, ref);
    Add(target, meaning);
  }
  void Expect(Node value, JsonKind kind) {
    if (tape_.kind(value) != kind) Wrong("has a keyword whose value is of the wrong type: byte", value);
  }
  // Checks the value of a keyword.
  void Check(Node value, Word word);
  Types TypesAt(Node value) {
    Types types = 0;
    const bool list = tape_.kind(value) == JsonKind::kArray;
    for (Node n = list ? tape_.first(value) : value; n != JsonTape::kNone; n = list ? tape_.next(n) : JsonTape::kNone) {
      const Types type = tape_.kind(n) == JsonKind::kString ? TypeOf(tape_, n) : 0;
      if (type == 0) Wrong("has an unknown type: byte", n);
      types |= type;
    }
    return types;
  }
  // Whether a demand restricts values of these types.
  bool Matters(Demand demand) const {
    switch (MeaningOf(demand)) {
      case kWords: break;
      case kDependency:
      case kMayLack: return (types_ & kObject) != 0;
      default: return true;
    }
    bool matters = false;
    ForEachWord(NodeOf(demand), [&](Node, Node value, Word word) {
      matters = matters || ((TypesOf(word) & types_) != 0 && MattersAs(word, value));
    });
    return matters;
  }
  bool MattersAs(Word word, Node value) const;

  bool ResolveNot(Node schema);
  bool ResolveNotWord(Node key);

  // The set of the demands in the queue, created if new.
  Demands* Find();

  bool Grow();

  JsonTape& tape_;
  GrammarBuilder& builder_;
  SchemaRefs refs_;
  Demand* queue_;
  uint32_t count_ = 0;
  Types types_ = kAllTypes;
  Demands** table_ = nullptr;
  uint32_t table_size_ = 0;  // a power of 2
  uint32_t made_ = 0;
  Demands* last_ = nullptr;
  std::byte* slab_ = nullptr;  // memory for sets
  uint64_t slab_left_ = 0;
  uint32_t slabs_ = 0;
  GrammarBuilder::Rule test_rule_ = 0;
};

inline Types DemandSets::TypeOfValue(Node n) const {
  switch (tape_.kind(n)) {
    case JsonKind::kObject: return kObject;
    case JsonKind::kArray: return kArray;
    case JsonKind::kString:
    case JsonKind::kKey: return kString;
    case JsonKind::kNumber: return Decimal(tape_.text(n)).is_integer() ? kInteger : kFraction;
    case JsonKind::kNull: return kNull;
    default: return kBoolean;
  }
}

inline void DemandSets::Check(Node value, Word word) {
  const JsonKind kind = tape_.kind(value);
  switch (word) {
    case Word::kProperties:
    case Word::kPatternProperties:
    case Word::kDependencies:
    case Word::kDependentRequired:
    case Word::kDependentSchemas: return Expect(value, JsonKind::kObject);
    case Word::kEnum:
    case Word::kAllOf:
    case Word::kAnyOf:
    case Word::kOneOf: return Expect(value, JsonKind::kArray);
    case Word::kRequired:
      if (kind == JsonKind::kTrue || kind == JsonKind::kFalse) return;  // draft 3, ignored by later drafts
      Expect(value, JsonKind::kArray);
      for (Node n = tape_.first(value); n != JsonTape::kNone; n = tape_.next(n)) Expect(n, JsonKind::kString);
      return;
    case Word::kPattern:
    case Word::kFormat: return Expect(value, JsonKind::kString);
    case Word::kMinLength:
    case Word::kMaxLength:
    case Word::kMinItems:
    case Word::kMaxItems:
    case Word::kMinProperties:
    case Word::kMaxProperties:
    case Word::kMinimum:
    case Word::kMaximum:
    case Word::kMultipleOf: return Expect(value, JsonKind::kNumber);
    case Word::kExclusiveMinimum:
    case Word::kExclusiveMaximum:
      if (kind != JsonKind::kTrue && kind != JsonKind::kFalse) Expect(value, JsonKind::kNumber);
      return;
    default: return;
  }
}

inline bool DemandSets::MattersAs(Word word, Node value) const {
  const JsonKind kind = tape_.kind(value);
  switch (word) {
    // These are demands of their own.
    case Word::kType:
    case Word::kAllOf:
    case Word::kAnyOf:
    case Word::kOneOf:
    case Word::kOneOfApart:
    case Word::kRef:
    case Word::kEnum:
    case Word::kConst:
    case Word::kNot:
    case Word::kIf:
    case Word::kThen:
    case Word::kElse:
    case Word::kDependencies:
    case Word::kDependentRequired:
    case Word::kDependentSchemas: return false;
    case Word::kUniqueItems: return kind == JsonKind::kTrue;
    case Word::kAdditionalProperties:
    case Word::kAdditionalItems:
    case Word::kUnevaluatedProperties:
    case Word::kUnevaluatedItems: return kind != JsonKind::kTrue;
    case Word::kRequired:
    case Word::kProperties:
    case Word::kPatternProperties: return tape_.first(value) != JsonTape::kNone;
    default: return true;
  }
}

// Memory that is released at the end of a block, unless sets were allocated after it.
class Scratch {
 public:
  explicit Scratch(DemandSets* sets) : sets_(*sets), mark_(sets->builder().scratch_mark()), slabs_(sets->slabs()) {}
  ~Scratch() {
    if (sets_.slabs() == slabs_) sets_.builder().Release(mark_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  DemandSets& sets_;
  uint64_t mark_;
  uint32_t slabs_;
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_SETS_H_
