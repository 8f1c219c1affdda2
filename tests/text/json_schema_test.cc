// A schema is a promise about every answer: what it does not allow cannot be written, and what it allows can.
#include "lfm2/text/json_schema.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/schema_grammar.h"

namespace lfm2::test {
namespace {

struct Case {
  std::string schema;
  std::vector<std::string> valid, invalid;
};

void Check(const std::vector<Case>& cases, const JsonSchemaOptions& options = {}) {
  for (const Case& c : cases) {
    INFO(c.schema);
    const SchemaGrammar grammar(c.schema, options);
    REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
    for (const std::string& text : c.valid) CHECK_MESSAGE(grammar.Takes(text), text);
    for (const std::string& text : c.invalid) CHECK_MESSAGE(!grammar.Takes(text), text);
  }
}

TEST_CASE("Values are of the types that a schema names") {
  Check({
      {"{}",
       {"1", "\"a\"", "[1, [{\"a\": null}]]", "{\"a\": {}, \"b\": [true, false]}", "-1.5e+3"},
       {"", "a", "01", "[1,]"}},
      {"true", {"null"}, {"nul"}},
      {R"({"type":"integer"})", {"0", "-12", "999999999999999999999"}, {"1.5", "\"1\"", "1e3", "007", "+1"}},
      {R"({"type":"number"})", {"0", "-0.5", "1E10", "2.50"}, {".5", "1.", "true"}},
      {R"({"type":["string","null"]})", {"\"\"", "null", "\"a\\u00e9\\n\""}, {"1", "\"a", "\"\\x\"", "\"\n\""}},
      {R"({"type":"array"})", {"[]", "[1, \"a\"]"}, {"{}", "[1 ,2]"}},
      {R"({"type":"boolean"})", {"true", "false"}, {"True", "null"}},
  });
}

TEST_CASE("Texts are limited in characters, whatever their bytes are, and by patterns and formats") {
  Check({
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"\xc3\xa9\xf0\x9f\x98\x80z\"", "\"\\n\\u00e9\"", "\"\\ud83d\\ude00a\""},
       {"\"a\"", "\"abcd\"", "\"\xc3\xa9\"", "\"\\ud83d\\ude00\""}},
      {R"({"type":"string","pattern":"^a+b?$"})", {"\"a\"", "\"aaab\""}, {"\"b\"", "\"abb\"", "\"\""}},
      {R"({"type":"string","pattern":"b"})", {"\"abc\""}, {"\"ac\""}},
      {R"({"type":"string","pattern":"^a+b?$","minLength":3,"maxLength":4})",
       {"\"aab\"", "\"aaaa\""},
       {"\"ab\"", "\"aaaab\""}},
      {R"({"type":"string","not":{"pattern":"^a"}})", {"\"ba\"", "\"\""}, {"\"ab\""}},
      {R"({"type":"string","format":"date"})", {"\"2024-02-29\""}, {"\"2023-02-29\"", "\"2024-13-01\"", "\"x\""}},
      {R"({"type":"string","format":"date-time"})",
       {"\"2024-01-31T23:59:59Z\"", "\"2024-01-31T00:00:00.5+01:00\""},
       {"\"2024-01-31\"", "\"2024-01-31T24:00:00Z\""}},
      {R"({"type":"string","format":"ipv4"})", {"\"127.0.0.1\""}, {"\"256.0.0.1\"", "\"1.2.3\""}},
      {R"({"type":"string","format":"ipv6"})", {"\"::1\"", "\"1:2:3:4:5:6:7:8\""}, {"\"1::2::3\"", "\"12345::\""}},
      {R"({"type":"string","format":"uuid"})",
       {"\"123e4567-e89b-12d3-a456-426614174000\""},
       {"\"123e4567e89b12d3a456426614174000\""}},
      {R"({"type":"string","format":"email"})", {"\"a.b@c.de\""}, {"\"a@\"", "\"a b@c.de\""}},
      {R"({"type":"string","format":"uri"})", {"\"http://a.b/c?d=e#f\""}, {"\"a/b\"", "\"http://a b\""}},
      {R"({"type":"string","format":"what is this"})", {"\"anything\""}, {"1"}},
  });
}

TEST_CASE("Numbers are held against limits digit by digit") {
  Check({
      {R"({"type":"integer","minimum":-5,"maximum":120})",
       {"-5", "0", "-0", "7", "99", "120"},
       {"-6", "121", "1000", "-10"}},
      {R"({"type":"number","exclusiveMinimum":0.25,"maximum":1.5})",
       {"0.26", "0.2500001", "1", "1.5", "1.50"},
       {"0.25", "0.250", "1.51", "0", "-1", "2", "10.3"}},
      {R"({"type":"number","minimum":0,"exclusiveMinimum":true})", {"0.01", "3"}, {"0", "0.0", "-1"}},
      {R"({"type":"integer","minimum":1e3,"maximum":18446744073709551616})",
       {"1000", "18446744073709551616"},
       {"999", "18446744073709551617"}},
      {R"({"type":"integer","multipleOf":7})", {"0", "14", "-21", "7000000000000000000000007"}, {"1", "15"}},
      {R"({"type":"number","multipleOf":0.01,"minimum":0})", {"1", "0.25", "19.990"}, {"0.001", "19.995"}},
      {R"({"type":"number","multipleOf":2.5})", {"2.5", "5", "-7.50"}, {"2", "2.55"}},
      {R"({"type":"integer","not":{"enum":[3,5.0]}})", {"4", "33"}, {"3", "5"}},
      {R"({"type":"number","not":{"type":"integer"}})", {"1.5", "-0.10"}, {"1", "1.0", "1e1"}},
  });
}

TEST_CASE("Properties come in any order, each once") {
  const char* const schema =
      R"({"type":"object","properties":{"a":{"type":"integer"},"ab":{"type":"string"},"b\"":{"type":"null"}},)"
      R"("required":["a","b\""],"additionalProperties":false})";
  Check({
      {schema,
       {R"({"a": 1, "b\"": null})", R"({"b\"": null, "a": 1})", R"({"ab": "x", "b\"": null, "a": 1})",
        R"({"b\"": null, "ab": "x", "a": 1})"},
       {R"({"a": 1})", R"({"a": 1, "b\"": null, "a": 1})", R"({"a": "x", "b\"": null})",
        R"({"b\"": null, "a": 1, "c": 1})", R"({"a": 1, "b\"": null,})", "{}", R"({"ab": 1, "a": 1, "b\"": null})"}},
      {R"({"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"},"type":"object"})",
       {"{}", R"({"a": 1})", R"({"b": true, "ab": false, "": true, "x\u0001": true, "\n": false})",
        "{\"\xc3\xa9\": true, \"a\xc3\xa9\": false, \"a\": 1}"},
       {R"({"a": true})", R"({"b": 1})", R"({"\u0061": true})", R"({"\u00e9": true})", R"({"a": 1, "a": 1})"}},
      {R"({"type":"object","properties":{"a":{},"b":{}},"minProperties":1,"maxProperties":2})",
       {R"({"a": 1})", R"({"x": 1, "b": 2})"},
       {"{}", R"({"x": 1, "y": 2, "a": 3})"}},
      {R"({"type":"object","required":["x"],"maxProperties":1})", {R"({"x": 1})"}, {R"({"y": 1})", "{}"}},
      {R"({"type":"object","patternProperties":{"^n":{"type":"number"},"s$":{"maximum":5}},)"
       R"("additionalProperties":false})",
       {R"({"n1": 7, "xs": "a", "ns": 5})"},
       {R"({"n1": "a"})", R"({"xs": 6})", R"({"ns": "a"})", R"({"ns": 6})", R"({"y": 1})"}},
      {R"({"type":"object","patternProperties":{"^n":{"type":"number"}},"properties":{"na":{"maximum":1}}})",
       {R"({"na": 1, "x": "a", "nb": 3})"},
       {R"({"na": 2})", R"({"na": "a"})", R"({"nb": "a"})"}},
      {R"({"type":"object","propertyNames":{"maxLength":2,"pattern":"^[a-c]"}})",
       {R"({"a": 1, "bx": 2})"},
       {R"({"abc": 1})", R"({"d": 1})", R"({"": 1})"}},
      {R"({"type":"object","propertyNames":{"enum":["k","l"]}})", {R"({"l": 1, "k": 2})"}, {R"({"m": 1})"}},
      {R"({"type":"object","properties":{"a":false,"b":{"type":"null"}},"additionalProperties":false})",
       {R"({"b": null})", "{}"},
       {R"({"a": 1})"}},
  });
}

TEST_CASE("An object with more than 48 properties has them in the order of the schema") {
  std::string schema = R"({"type":"object","additionalProperties":false,"required":["p7"],"properties":{)";
  for (int i = 0; i < 60; ++i) schema += (i > 0 ? ",\"p" : "\"p") + std::to_string(i) + R"(":{"type":"integer"})";
  const SchemaGrammar grammar(schema + "}}");
  REQUIRE(grammar.ok());
  CHECK(grammar.Takes(R"({"p7": 1})"));
  CHECK(grammar.Takes(R"({"p0": 1, "p7": 2, "p59": 3})"));
  CHECK(!grammar.Takes(R"({"p59": 1, "p7": 2})"));
  CHECK(!grammar.Takes(R"({"p8": 1})"));
}

TEST_CASE("Lists have the elements that a schema says, as many as it says") {
  Check({
      {R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
       {"[1, 2]", "[1, 2, 3]"},
       {"[1]", "[]", "[1, 2, 3, 4]", "[1, \"a\"]"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"}})",
       {"[]", "[1]", "[1, \"a\"]", "[1, \"a\", null, null]"},
       {"[\"a\"]", "[1, \"a\", 1]"}},
      {R"({"type":"array","items":[{"type":"integer"}],"additionalItems":false,"minItems":1})",
       {"[1]"},
       {"[]", "[1, 2]"}},
      {R"({"type":"array","items":false})", {"[]"}, {"[1]"}},
      {R"({"type":"array","items":{},"maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"type":"array","minItems":3,"prefixItems":[true]})", {"[1, 2, 3]"}, {"[1, 2]"}},
  });
}

TEST_CASE("Listed values are compared as JSON values, and held against what else a schema says") {
  Check({
      {R"({"enum":["a\n",1,null,true,[1,{"b":2}]]})",
       {"\"a\\n\"", "1", "null", "true", "[1, {\"b\": 2}]"},
       {"\"a\"", "false", "2", "[1, {}]", "[1, {\"b\": 2, \"c\": 3}]"}},
      {R"({"enum":["a",1,2.5,null],"type":["string","integer"]})", {"\"a\"", "1"}, {"2.5", "null"}},
      {R"({"enum":["ab","b","c"],"pattern":"b","not":{"const":"b"}})", {"\"ab\""}, {"\"b\"", "\"c\""}},
      {R"({"const":{"a":1,"b":[]}})", {R"({"a": 1, "b": []})", R"({"b": [], "a": 1})"}, {R"({"a": 1})", "{}"}},
      {R"({"allOf":[{"enum":[1,2,3]},{"enum":[3,2.0,9]},{"minimum":2.5}]})", {"3"}, {"1", "2", "9"}},
      {R"({"allOf":[{"enum":["a\u0062","a\\","\u00e9"]},{"enum":["ab","a\u005c","a","é"]}]})",
       {"\"ab\"", R"("a\\")", "\"é\""},
       {"\"a\""}},
      {R"({"type":"string","not":{"enum":["a","ab"]}})", {"\"\"", "\"abc\"", "\"b\""}, {"\"a\"", "\"ab\""}},
  });
}

TEST_CASE("Schemas are combined") {
  Check({
      {R"({"anyOf":[{"type":"string"},{"type":"object","required":["a"]}]})",
       {"\"x\"", R"({"b": 1, "a": 2})"},
       {"1", "{}"}},
      {R"({"oneOf":[{"type":"integer"},{"type":"object","properties":{"k":{"const":"x"}},"required":["k"]},)"
       R"({"type":"object","properties":{"k":{"const":"y"},"n":{"type":"null"}},"required":["k","n"]}]})",
       {"1", R"({"k": "x", "n": 1})", R"({"k": "y", "n": null})"},
       {R"({"k": "y"})", R"({"k": "z", "n": null})", "{}"}},
      {R"({"oneOf":[{"required":["a"]},{"required":["b"]}],"type":"object","additionalProperties":{"type":"integer"}})",
       {R"({"a": 1})", R"({"b": 1, "c": 2})"},
       {R"({"a": 1, "b": 2})", R"({"c": 1})"}},
      {R"({"allOf":[{"properties":{"a":{"minimum":3}}},{"properties":{"a":{"maximum":4}},"required":["a"]}],)"
       R"("type":"object",)"
       R"("properties":{"a":{"type":"integer"}}})",
       {R"({"a": 3})", R"({"a": 4, "b": 1})"},
       {R"({"a": 5})", R"({"a": 2})", R"({"b": 1})"}},
      {R"({"type":"object","if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"required":["x"]},)"
       R"("else":{"required":["y"]}})",
       {R"({"k": 1, "x": 0})", R"({"k": 2, "y": 0})", R"({"y": 1})"},
       {R"({"k": 1})", R"({"k": 1, "y": 2})", R"({"x": 1})"}},
      {R"({"type":"object","dependencies":{"a":["b"],"c":{"maxProperties":1}}})",
       {"{}", R"({"b": 1})", R"({"b": 1, "a": 2})", R"({"c": 1})"},
       {R"({"a": 1})", R"({"c": 1, "d": 2})"}},
      {R"({"not":{"type":["object","array","string"]}})", {"1", "null"}, {"{}", "\"a\"", "[]"}},
  });
}

TEST_CASE("References lead anywhere in the document, also back") {
  Check({
      {R"({"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"array","items":{"$ref":"#"}}}})",
       {"[]", "[[[]]]"},
       {"[1]", "1"}},
      {R"({"properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},)"
       R"("required":["v","next"],)"
       R"("type":"object","additionalProperties":false})",
       {R"({"v": 1, "next": {"next": null, "v": 2}})"},
       {R"({"v": 1})", R"({"v": 1, "next": {}})"}},
      {R"({"$id":"http://x/y","$defs":{"p":{"$anchor":"here","type":"null"}},"anyOf":[{"$ref":"#here"},)"
       R"({"$ref":"http://x/y#/$defs/q"}],"$comment":{},)"
       R"("$defs":{"p":{"$anchor":"here","type":"null"},"q":{"const":1}}})",
       {"null", "1"},
       {"2"}},
      // Keywords next to a reference are ignored up to draft 7, and count in later drafts.
      {R"({"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{}},)"
       R"("$ref":"#/definitions/a","type":"null"})",
       {"1"},
       {}},
      {R"({"$defs":{"a":{}},"$ref":"#/$defs/a","type":"null"})", {"null"}, {"1"}},
  });
}

TEST_CASE("White space is where the options allow it") {
  const char* const schema = R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}}}})";
  Check({{schema, {R"({"a": [1, 2]})"}, {R"({"a":[1,2]})", R"({ "a": [1, 2]})"}}});
  JsonSchemaOptions options;
  options.spacing = JsonSpacing::kNone;
  Check({{schema, {R"({"a":[1,2]})"}, {R"({"a": [1,2]})"}}}, options);
  options.spacing = JsonSpacing::kFlexible;
  Check({{schema, {R"({"a":[1,2]})", "{\n  \"a\" : [ 1 ,\t2 ]\r\n}"}, {" {}", "{} ", R"({"a":[1 2]})"}}}, options);
}

TEST_CASE("In Python's spelling, texts and names end with the kind of quote that they begin with") {
  JsonSchemaOptions options;
  options.python = true;
  Check({{R"({"type":"object","properties":{"ab":{"type":"integer"}},"maxProperties":2})",
          {"{'é': 1}", "{\"é\": 1}", "{'ab': 1, \"é\": 'x'}"},
          {"{'é\": 1}", "{\"é': 1}", "{'ab\": 1}", "{'é': 'x\"}"}}},
        options);
}

TEST_CASE("What cannot be done is refused by keyword and byte") {
  const auto refuses = [](const char* schema, StatusCode code, uint64_t byte) {
    INFO(std::string(schema));
    const SchemaGrammar grammar(schema);
    CHECK_MESSAGE(grammar.code() == code, grammar.sentence());
    CHECK_MESSAGE(grammar.value() == byte, grammar.sentence());
  };
  refuses(R"({"type":"array","uniqueItems":true})", StatusCode::kUnsupported, 16);
  refuses(R"({"type":"object","unevaluatedProperties":false})", StatusCode::kUnsupported, 17);
  refuses(R"x({"pattern":"a(?=b)"})x", StatusCode::kUnsupported, 15);
  refuses(R"({"$ref":"http://example.com/x"})", StatusCode::kUnsupported, 8);
  refuses(R"({"type":5})", StatusCode::kInvalidArgument, 8);
  refuses(R"({"type":"strin"})", StatusCode::kInvalidArgument, 8);
  refuses(R"({"properties":{"a":3}})", StatusCode::kInvalidArgument, 19);
  refuses(R"({"minLength":-1,"type":"string"})", StatusCode::kInvalidArgument, 13);
  refuses(R"({"a":1)", StatusCode::kInvalidArgument, 6);
  refuses("", StatusCode::kInvalidArgument, 0);
  refuses("false", StatusCode::kInvalidArgument, 0);
  refuses(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})", StatusCode::kInvalidArgument, 0);
}

TEST_CASE("Every text that can be begun can be completed") {
  // Where a limit, a property that there must be and one that cannot be meet, a step too far is seen only later.
  for (const char* schema : {
           R"({"type":"string","maxLength":3})",
           R"({"type":"string","pattern":"^(ab)+$","maxLength":5})",
           R"({"type":"object","properties":{"aa":{"type":"null"},"ab":{"type":"null"},"b":false},"maxProperties":2,)"
           R"("required":["ab"],"additionalProperties":false})",
           R"({"type":"object","properties":{"aa":{"type":"null"}},"required":["aa"],"maxProperties":2,)"
           R"("additionalProperties":{"type":"null"}})",
           R"({"type":"object","patternProperties":{"^(a|b)$":{"type":"null"}},"additionalProperties":false,)"
           R"("maxProperties":1})",
           R"({"type":"array","items":{"allOf":[{"type":"string"},{"type":"null"}]}})",
           R"({"type":"array","items":{"type":"null"},"minItems":2,"maxItems":4})",
           R"({"type":"array","prefixItems":[{"type":"null"},false],"maxItems":5})",
           R"({"type":"number","exclusiveMinimum":9.99,"maximum":10.01})",
           R"({"type":"integer","minimum":95,"maximum":1005,"multipleOf":10})",
           R"({"properties":{"v":{"allOf":[{"pattern":"^a"},{"pattern":"^b"},{"type":"string"}]}},"type":"object"})",
       }) {
    INFO(std::string(schema));
    const SchemaGrammar grammar(schema);
    REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
    std::mt19937 random(1);
    for (int i = 0; i < 60; ++i) CHECK_MESSAGE(grammar.CanBeCompleted(&random, 60), grammar.text());
  }
}

TEST_CASE("Deep, long and endless schemas are refused, or bounded by the memory") {
  const auto repeated = [](const char* text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  for (const std::string& schema :
       {repeated("[", 60000), repeated("{\"not\":", 60000), repeated("{\"allOf\":[", 20000),
        repeated("{\"items\":", 5000) + "{}" + repeated("}", 5000),
        "{\"enum\":[" + repeated("[", 30000) + repeated("]", 30000) + "]}", std::string(R"({"$ref":"#"})"),
        std::string(R"({"anyOf":[{"$ref":"#"},{"$ref":"#"}]})"),
        std::string(R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"})"),
        std::string(R"({"pattern":"^(((a{1,99}){1,99}){1,99}){1,99}$"})"),
        "{\"allOf\":[" + repeated(R"({"anyOf":[{"minimum":1},{"maxLength":2},{"required":["a"]}]},)", 40) + "{}]}"}) {
    CAPTURE(schema.substr(0, 40));
    const SchemaGrammar grammar(schema, {}, 1 << 16);
    CHECK_MESSAGE((grammar.ok() || grammar.sentence().size() > 10), grammar.sentence());
  }
}

}  // namespace
}  // namespace lfm2::test
