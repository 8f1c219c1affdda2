// Grammars in llama.cpp's notation. Input: a byte for the memory there is; a text to be read by the grammar, up to a
// byte 0xff; the grammar.
#include "lfm2/text/gbnf.h"

#include "tests/fuzz/grammar_check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace gbnf {

void Run(std::string_view bytes) {
  Input input(bytes);
  const size_t memory_bytes = size_t{1} << (10 + input.Below(8));
  const std::string text(input.Part()), grammar(input.Rest());
  std::vector<uint64_t> memory(memory_bytes / 8);
  Span<const std::byte> compiled;
  const Status status =
      GbnfCompiler(grammar, {reinterpret_cast<std::byte*>(memory.data()), memory_bytes}).Run(&compiled);
  CheckSentence(status);
  if (status.ok()) CheckGrammar(compiled, text);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* seed : {
           "\x06{\"a\":[1]}\xffroot ::= \"{\" (pair (\",\" pair)*)? \"}\"\npair ::= \"\\\"\" [^\"]* \"\\\":\" v\n"
           "v ::= root | \"[\" v? \"]\" | [0-9]{1,300}\n",
           "\x06xxy\xffroot ::= ws{0,200} \"y\"\nws ::= | \"x\" ws # comment\n",
           "\x06"
           "abab\xffroot ::= (\"a\" | \"b\")* \"a\" (\"a\" | \"b\"){4}",
           "\x06(())\xffroot ::= (\"(\" root \")\")* .\n",
           "\x06\xc3\xa9\xffroot ::= [\xc3\xa0-\xc3\xbf]+ | \"\\u00e9\\x41\\U0001F600\"{2,}",
           "\x06z\xffroot ::= a \"x\" | \"z\"\na ::= b? a \"y\" | c\nb ::= \"q\"\nc ::= a | \"z\"",
       }) {
    seeds.emplace_back(seed);
  }
  return seeds;
}

std::vector<std::string> Words() {
  return {"root ::= ", "\n",   "a ::= ", " | ",    "(", ")",   "*",      "+",     "?",       "{0,100}", "{3}", "{2,}",
          "\"a\"",     "\"\"", "[a-z]",  "[^\\n]", ".", " a ", " root ", "\\x41", "\\u00e9", "#",       "<t>", "\xff"};
}

}  // namespace gbnf

const Target kGbnf = {"gbnf", 600, &gbnf::Run, &gbnf::Seeds, &gbnf::Words};

}  // namespace lfm2::fuzz
