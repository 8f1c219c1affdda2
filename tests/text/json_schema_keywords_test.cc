// Keywords that say what a value is not, what it is elsewhere in the schema, and between which limits it is: each value
// is judged as a validator of JSON schemas (draft 2020-12, or the draft that a schema names) judges it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/text/schema_grammar.h"

namespace lfm2::test {
namespace {

struct JudgedValues {
  const char* schema;
  std::vector<const char*> valid, invalid;
};

void CheckJudged(const std::vector<JudgedValues>& cases) {
  for (const JudgedValues& c : cases) {
    INFO(c.schema);
    const SchemaGrammar grammar(c.schema, {}, 1 << 20);
    REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
    for (const char* text : c.valid) CHECK_MESSAGE(grammar.Takes(text), text);
    for (const char* text : c.invalid) CHECK_MESSAGE(!grammar.Takes(text), text);
  }
}

TEST_CASE("a schema in a \"not\" leaves the values that it does not allow") {
  CheckJudged({
      {R"({"not":{"type":"string"}})", {"1", "null", "[]"}, {"\"a\""}},
      {R"({"not":{"not":{"type":"integer"}}})", {"7"}, {"\"a\"", "1.5"}},
      {R"({"type":"integer","not":false})", {"1"}, {"\"a\""}},
      {R"({"not":{"anyOf":[{"type":"string"},{"type":"null"}]}})", {"1", "true"}, {"\"a\"", "null"}},
      {R"({"type":["integer","string"],"not":{"allOf":[{"type":"string"}]}})", {"1"}, {"\"a\""}},
      {R"({"type":"integer","not":{"allOf":[{"minimum":3},{"maximum":5}]}})", {"2", "6"}, {"3", "4", "5"}},
      {R"({"type":"integer","not":{"minimum":3}})", {"2", "-5"}, {"3", "10"}},
      {R"({"type":"integer","not":{"maximum":3}})", {"4", "10"}, {"3", "-1"}},
      {R"({"type":"integer","not":{"exclusiveMinimum":3}})", {"3", "2"}, {"4"}},
      {R"({"type":"integer","not":{"exclusiveMaximum":3}})", {"3", "4"}, {"2"}},
      {R"({"type":"integer","not":{"multipleOf":3}})", {"1", "10"}, {"0", "9"}},
      {R"({"type":"string","not":{"minLength":2}})", {"\"\"", "\"a\""}, {"\"ab\""}},
      {R"({"type":"string","not":{"maxLength":2}})", {"\"abc\""}, {"\"ab\"", "\"\""}},
      {R"({"type":"array","not":{"minItems":1}})", {"[]"}, {"[1]"}},
      {R"({"type":"array","not":{"maxItems":1}})", {"[1, 2]"}, {"[]", "[1]"}},
      {R"({"type":"object","not":{"minProperties":1}})", {"{}"}, {"{\"a\": 1}"}},
      {R"({"type":"object","not":{"maxProperties":0}})", {"{\"a\": 1}"}, {"{}"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{}},"additionalProperties":false,
           "not":{"required":["a"]}})",
       {"{}", "{\"b\": 1}"},
       {"{\"a\": 1}", "{\"a\": 1, \"b\": 2}"}},
      {R"({"type":"object","properties":{"a":{"type":["integer","null"]}},"additionalProperties":false,
           "not":{"properties":{"a":{"type":"null"}}}})",
       {"{\"a\": 1}"},
       {"{}", "{\"a\": null}"}},
      {R"({"type":"integer","not":{"enum":[1,2]}})", {"0", "3"}, {"1", "2"}},
      {R"({"$defs":{"s":{"type":"string"}},"type":["string","null"],"not":{"$ref":"#/$defs/s"}})", {"null"}, {"\"a\""}},
      {R"({"enum":[1,"a",null],"not":{"enum":["a"]}})", {"1", "null"}, {"\"a\""}},
  });
  CHECK(SchemaGrammar(R"({"not":{}})").code() == StatusCode::kInvalidArgument);
  CHECK(SchemaGrammar(R"({"not":true})").code() == StatusCode::kInvalidArgument);
  CHECK(SchemaGrammar(R"({"not":1})").code() == StatusCode::kInvalidArgument);
  CHECK(SchemaGrammar(R"({"not":{"if":{"type":"string"},"then":{"minLength":1}}})").code() == StatusCode::kUnsupported);
  CHECK(SchemaGrammar(R"({"type":"array","not":{"items":{"type":"null"}}})").code() == StatusCode::kUnsupported);
}

TEST_CASE("references are pointers with escapes and indices, identifiers, and anchors") {
  CheckJudged({
      {R"({"$defs":{"a/b":{"type":"null"}},"$ref":"#/$defs/a~1b"})", {"null"}, {"1"}},
      {R"({"$defs":{"a~b":{"type":"null"}},"$ref":"#/$defs/a~0b"})", {"null"}, {"1"}},
      {R"({"$defs":{"a b":{"type":"null"}},"$ref":"#/$defs/a%20b"})", {"null"}, {"1"}},
      {R"({"$defs":{"k\u00e9":{"type":"null"}},"$ref":"#/$defs/k%C3%a9"})", {"null"}, {"1"}},
      {R"({"$defs":{"l":{"anyOf":[{"type":"string"},{"type":"null"}]}},"$ref":"#/$defs/l/anyOf/1"})",
       {"null"},
       {"\"\""}},
      {R"({"$defs":{"a":{"$anchor":"here","type":"null"}},"$ref":"#here"})", {"null"}, {"1"}},
      {R"({"$id":"http://x/y","$defs":{"a":{"$id":"http://x/z","type":"null"}},"$ref":"http://x/z"})", {"null"}, {"1"}},
      {R"({"$id":"http://x/y","$defs":{"a":{"type":"null"}},"$ref":"http://x/y#/$defs/a"})", {"null"}, {"1"}},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"additionalProperties":false})",
       {"{}", "{\"a\": {\"a\": {}}}"},
       {"{\"a\": 1}"}},
      {R"({"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"n":{"type":"null"}},
           "properties":{"a":{"$ref":"#/definitions/n","type":"string"}},"additionalProperties":false})",
       {"{}", "{\"a\": null}"},
       {"{\"a\": \"b\"}"}},
  });
  for (const char* wrong :
       {R"({"$ref":"#/$defs/x"})", R"({"$defs":{"a":1},"$ref":"#/$defs/a/b"})",
        R"({"$defs":{"l":[{}]},"$ref":"#/$defs/l/x"})", R"({"$defs":{"l":[{}]},"$ref":"#/$defs/l/1"})",
        R"({"$defs":{"l":[{}]},"$ref":"#/$defs/l/99999999"})", R"({"$ref":"#nowhere"})",
        R"({"$ref":"http://elsewhere/x"})", R"({"$ref":1})"}) {
    INFO(wrong);
    CHECK(!SchemaGrammar(wrong).ok());
  }
}

TEST_CASE("several limits on one value hold together, and contradictions leave nothing") {
  CheckJudged({
      {R"({"type":"integer","minimum":2,"allOf":[{"minimum":4},{"maximum":9},{"maximum":7}]})", {"4", "7"}, {"3", "8"}},
      {R"({"type":"integer","minimum":4,"allOf":[{"exclusiveMinimum":4}],"maximum":6})", {"5", "6"}, {"4", "7"}},
      {R"({"type":"integer","maximum":6,"allOf":[{"exclusiveMaximum":6}],"minimum":4})", {"4", "5"}, {"6", "3"}},
      {R"({"enum":[1,2,3,4,5],"minimum":2,"exclusiveMaximum":5})", {"2", "4"}, {"1", "5"}},
      {R"({"enum":[1,2,3,4,5],"exclusiveMinimum":2,"maximum":4})", {"3", "4"}, {"2", "5"}},
      {R"({"enum":[0,1.5,3,4.5,7],"multipleOf":1.5})", {"0", "1.5", "3", "4.5"}, {"7"}},
      {R"({"enum":["","a","ab","abc"],"minLength":1,"maxLength":2})", {"\"a\"", "\"ab\""}, {"\"\"", "\"abc\""}},
      {R"({"enum":[1,2,3],"allOf":[{"enum":[2,3,4]}]})", {"2", "3"}, {"1", "4"}},
      {R"({"enum":[1,"1",2.0],"allOf":[{"enum":["1",2]}]})", {"\"1\""}, {"1"}},
      {R"({"enum":[1,2],"not":{"const":2}})", {"1"}, {"2"}},
      {R"({"const":[1],"type":"array"})", {"[1]"}, {"[2]", "[]"}},
      {R"({"type":"integer","minimum":1,"exclusiveMinimum":true,"maximum":3,"exclusiveMaximum":true,
           "$schema":"http://json-schema.org/draft-04/schema#"})",
       {"2"},
       {"1", "3"}},
  });
  for (const char* nothing :
       {R"({"type":"integer","minimum":3,"maximum":2})", R"({"type":"string","minLength":3,"maxLength":2})",
        R"({"enum":[1],"minimum":2})", R"({"enum":["a"],"minLength":2})", R"({"enum":[7],"multipleOf":2})",
        R"({"type":"object","minProperties":2,"maxProperties":1})", R"({"enum":[1],"allOf":[{"enum":[2]}]})"}) {
    INFO(nothing);
    CHECK(SchemaGrammar(nothing).code() == StatusCode::kInvalidArgument);
  }
  for (const char* wrong : {R"({"type":"integer","multipleOf":0})", R"({"type":"integer","multipleOf":-2})",
                            R"({"type":"number","multipleOf":1e-12})", R"({"type":"integer","multipleOf":1e12})",
                            R"({"type":"string","minLength":-1})", R"({"type":"string","minLength":1.5})"}) {
    INFO(wrong);
    CHECK(!SchemaGrammar(wrong).ok());
  }
}

TEST_CASE("alternatives that contradict each other in a property are told apart") {
  CheckJudged({
      {R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"x":{"type":"integer"}},"required":["k","x"],
                     "additionalProperties":false},
                    {"type":"object","properties":{"k":{"const":"b"},"x":{"type":"string"}},"required":["k","x"],
                     "additionalProperties":false}]})",
       {"{\"k\": \"a\", \"x\": 1}", "{\"k\": \"b\", \"x\": \"y\"}"},
       {"{\"k\": \"a\", \"x\": \"y\"}", "{\"k\": \"c\", \"x\": 1}"}},
      {R"({"oneOf":[{"type":"integer","maximum":3},{"type":"integer","minimum":4}]})",
       {"3", "4", "-7"},
       {"1.5", "\"a\""}},
      {R"({"oneOf":[{"type":"integer","maximum":5},{"type":"integer","minimum":3}]})", {"2", "6"}, {"3", "4", "5"}},
      {R"({"oneOf":[{"type":"string","maxLength":1},{"type":"string","minLength":3}]})",
       {"\"a\"", "\"abc\""},
       {"\"ab\""}},
      {R"({"oneOf":[{"enum":[1,2]},{"enum":[2,3]}]})", {"1", "3"}, {"2", "4"}},
      {R"({"if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"required":["x"]},"else":{"required":["y"]},
           "type":"object","properties":{"k":{"enum":[1,2]},"x":{},"y":{}},"additionalProperties":false})",
       {"{\"k\": 1, \"x\": 0}", "{\"k\": 2, \"y\": 0}", "{\"y\": 0}"},
       {"{\"k\": 1, \"y\": 0}", "{\"k\": 2, \"x\": 0}", "{}"}},
      {R"({"type":"object","properties":{"a":{},"b":{}},"additionalProperties":false,"dependentRequired":{"a":["b"]}})",
       {"{}", "{\"b\": 1}", "{\"a\": 1, \"b\": 1}"},
       {"{\"a\": 1}"}},
  });
}

}  // namespace
}  // namespace lfm2::test
