// JSON schemas, and tools with them. Input: a byte for the memory there is; one for how values are written; a text to
// be read by the grammar, up to a byte 0xff; the schema or the tool.
#include "lfm2/text/json_schema.h"

#include "lfm2/text/tools_grammar.h"
#include "tests/fuzz/grammar_check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace json_schema {

// A text that can be begun can be completed: where it may not end, some byte may come.
void Follow(Span<const std::byte> bytes, std::string_view text) {
  OpenedThreads opened(bytes);
  grammar_internal::Threads& threads = opened.threads;
  auto list = opened.list;
  for (const char c : text) {
    bool goes_on = threads.MayEnd(list);
    for (uint32_t byte = 0; byte < 256 && !goes_on; ++byte) {
      goes_on = !grammar_internal::Threads::IsEmpty(threads.Step(list, static_cast<uint8_t>(byte)));
    }
    if (threads.overflowed()) return;
    LFM2_HOLDS(goes_on);
    list = threads.Step(list, static_cast<uint8_t>(c));
    if (threads.overflowed() || grammar_internal::Threads::IsEmpty(list)) return;
  }
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const size_t memory_bytes = size_t{1} << (10 + input.Below(8));
  const uint32_t how = input.Below(16);
  const std::string text(input.Part()), source(input.Rest());
  std::vector<uint64_t> memory(memory_bytes / 8);
  GrammarBuilder builder({reinterpret_cast<std::byte*>(memory.data()), memory_bytes});
  GrammarBuilder::Rule start = 0;
  Status status;
  if ((how & 8) != 0) {
    const std::string_view tools[] = {source};
    ToolsGrammarOptions options;
    options.parallel = (how & 1) != 0;
    options.form = (how & 2) != 0 ? CallForm::kJson : CallForm::kPython;
    status = CompileTools(ToolList(tools, 1), options, &builder, &start);
  } else {
    JsonSchemaOptions options;
    options.spacing = static_cast<JsonSpacing>(how % 3);
    options.python = (how & 4) != 0;
    status = CompileJsonSchema(source, options, &builder, &start);
  }
  CheckSentence(status);
  if (!status.ok()) return;
  Span<const std::byte> grammar;
  status = builder.Finish(start, &grammar);
  CheckSentence(status);
  if (status.ok()) Follow(grammar, text);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* seed : {
           "\x07\x01{\"ab\": 1, \"x\": "
           "[]}\xff{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":3},"
           "\"ab\":{\"type\":\"integer\",\"minimum\":-5,\"exclusiveMaximum\":1e2}},\"required\":[\"ab\"],"
           "\"maxProperties\":3}",
           "\x07\x05[1, \"b\"]\xff{\"$defs\":{\"t\":{\"type\":[\"array\",\"null\"],\"items\":{\"$ref\":\"#/$defs/t\"},"
           "\"minItems\":1,\"maxItems\":4}},\"anyOf\":[{\"$ref\":\"#/$defs/t\"},{\"enum\":[1,\"b\",[2,{}],null]}]}",
           "\x07\x01\"2024-02-29\"\xff{\"type\":\"string\",\"format\":\"date\",\"not\":{\"pattern\":\"0$\"},"
           "\"minLength\":2}",
           "\x07\x01{\"k1\": "
           "2.5}\xff{\"patternProperties\":{\"^k\":{\"multipleOf\":0.5},\"1$\":{\"not\":{\"const\":3}}},"
           "\"additionalProperties\":{\"type\":\"boolean\"},\"propertyNames\":{\"maxLength\":9},\"minProperties\":1}",
           "\x07\x01{}\xff{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}],\"if\":{\"properties\":{\"c\":{"
           "\"const\":1}}},"
           "\"then\":{\"required\":[\"d\"]},\"dependencies\":{\"a\":[\"c\"],\"b\":{\"maxProperties\":2}},\"type\":"
           "\"object\"}",
           "\x07\x0b[f(a=1, "
           "b='x')]\xff{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
           "\"number\",\"multipleOf\":7},\"b\":{\"enum\":[\"x\",true]},\"c\":{\"prefixItems\":[{},{}],\"items\":false}}"
           "}}",
       }) {
    seeds.emplace_back(seed);
  }
  return seeds;
}

std::vector<std::string> Words() {
  std::vector<std::string> words = {
      "\xff",      "{}",          "[]",         "true",          "false",   "null",       "1e9",
      "-0.5",      "\"#\"",       "\"a\"",      "\\u00e9",       "\"#/x\"", "\"string\"", "\"object\"",
      "\"array\"", "\"integer\"", "\"number\"", "\"date-time\"", "\"uri\"", "\"^a+$\""};
  for (const std::string_view word : schema_internal::kWordTexts) {
    if (!word.empty()) words.push_back('"' + std::string(word) + "\":");
  }
  return words;
}

}  // namespace json_schema

const Target kJsonSchema = {"json_schema", 900, &json_schema::Run, &json_schema::Seeds, &json_schema::Words};

}  // namespace lfm2::fuzz
