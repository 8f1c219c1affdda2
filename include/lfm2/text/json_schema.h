// Compiles JSON schemas to grammars.
#ifndef LFM2_TEXT_JSON_SCHEMA_H_
#define LFM2_TEXT_JSON_SCHEMA_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema_arrays.h"
#include "lfm2/text/json_schema_objects.h"
#include "lfm2/text/json_schema_scalars.h"
#include "lfm2/text/json_schema_style.h"
#include "lfm2/text/json_schema_writer.h"

namespace lfm2 {

namespace schema_internal {

class SchemaCompiler {
 public:
  // root: the schema, which references are relative to.
  SchemaCompiler(JsonTape* tape, Node root, GrammarBuilder* builder, const JsonSchemaOptions& options)
      : sets_(tape, root, builder), writer_(&sets_, options), b_(*builder) {}

  // The set of the values of some types that a schema allows.
  Demands* SetOf(Node schema, Types types = kAllTypes) {
    sets_.Clear();
    sets_.Add(schema, kSchema);
    sets_.Add(types, kOfTypes);
    return sets_.Make();
  }
  // Finds the sets that the existing ones contain, and which of them have values at all.
  void Explore() {
    // New sets are linked after those in which they were found: the next pass begins with the last one.
    const Demands* explored = nullptr;
    while (b_.ok() && explored != sets_.last()) {
      const Demands* const end = explored;
      explored = sets_.last();
      for (Demands* set = sets_.last(); set != end && b_.ok(); set = set->before) Decide(set);
    }
    for (bool changed = true; changed && b_.ok();) {
      changed = false;
      for (Demands* set = sets_.last(); set != nullptr && b_.ok(); set = set->before) {
        if (set->has_text) continue;
        Decide(set);
        changed = changed || set->has_text;
      }
    }
  }
  SchemaWriter& writer() { return writer_; }
  // Writes all requested rules.
  void Write() {
    for (Demands* set = writer_.TakeNext(); set != nullptr && b_.ok(); set = writer_.TakeNext()) WriteOne(set);
    writer_.Finish();
  }

 private:
  void Decide(Demands* set) {
    if (set->types == 0) return;
    Split split(&sets_, *set, writer_.memory());
    if (split.count() > 0) {
      for (uint32_t i = 0; i < split.count(); ++i) {
        const Demands* const one = split.Make(i);
        if (one == nullptr) return;
        set->has_text = set->has_text || one->has_text;
      }
      return;
    }
    if (HasList(*set)) {
      set->has_text = ListHasText(&writer_, *set);
      return;
    }
    if (set->types == kObject || set->types == kArray) CheckExclusions(*set);
    switch (set->types) {
      case kObject: {
        Scratch scratch(&sets_);
        const ObjectPlan plan(&sets_, *set);
        set->has_text = b_.ok() && plan.has_text();
        return;
      }
      case kArray: {
        Scratch scratch(&sets_);
        const ArrayPlan plan(&sets_, *set);
        set->has_text = b_.ok() && plan.has_text();
        return;
      }
      case kNull: set->has_text = Allows(*set, JsonKind::kNull); return;
      case kBoolean: set->has_text = Allows(*set, JsonKind::kTrue) || Allows(*set, JsonKind::kFalse); return;
      default: break;
    }
    // Only what is written shows it.
    if (set->count == 0 || MeaningOf(set->items()[0]) == kOfTypes) {
      set->has_text = true;
    } else if (set->rule == 0) {
      set->rule = b_.Declare(writer_.PlaceOf(*set));
      set->is_queued = true;
      WriteOne(set);
      set->has_text = b_.HasText(set->rule);
    }
  }
  void WriteOne(Demands* set) {
    const GrammarBuilder::Rule rule = set->rule;
    Split split(&sets_, *set, writer_.memory());
    if (split.count() > 0) {
      b_.Begin(rule);
      const GrammarBuilder::Node start = b_.AddNode(), end = b_.AddNode();
      for (uint32_t i = 0; i < split.count() && b_.ok(); ++i) {
        Demands* const one = split.Make(i);
        if (one != nullptr && one->has_text) b_.Call(start, writer_.RuleOf(one), end);
      }
      b_.Accept(end);
      b_.End(start);
      return;
    }
    if (HasList(*set)) return WriteList(&writer_, *set, rule);
    switch (set->types) {
      case kObject: {
        Scratch scratch(&sets_);
        const ObjectPlan plan(&sets_, *set);
        if (b_.ok()) ObjectWriter(&writer_, *set, plan).Write(rule);
        return;
      }
      case kArray: {
        Scratch scratch(&sets_);
        const ArrayPlan plan(&sets_, *set);
        if (b_.ok()) WriteArray(&writer_, plan, rule);
        return;
      }
      case kString: return WriteText(&writer_, TextDemandsOf(&sets_, *set), rule, true);
      case kNull:
      case kBoolean: {
        b_.Begin(rule);
        const GrammarBuilder::Node start = b_.AddNode(), end = b_.AddNode();
        if (set->types == kNull) writer_.Word(start, "null", "None", end);
        if (set->types == kBoolean) {
          if (Allows(*set, JsonKind::kTrue)) writer_.Word(start, "true", "True", end);
          if (Allows(*set, JsonKind::kFalse)) writer_.Word(start, "false", "False", end);
        }
        b_.Accept(end);
        b_.End(start);
        return;
      }
      default: return WriteNumber(&writer_, *set, rule);
    }
  }
  // Whether a set allows a value of a kind, by its exclusions.
  bool Allows(const Demands& set, JsonKind kind) const {
    bool allows = true;
    ForEachWordOf(sets_, set, [&](Node, Node value, Word word, bool negated) {
      if (!negated || (word != Word::kEnum && word != Word::kConst)) return;
      const bool list = word == Word::kEnum;
      for (Node n = list ? sets_.tape().first(value) : value; n != JsonTape::kNone;
           n = list ? sets_.tape().next(n) : JsonTape::kNone) {
        allows = allows && sets_.tape().kind(n) != kind;
      }
    });
    return allows;
  }
  // Objects and lists cannot be excluded individually.
  void CheckExclusions(const Demands& set) {
    if (Allows(set, set.types == kObject ? JsonKind::kObject : JsonKind::kArray)) return;
    b_.Fail(Status(StatusCode::kUnsupported, "schema", "excludes an object or a list: byte", writer_.PlaceOf(set)));
  }

  DemandSets sets_;
  SchemaWriter writer_;
  GrammarBuilder& b_;
};

}  // namespace schema_internal

namespace schema_internal {

// Reads a JSON text in memory of a builder. False with an error of the builder.
inline bool ReadTape(std::string_view text, GrammarBuilder* builder, JsonTape* tape) {
  JsonTape::Record* const records = builder->Allocate<JsonTape::Record>(JsonTape::CountNodes(text));
  if (records == nullptr) return false;
  const Status read = tape->Read(text, records);
  if (!read.ok()) builder->Fail(read);
  return read.ok();
}

}  // namespace schema_internal

// Compiles a JSON schema to rules; *start is the rule of the JSON texts that it allows. Errors, which are also those of
// the builder afterwards, with a byte of the schema as value(): kInvalidArgument for an invalid schema or one that
// allows nothing, kUnsupported for a keyword that is not supported, kArenaTooSmall.
inline Status CompileJsonSchema(std::string_view schema, const JsonSchemaOptions& options, GrammarBuilder* builder,
                                GrammarBuilder::Rule* start) {
  JsonTape tape;
  if (!schema_internal::ReadTape(schema, builder, &tape)) return builder->status();
  schema_internal::SchemaCompiler compiler(&tape, 0, builder, options);
  schema_internal::Demands* const root = compiler.SetOf(0);
  compiler.Explore();
  if (builder->ok() && !root->has_text) {
    builder->Fail(Status(StatusCode::kInvalidArgument, "schema", "allows no value at all: byte", 0));
  }
  LFM2_RETURN_IF_ERROR(builder->status());
  *start = compiler.writer().RuleOf(root);
  compiler.Write();
  return builder->status();
}

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_H_
