// Patterns of JSON schemas. Input: a byte for the memory there is, one for the form of strings; a text that the pattern
// is looked for in, up to a byte 0xff; the pattern.
#include "lfm2/text/pattern.h"

#include <string>

#include "tests/fuzz/grammar_check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace pattern {

void Run(std::string_view bytes) {
  Input input(bytes);
  const size_t memory_bytes = size_t{1} << (11 + input.Below(8));
  const uint8_t options = input.Byte();
  const StringForm forms[] = {StringForm::kJson, StringForm::kPython, StringForm::kPlain};
  const StringForm form = forms[options % 3];
  const std::string text(input.Part()), pattern(input.Rest());
  std::vector<uint64_t> memory(memory_bytes / 8);
  GrammarBuilder builder({reinterpret_cast<std::byte*>(memory.data()), memory_bytes});
  const GrammarBuilder::Rule rule = builder.Declare(0);
  builder.Begin(rule);
  const JsonChars chars(pattern, (options & 64) != 0);
  const bool is_found = IsFound(&builder, chars, JsonChars(text, false), 0);
  const bool is_known = builder.ok();
  const GrammarBuilder::Node from = builder.AddNode(), to = builder.AddNode();
  PatternCompiler(&builder, form, 0, (options & 128) != 0).Run(chars, from, to);
  builder.Accept(to);
  builder.End(from);
  Span<const std::byte> compiled;
  const Status status = builder.Finish(rule, &compiled);
  CheckSentence(status);
  if (!status.ok()) return;
  const bool takes = CheckGrammar(compiled, text);
  // The same text where nothing needs an escape.
  const bool is_plain = form == StringForm::kPlain || text.find_first_of("\"\\") == std::string::npos;
  LFM2_HOLDS(!takes || !is_plain || (is_known && is_found));
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* seed : {"\x06\x80"
                           "ab12\xff^[a-z]{2,4}\\d+$",
                           "\x07\x82x,y\xff(^|,)(?:x|[^y])*?($|,)", "\x07\x80\xc3\xa9\xc3\xa9\xff^\\p{L}{1,100}$",
                           "\x06\x01"
                           "a-b\xff^(?<n>\\w+)-\\S{1,3}[\\s\\-x]?$|^$",
                           "\x07\x82\xf0\x9f\x98\x80\xff[\\ud83d\\ude00\\u00e9\\x41\\cA-\\cZ].{0,500}"}) {
    seeds.emplace_back(seed);
  }
  return seeds;
}

std::vector<std::string> Words() {
  return {"^",       "$",    "(",   "(?:",  ")",   "|",   "*",    "+",      "?",      "{2}",
          "{0,300}", "{3,}", "[^",  "]",    "\\d", "\\W", "\\s",  "\\p{L}", "\\P{N}", "\\u00e9",
          "\\b",     "\\1",  "(?=", "(?<!", ".",   "a",   "\xff", "()",     "{0}"};
}

}  // namespace pattern

const Target kPattern = {"pattern", 400, &pattern::Run, &pattern::Seeds, &pattern::Words};

}  // namespace lfm2::fuzz
