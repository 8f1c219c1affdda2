// The keywords of JSON schemas that restrict values.
#ifndef LFM2_TEXT_JSON_SCHEMA_WORDS_H_
#define LFM2_TEXT_JSON_SCHEMA_WORDS_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/text/json_tape.h"

namespace lfm2 {

namespace schema_internal {

enum class Word : uint8_t {
  kUnknown,  // an annotation, or any other name
  kType,
  kProperties,
  kRequired,
  kAdditionalProperties,
  kPatternProperties,
  kMinProperties,
  kMaxProperties,
  kEnum,
  kConst,
  kItems,
  kPrefixItems,
  kAdditionalItems,
  kMinItems,
  kMaxItems,
  kMinimum,
  kMaximum,
  kExclusiveMinimum,
  kExclusiveMaximum,
  kMultipleOf,
  kMinLength,
  kMaxLength,
  kPattern,
  kFormat,
  kAnyOf,
  kOneOf,
  kAllOf,
  kRef,
  kNot,
  kIf,
  kThen,
  kElse,
  kDependencies,
  kDependentRequired,
  kDependentSchemas,
  kUniqueItems,
  kContains,
  kPropertyNames,
  kUnevaluatedProperties,
  kUnevaluatedItems,
  kDynamicRef,
  kRecursiveRef,
  kOneOfApart,  // a oneOf no two of whose alternatives allow the same value
};

inline constexpr std::string_view kWordTexts[] = {"",
                                                  "type",
                                                  "properties",
                                                  "required",
                                                  "additionalProperties",
                                                  "patternProperties",
                                                  "minProperties",
                                                  "maxProperties",
                                                  "enum",
                                                  "const",
                                                  "items",
                                                  "prefixItems",
                                                  "additionalItems",
                                                  "minItems",
                                                  "maxItems",
                                                  "minimum",
                                                  "maximum",
                                                  "exclusiveMinimum",
                                                  "exclusiveMaximum",
                                                  "multipleOf",
                                                  "minLength",
                                                  "maxLength",
                                                  "pattern",
                                                  "format",
                                                  "anyOf",
                                                  "oneOf",
                                                  "allOf",
                                                  "$ref",
                                                  "not",
                                                  "if",
                                                  "then",
                                                  "else",
                                                  "dependencies",
                                                  "dependentRequired",
                                                  "dependentSchemas",
                                                  "uniqueItems",
                                                  "contains",
                                                  "propertyNames",
                                                  "unevaluatedProperties",
                                                  "unevaluatedItems",
                                                  "$dynamicRef",
                                                  "$recursiveRef"};

// The keyword of a key.
inline Word WordOf(const JsonTape& tape, JsonTape::Node key) {
  const std::string_view text = tape.text(key);
  for (uint32_t i = 1; i < sizeof(kWordTexts) / sizeof(kWordTexts[0]); ++i) {
    if (text == kWordTexts[i]) return static_cast<Word>(i);
  }
  return Word::kUnknown;
}

// Sets of the types of JSON values. Integers are numbers, with a bit of their own.
using Types = uint32_t;
inline constexpr Types kNull = 1, kBoolean = 2, kInteger = 4, kFraction = 8, kString = 16, kArray = 32, kObject = 64;
inline constexpr Types kNumber = kInteger | kFraction, kAllTypes = 127;

// The type of a name in a schema; 0 if there is no such type.
inline Types TypeOf(const JsonTape& tape, JsonTape::Node name) {
  constexpr std::string_view kNames[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
  constexpr Types kTypes[] = {kNull, kBoolean, kInteger, kNumber, kString, kArray, kObject};
  for (uint32_t i = 0; i < 7; ++i) {
    if (tape.Is(name, kNames[i])) return kTypes[i];
  }
  return 0;
}

// The types that a keyword restricts: values of other types satisfy it.
constexpr Types TypesOf(Word word) {
  switch (word) {
    case Word::kProperties:
    case Word::kRequired:
    case Word::kAdditionalProperties:
    case Word::kPatternProperties:
    case Word::kMinProperties:
    case Word::kMaxProperties:
    case Word::kDependencies:
    case Word::kDependentRequired:
    case Word::kDependentSchemas:
    case Word::kPropertyNames:
    case Word::kUnevaluatedProperties: return kObject;
    case Word::kItems:
    case Word::kPrefixItems:
    case Word::kAdditionalItems:
    case Word::kMinItems:
    case Word::kMaxItems:
    case Word::kUniqueItems:
    case Word::kContains:
    case Word::kUnevaluatedItems: return kArray;
    case Word::kMinimum:
    case Word::kMaximum:
    case Word::kExclusiveMinimum:
    case Word::kExclusiveMaximum:
    case Word::kMultipleOf: return kNumber;
    case Word::kMinLength:
    case Word::kMaxLength:
    case Word::kPattern:
    case Word::kFormat: return kString;
    case Word::kUnknown: return 0;
    default: return kAllTypes;
  }
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_WORDS_H_
