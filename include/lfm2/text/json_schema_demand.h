// Demands of a JSON schema on a value, and sets of demands.
#ifndef LFM2_TEXT_JSON_SCHEMA_DEMAND_H_
#define LFM2_TEXT_JSON_SCHEMA_DEMAND_H_

#include <cstdint>

#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema_words.h"
#include "lfm2/text/json_tape.h"

namespace lfm2 {

namespace schema_internal {

using Node = JsonTape::Node;

// What a value must satisfy: a node of the schema text and its meaning.
using Demand = uint32_t;
enum Meaning : uint8_t {
  kSchema,       // a schema that is not resolved yet
  kWords,        // the keywords of a schema, except those that are demands of their own (below)
  kNotSchema,    // a value not allowed by a schema
  kNotWord,      // a value not allowed by the keyword whose key is the node
  kAnyOf,        // at least one of a list of schemas
  kOneOf,        // exactly one of a list of schemas
  kIf,           // a schema with "if", for its "then" and "else"
  kDependency,   // a key within "dependencies" or one of its successors
  kEnum,         // one of a list of values
  kConst,        // this value
  kHas,          // an object with a property of this name
  kLacks,        // an object without a property of this name
  kMayLack,      // not an object, or one without a property of this name
  kNotProperty,  // an object whose property of this key of "properties" does not satisfy its schema
  kOfTypes,      // the node is a set of types
};
constexpr Demand MakeDemand(Node node, Meaning meaning) { return node << 8 | meaning; }
constexpr Node NodeOf(Demand demand) { return demand >> 8; }
constexpr Meaning MeaningOf(Demand demand) { return static_cast<Meaning>(demand & 0xff); }

inline constexpr Demand kNoDemand = 0xffffffffu;

// Demands that must all hold, in ascending order, and the rule for the values that satisfy them.
struct Demands {
  Demands* before;  // the set made before this one
  Demands* next;    // the set to be written after this one
  GrammarBuilder::Rule rule;
  uint32_t count;
  uint32_t hash;
  Types types;
  bool has_text;  // some value satisfies them, as far as known
  bool is_queued;
  const Demand* items() const { return reinterpret_cast<const Demand*>(this + 1); }
};

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_DEMAND_H_
