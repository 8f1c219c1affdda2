// A device acts on calls: none may name an unknown tool or argument, or leave a range, in any of the forms that models
// write.
#include "lfm2/text/tools_grammar.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/text/call_spelling.h"
#include "tests/text/schema_grammar.h"

namespace lfm2::test {
namespace {

const std::vector<std::string_view> kTools = {
    R"({"name":"set_heating","description":"d","parameters":{"type":"object","properties":{"room":{"type":"string",)"
    R"("enum":["hall","it's"]},"celsius":{"type":"integer","minimum":5,"maximum":30},"note":{"type":"string"},)"
    R"("on":{"type":"boolean"},"from":{"type":["string","null"]},"days":{"type":"array","items":{"type":"integer"}},)"
    R"("more":{"type":"object","properties":{"a b":{"type":"number"}}}},"required":["room"]}})",
    R"({"type":"function","function":{"name":"ping"}})",
    R"({"name":"stop","parameters":{"type":"object","properties":{"all":{"type":"boolean"},"id":{"type":"integer"}},)"
    R"("oneOf":[{"required":["all"]},{"required":["id"]}]}})"};

SchemaGrammar Grammar(const ToolsGrammarOptions& options = {}, const std::vector<std::string_view>& tools = kTools) {
  return SchemaGrammar(1 << 18, [&](GrammarBuilder* builder, GrammarBuilder::Rule* start) {
    return CompileTools(ToolList(tools), options, builder, start);
  });
}

TEST_CASE("Calls name a tool and its arguments, in any order and in quotes of either kind") {
  const SchemaGrammar grammar = Grammar();
  REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
  for (const char* text : {
           "[ping()]",
           "[set_heating(room='hall')]",
           "[set_heating(celsius=17, room=\"it's\"), ping()]",
           "[set_heating(room='it\\'s', on=True, note='a \"b\" \\\\ \\n\xc3\xa9')]",
           "[set_heating(note=\"it's\", on=false, from=None, room=\"hall\")]",
           "[set_heating(room='hall', days=[1, 2], more={'a b': 1.5, \"x\": [None, true, 'y']}, from='x')]",
           "[set_heating(room='hall', more={})]",
           "[stop(all=True)]",
           "[stop(id=3), stop(id=4)]",
       }) {
    CHECK_MESSAGE(grammar.Takes(text), text);
  }
  for (const char* text : {
           "[]",
           "ping()",
           "[ping]",
           "[pong()]",
           "[ping(x=1)]",
           "[set_heating()]",
           "[set_heating(room='attic')]",
           "[set_heating(room='hall', celsius=31)]",
           "[set_heating(room='hall', celsius=4)]",
           "[set_heating(room='hall', celsius='17')]",
           "[set_heating(room='hall', room='hall')]",
           "[set_heating(room='hall', other=1)]",
           "[set_heating('hall')]",
           "[set_heating(room='hall\"]",
           "[set_heating(room='hall', note='a'b')]",
           "[set_heating(room='hall', note='a\n')]",
           "[stop()]",
           "[stop(all=True, id=3)]",
           "[ping(),]",
           " [ping()]",
       }) {
    CHECK_MESSAGE(!grammar.Takes(text), text);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) CHECK_MESSAGE(grammar.CanBeCompleted(&random, 80), grammar.text());
}

TEST_CASE("In double quotes only, a text is in no others") {
  ToolsGrammarOptions options;
  options.single_quotes = false;
  const SchemaGrammar grammar = Grammar(options);
  REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
  for (const char* text : {"[set_heating(room=\"hall\", note=\"it's \\\"so\\\"\")]", "[set_heating(room=\"it's\")]",
                           "[set_heating(room=\"hall\", more={\"a b\": 1.5, \"it\\'s\": 1})]"}) {
    CHECK_MESSAGE(grammar.Takes(text), text);
  }
  for (const char* text : {"[set_heating(room='hall')]", "[set_heating(room=\"hall\", note='x')]",
                           "[set_heating(room=\"hall\", more={'a b': 1.5})]"}) {
    CHECK_MESSAGE(!grammar.Takes(text), text);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) CHECK_MESSAGE(grammar.CanBeCompleted(&random, 80), grammar.text());
}

TEST_CASE("What a chat template writes of a call in the history may be written") {
  const SchemaGrammar grammar = Grammar();
  REQUIRE(grammar.ok());
  for (const ChatQuotes quotes : {ChatQuotes::kEscaped, ChatQuotes::kDouble}) {
    for (const ChatNesting nesting : {ChatNesting::kJson, ChatNesting::kPython}) {
      ChatFormat format;
      format.quotes = quotes;
      format.lists = format.objects = nesting;
      const bool escaped = quotes == ChatQuotes::kEscaped;
      const std::string call =
          std::string(R"({"name":"set_heating","arguments":{"room":"hall","on":true,"from":null,)") +
          (escaped ? R"("note":"it's a \\ and\nmore\t",)" : R"("note":"it's",)") +
          R"("days":[3,1],"more":{"a b":0.5,"c":[null,false,"it's \"so\"","\u00a0"]}}})";
      std::string text = "[";
      const auto append = [&](std::string_view piece) { text += piece; };
      CallSpeller speller(call, format, append);
      REQUIRE(speller.Run().ok());
      text += "]";
      CHECK_MESSAGE(grammar.Takes(text), text);
    }
  }
}

TEST_CASE("Calls in JSON, alone or in a list") {
  ToolsGrammarOptions options;
  options.form = CallForm::kJson;
  const SchemaGrammar grammar = Grammar(options);
  REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
  for (const char* text : {
           R"({"name": "ping", "arguments": {}})",
           R"([{"name": "set_heating", "arguments": {"on": true, "room": "it's"}}, {"name": "ping", "arguments": {}}])",
       }) {
    CHECK_MESSAGE(grammar.Takes(text), text);
  }
  for (const char* text : {
           R"({"name": "ping"})",
           R"({"name": "set_heating", "arguments": {"celsius": 5}})",
           R"({"name": "set_heating", "arguments": {"room": "hall", "other": 5}})",
           R"({"name": "pong", "arguments": {}})",
           R"({"name": "ping", "arguments": {}}, {"name": "ping", "arguments": {}})",
       }) {
    CHECK_MESSAGE(!grammar.Takes(text), text);
  }
}

TEST_CASE("One tool, and one call") {
  ToolsGrammarOptions options;
  options.only = "ping";
  options.parallel = false;
  const SchemaGrammar grammar = Grammar(options);
  REQUIRE(grammar.ok());
  CHECK(grammar.Takes("[ping()]"));
  CHECK(!grammar.Takes("[ping(), ping()]"));
  CHECK(!grammar.Takes("[stop(id=1)]"));
}

TEST_CASE("what is not a tool is refused with its number and byte") {
  const auto refuses = [](const std::vector<std::string_view>& tools, const char* sentence,
                          const ToolsGrammarOptions& options = {}) {
    CHECK(Grammar(options, tools).sentence() == sentence);
  };
  refuses({kTools[0], "{}"}, "invalid argument: tool [1] has no name: byte: 0");
  refuses({kTools[0], R"({"name":1})"}, "invalid argument: tool [1] has no name: byte: 0");
  refuses({R"({"name":"f",})"}, "invalid argument: schema [0] is not well-formed JSON: byte: 12");
  refuses({R"({"name":"f","parameters":{"type":"string"}})"},
          "invalid argument: tool [0] has parameters that no call satisfies: byte: 25");
  refuses({R"({"name":"f","parameters":{"required":["x"],"properties":{"x":false}}})"},
          "invalid argument: tool [0] has parameters that no call satisfies: byte: 25");
  ToolsGrammarOptions options;
  options.only = "other";
  refuses(kTools, "invalid argument: only names none of the tools", options);
}

}  // namespace
}  // namespace lfm2::test
