// Grammars in llama.cpp's notation, as its guide describes it; and hostile ones, which do no harm.
#include <algorithm>
#include <random>

#include "tests/text/compiled_grammar.h"

namespace lfm2::test {
namespace {

TEST_CASE("comments, line ends, escapes, classes and repetitions are read as llama.cpp reads them") {
  const CompiledGrammar json = CompileGbnf(R"(
# JSON, with white space
root   ::= value
value  ::= object | array | string | number | ("true" | "false" |
  # a line end after a bar goes on
  "null") ws
object ::= "{" ws (
    string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)? ws
ws ::= | " " | "\n" [ \t]{0,20})");
  REQUIRE_MESSAGE(json.ok(), json.sentence());
  for (const char* text :
       {"{}", "[]", "[1, -2.5e+7,true]", "{\"a\":[{\"b\": null}]}", "\"\xc3\xa9\\u00e9\\n\"", "{\n\t\t\"a\": 0\n}\n"}) {
    CAPTURE(text);
    CHECK(json.Takes(text));
  }
  for (const char* text : {"", "{", "[1,]", "{\"a\":}", "01", "\"\n\"", "\"\\x\"", "[1] 2", "\"\x7f\"", "tru"}) {
    CAPTURE(text);
    CHECK_FALSE(json.Takes(text));
  }
  const CompiledGrammar deep = CompileGbnf("root ::= \"[\" root? \"]\"");
  CHECK(deep.Takes(std::string(300, '[') + std::string(300, ']')));
  CHECK_FALSE(deep.Takes(std::string(300, '[') + std::string(299, ']')));

  const CompiledGrammar unicode = CompileGbnf("root ::= [\xe3\x81\x81-\xe3\x82\x9f]+ \"\\u00e9\\U0001F600\\x41\" .");
  CHECK(unicode.Takes("\xe3\x81\x82\xe3\x82\x9f\xc3\xa9\xf0\x9f\x98\x80\x41\xf0\x9f\x98\x80"));
  CHECK_FALSE(unicode.Takes("\xe3\x81\x82\xc3\xa9\xf0\x9f\x98\x80\x41\x80"));
  CHECK_FALSE(unicode.Takes("\xe3\x82\xa0\xc3\xa9\xf0\x9f\x98\x80\x41x"));

  // A rule ends with its line.
  const CompiledGrammar lines = CompileGbnf("root ::= a\n  | \"b\" a{ 2 }\r\na ::=\n\"x\"|\n\"y\" # both\n\n");
  CHECK(lines.Takes("x"));
  CHECK(lines.Takes("byx"));
  CHECK_FALSE(lines.Takes("bx"));
  // What is repeated is a whole text.
  CHECK(CompileGbnf("root ::= \"ab\"{2,3}").Takes("abab"));
  CHECK_FALSE(CompileGbnf("root ::= \"ab\"{2,3}").Takes("abb"));
  CHECK(CompileGbnf("root ::= [a-]{0,2} \"\" [^\\]]").Takes("-a["));
  CHECK(CompileGbnf("root ::= \"a\"{0}\"b\"").Takes("b"));
}

TEST_CASE("repetitions that are too many to be written down are counted") {
  const CompiledGrammar letters = CompileGbnf("root ::= [a-z]{3,100000} \".\"");
  CHECK(letters.grammar().size() < 400);
  CHECK(letters.Takes(std::string(3, 'a') + "."));
  CHECK(letters.Takes(std::string(500, 'a') + "."));
  CHECK_FALSE(letters.Takes("aa."));
  const CompiledGrammar items = CompileGbnf("root ::= item{400,401}\nitem ::= \"x\" | \"(\" item \")\"");
  CHECK(items.grammar().size() < 600);
  std::string text;
  for (int i = 0; i < 399; ++i) text += "(x)";
  CHECK_FALSE(items.Takes(text));
  CHECK(items.Takes(text + "x"));
  CHECK(items.Takes(text + "xx"));
  CHECK_FALSE(items.Takes(text + "xxx"));
  const CompiledGrammar huge = CompileGbnf("root ::= ((\"a\"{1000000000}){0,1000000000} \"b\"*)*");
  CHECK_MESSAGE(huge.ok(), huge.sentence());
  CHECK(huge.Takes("bb"));
  // What may be empty may be repeated any number of times.
  const CompiledGrammar empty = CompileGbnf("root ::= (\"a\"? \"b\"?){700,800} \"c\"");
  CHECK(empty.Takes("c"));
  CHECK(empty.Takes("abc"));
}

TEST_CASE("what is wrong with a grammar is said with its byte") {
  const auto refusal = [](std::string_view text) { return CompileGbnf(text).sentence(); };
  CHECK(refusal("") == "invalid argument: grammar has no rule named root");
  CHECK(refusal("a ::= \"x\"") == "invalid argument: grammar has no rule named root");
  CHECK(refusal("root ::= a \"x\"\n") == "invalid argument: grammar calls a rule that is not defined: byte: 9");
  CHECK(refusal("root ::= \"x\"\nroot ::= \"y\"") == "invalid argument: grammar defines a rule twice: byte: 13");
  CHECK(refusal("root ::= (\"x\"") == "invalid argument: grammar has a parenthesis that is not closed: byte: 13");
  CHECK(refusal("root ::= \"x\")") == "invalid argument: grammar has a parenthesis that closes nothing: byte: 13");
  CHECK(refusal("root ::= \"x") == "invalid argument: grammar has a string that is not closed: byte: 11");
  CHECK(refusal("root ::= [x") == "invalid argument: grammar has a class that is not closed: byte: 11");
  CHECK(refusal("root ::= [z-a]") ==
        "invalid argument: grammar has a range whose end is before its beginning: byte: 13");
  CHECK(refusal("root ::= \"\\q\"") == "invalid argument: grammar has an unknown escape: byte: 11");
  CHECK(refusal("root ::= \"\\xg0\"") == "invalid argument: grammar has an escape without its digits: byte: 12");
  CHECK(refusal("root ::= \"\\ud800\"") == "invalid argument: grammar has an escape of an invalid character: byte: 16");
  CHECK(refusal("root ::= *") == "invalid argument: grammar repeats nothing, or twice: byte: 10");
  CHECK(refusal("root ::= \"a\"{2,1}") == "invalid argument: grammar has a maximum below its minimum: byte: 16");
  CHECK(refusal("root ::= \"a\"{x}") == "invalid argument: grammar has { without a number: byte: 13");
  CHECK(refusal("root ::= \"a\"{2") == "invalid argument: grammar has { that is not closed: byte: 14");
  CHECK(refusal("root = \"a\"") == "invalid argument: grammar has a name without ::= after it: byte: 5");
  CHECK(refusal("root ::= \"a\"\n\"b\"") == "invalid argument: grammar needs the name of a rule: byte: 13");
  CHECK(refusal("root ::= $") == "invalid argument: grammar has an unknown symbol: byte: 9");
  CHECK(refusal("root ::= \"\xff\"") == "invalid argument: grammar is not UTF-8: byte: 10");
  CHECK(refusal("root ::= <think> \"a\"") == "unsupported: grammar names a token, which is not supported: byte: 9");
  CHECK(refusal("root ::= !<[7]>") == "unsupported: grammar names a token, which is not supported: byte: 9");
  CHECK(refusal("root ::= \"a\" | a \"b\"\na ::= b? a \"x\" | \"z\"\nb ::= \"y\"") ==
        "invalid argument: grammar has a rule that begins with itself: byte: 21");
  CHECK(refusal("root ::= \"a\" root") == "invalid argument: grammar has a rule that no text can satisfy: byte: 0");
  CHECK(refusal("root ::= \"x\" | (e{2,300} \"y\")\ne ::= | \"(\" e \")\"") ==
        "invalid argument: grammar counts texts of a rule that can be empty: byte: 24");
}

TEST_CASE("hostile grammars are refused, or cost the memory that there is") {
  std::vector<std::string> grammars = {
      "root ::= " + std::string(60000, '(') + "\"a\"" + std::string(60000, ')'),
      "root ::= " + std::string(60000, '(') + "\"a\"?" +
          [] {
            std::string text;
            for (int i = 0; i < 60000; ++i) text += ")*";
            return text;
          }(),
      "root ::= (\"a\"*)*",
      "root ::= \"a\"{1000000000}",
      "root ::= (\"a\" | \"b\")* \"a\" (\"a\" | \"b\"){24}",
      "root ::= " + std::string(10000000, '('),
      "root ::= " + std::string(1000000, '"'),
      "root ::= [" + std::string(1000000, 'a') + "]",
  };
  std::string forward = "root ::= r0\n", random = forward, alike = forward;
  std::vector<int> order(5000);
  for (int i = 0; i < 5000; ++i) order[static_cast<size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  for (int i = 0; i < 5000; ++i) {
    const int at = order[static_cast<size_t>(i)];
    forward += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
    random += "r" + std::to_string(at) + " ::= \"(\" r" + std::to_string(at + 1) + " \")\"\n";
    alike += "r" + std::to_string(at) + " ::= r" + std::to_string(at + 1) + " | \"x\"\n";
  }
  for (std::string* chain : {&forward, &random, &alike}) {
    *chain += "r5000 ::= \"a\"";
    grammars.push_back(*chain);
  }
  for (const std::string& text : grammars) {
    const std::string begin = text.substr(0, 40);
    CAPTURE(begin);
    for (const size_t bytes : {size_t{4096}, size_t{256} << 10, size_t{16} << 20}) {
      const CompiledGrammar compiled = CompileGbnf(text, bytes);
      const bool is_fine = compiled.ok() || compiled.code() == StatusCode::kArenaTooSmall ||
                           compiled.code() == StatusCode::kInvalidArgument;
      CHECK_MESSAGE(is_fine, compiled.sentence());
    }
  }
  CHECK(CompileGbnf(grammars[0], size_t{16} << 20).Takes("a"));
  CHECK(CompileGbnf(forward, size_t{1} << 20).Takes("a"));
  CHECK(CompileGbnf(random, size_t{4} << 20).Takes(std::string(5000, '(') + "a" + std::string(5000, ')')));
  CHECK(CompileGbnf(grammars[4]).sentence() == "arena too small: grammar does not fit the memory: byte: 0");
}

TEST_CASE("a grammar that fits is the same in any memory, and one that does not is refused in any") {
  const std::string text =
      "root ::= \"{\" (pair (\",\" pair)*)? \"}\"\npair ::= name \":\" (root | name | [0-9]{1,300} | item{3,200})\n"
      "name ::= \"'\" [^']* \"'\"\nitem ::= \"<\" item? \">\"";
  const CompiledGrammar large = CompileGbnf(text);
  REQUIRE(large.ok());
  const std::string expected(reinterpret_cast<const char*>(large.grammar().data()), large.grammar().size());
  size_t fits = 0;
  for (size_t bytes = 0; bytes < (size_t{64} << 10); bytes += bytes < 8192 ? 8 : 504) {
    const CompiledGrammar compiled = CompileGbnf(text, bytes);
    if (compiled.ok()) {
      const std::string found(reinterpret_cast<const char*>(compiled.grammar().data()), compiled.grammar().size());
      CHECK(found == expected);
      ++fits;
    } else {
      CHECK(compiled.code() == StatusCode::kArenaTooSmall);
      CHECK(fits == 0);
    }
  }
  CHECK(fits > 50);
}

}  // namespace
}  // namespace lfm2::test
