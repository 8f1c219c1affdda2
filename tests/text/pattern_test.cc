// A pattern of a schema is a promise about every string that the model writes.
#include "lfm2/text/pattern.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "tests/text/compiled_grammar.h"

namespace lfm2::test {
namespace {

CompiledGrammar Compiled(std::string_view pattern, StringForm form, bool may_call = true, size_t bytes = 1 << 20) {
  return CompiledGrammar(bytes, [&](Span<std::byte> memory, Span<const std::byte>* grammar) {
    GrammarBuilder builder(memory);
    const GrammarBuilder::Rule rule = builder.Declare(0);
    builder.Begin(rule);
    const GrammarBuilder::Node from = builder.AddNode(), to = builder.AddNode();
    PatternCompiler(&builder, form, 100, may_call).Run(JsonChars(pattern, false), from, to);
    builder.Accept(to);
    builder.End(from);
    return builder.Finish(rule, grammar);
  });
}

std::string Utf8(const std::wstring& text) {
  std::string out;
  for (const wchar_t c : text) {
    char bytes[4];
    out.append(bytes, WriteUtf8(static_cast<uint32_t>(c), bytes));
  }
  return out;
}

// Between the quotes of JSON, where only what needs an escape has one.
std::string JsonBody(const std::wstring& text) {
  std::string out;
  for (const wchar_t c : text) {
    if (c == L'"' || c == L'\\') out += '\\';
    if (c >= 0x20) {
      out += Utf8({c});
    } else if (c == L'\n') {
      out += "\\n";
    } else {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    }
  }
  return out;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }

 private:
  std::mt19937 engine_;
};

constexpr wchar_t kAlphabet[] =
    L"ab\"\\\x01\n\u00e9\u20ac\U0001f600"
    L"0";

std::wstring RandomText(Random* random) {
  std::wstring text;
  for (uint32_t i = random->Below(8); i > 0; --i) text += kAlphabet[random->Below(3 + random->Below(8))];
  return text;
}

std::wstring Atom(Random* random) {
  static const std::vector<std::wstring> atoms = {
      L"a",      L"b",          L"\"",    L"\\\\",    L"\\d",    L"\\w",        L"\\D",
      L"[ab]",   L"[^a]",       L".",     L"\u00e9",  L"\u20ac", L"\U0001f600", L"[\u00e9-\u20ac]",
      L"[^\\w]", L"[\\d\\-\"]", L"\\x61", L"\\u00e9", L"\\n",    L"[^\\n\\\\]", L"\\S"};
  return atoms[random->Below(static_cast<uint32_t>(atoms.size()))];
}

std::wstring Pattern(Random* random, int depth) {
  std::wstring out;
  const uint32_t alternatives = 1 + (random->Below(4) == 0 ? 1 : 0);
  for (uint32_t i = 0; i < alternatives; ++i) {
    if (i > 0) out += L'|';
    if (random->Below(4) == 0) out += L'^';
    for (uint32_t k = random->Below(4); k > 0; --k) {
      static const std::vector<std::wstring> groups = {L"(", L"(?:"};
      out += depth > 0 && random->Below(3) == 0 ? groups[random->Below(2)] + Pattern(random, depth - 1) + L")"
                                                : Atom(random);
      static const std::vector<std::wstring> times = {L"*",     L"+",  L"?",      L"{2}", L"{1,}",
                                                      L"{0,2}", L"*?", L"{1,3}?", L"{0}"};
      if (random->Below(3) == 0) out += times[random->Below(static_cast<uint32_t>(times.size()))];
    }
    if (random->Below(4) == 0) out += L'$';
  }
  return out;
}

TEST_CASE("a random pattern is found where std::regex finds it, however the text is written") {
  Random random(20);
  uint32_t found = 0, total = 0;
  for (int i = 0; i < 600; ++i) {
    const std::wstring pattern = Pattern(&random, 2);
    const std::string spelled = Utf8(pattern);
    CAPTURE(spelled);
    const std::wregex oracle(pattern, std::regex::ECMAScript);
    const CompiledGrammar json = Compiled(spelled, StringForm::kJson, i % 2 == 0);
    const CompiledGrammar python = Compiled(spelled, StringForm::kPython);
    const CompiledGrammar plain = Compiled(spelled, StringForm::kPlain);
    for (int k = 0; k < 12; ++k) {
      const std::wstring text = RandomText(&random);
      const std::string shown = JsonBody(text);
      CAPTURE(shown);
      const bool expected = std::regex_search(text, oracle);
      CHECK(json.Takes(shown) == expected);
      CHECK(python.Takes(shown) == expected);
      CHECK(plain.Takes(Utf8(text)) == expected);
      found += expected ? 1 : 0;
      ++total;
    }
  }
  CHECK(found > total / 10);
  CHECK(found < total - total / 10);
}

TEST_CASE("the syntax of ECMA-262 is read, and what is refused is named with its byte") {
  const auto takes = [](std::string_view pattern, std::string_view text) {
    const CompiledGrammar compiled = Compiled(pattern, StringForm::kPlain);
    REQUIRE_MESSAGE(compiled.ok(), compiled.sentence());
    return compiled.Takes(text);
  };
  CHECK(takes("^\\d{3}-\\d{4}$", "555-0199"));
  CHECK_FALSE(takes("^\\d{3}-\\d{4}$", "555-01990"));
  CHECK(takes("(^|[^\\d])42($|[^\\d])", "x42y"));
  CHECK_FALSE(takes("(^|[^\\d])42($|[^\\d])", "142"));
  CHECK(takes("^(?<year>\\d{4})-(?:0[1-9]|1[0-2])$", "2026-11"));
  CHECK(takes("^$|^x$", ""));
  CHECK(takes("a{,2}", "a{,2}"));  // no repetition: it stands for itself
  CHECK(takes("^x{2}{$", "xx{"));
  CHECK(takes("^[\\w.-]+$", "a.b-c"));
  CHECK(takes("^[]x]$|^[^]$", "]"));
  CHECK(Compiled("^[]$", StringForm::kPlain).sentence() ==
        "invalid argument: grammar has a rule that no text can satisfy: byte: 0");
  CHECK(takes("^\\cJ\\0\\v$", std::string_view("\n\0\v", 3)));
  CHECK(takes("^\\ud83d\\ude00\\u{1F600}$", "\U0001f600\U0001f600"));
  CHECK(takes("^\\p{L}\\P{Letter}\\p{N}$", "\u00e9-\u0667"));
  CHECK_FALSE(takes("^.$", "\u2028"));
  CHECK(takes("^\\s$", "\ufeff"));
  CHECK_FALSE(takes("^\\w$", "\u00e9"));

  const auto refusal = [](std::string_view pattern) { return Compiled(pattern, StringForm::kJson).sentence(); };
  CHECK(refusal("ab(?=c)") == "unsupported: pattern has a lookahead, which is not supported: byte: 104");
  CHECK(refusal("(?<!c)") == "unsupported: pattern has a lookbehind, which is not supported: byte: 103");
  CHECK(refusal("(?i)a") == "unsupported: pattern has a group of an unknown kind: byte: 102");
  CHECK(refusal("(a)\\1") == "unsupported: pattern has a back reference, which is not supported: byte: 104");
  CHECK(refusal("\\k<a>") == "unsupported: pattern has a back reference, which is not supported: byte: 102");
  CHECK(refusal("\\bfoo") == "unsupported: pattern has a word boundary, which is not supported: byte: 101");
  CHECK(refusal("\\p{Lu}") == "unsupported: pattern has a property that is not supported: byte: 105");
  CHECK(refusal("\\Z") == "unsupported: pattern has an unknown escape: byte: 102");
  CHECK(refusal("(a") == "invalid argument: pattern has a group that is not closed: byte: 102");
  CHECK(refusal("a)") == "invalid argument: pattern has a parenthesis that closes nothing: byte: 101");
  CHECK(refusal("[a") == "unsupported: pattern has a class that is not closed: byte: 102");
  CHECK(refusal("[b-a]") == "invalid argument: pattern has a range whose end is before its beginning: byte: 104");
  CHECK(refusal("*a") == "invalid argument: pattern repeats nothing: byte: 100");
  CHECK(refusal("^+[a-z]$") == "invalid argument: pattern repeats nothing: byte: 101");
  CHECK(refusal("^{2}times$").rfind("invalid argument: pattern repeats nothing", 0) == 0);
  CHECK(refusal("(|+)").rfind("invalid argument: pattern repeats nothing", 0) == 0);
  CHECK(refusal("(?<=x)*") == "unsupported: pattern has a lookbehind, which is not supported: byte: 103");
  CHECK(refusal("a{2,1}") == "invalid argument: pattern has a maximum below its minimum: byte: 106");
  CHECK(refusal("a\\") == "unsupported: pattern ends with a backslash: byte: 102");
  CHECK(refusal("\xff") == "invalid argument: pattern is not valid text: byte: 100");
}

TEST_CASE("every escape of ECMA-262 that stands for characters is read, and every other one is refused by name") {
  const auto takes = [](std::string_view pattern, std::string_view text) {
    const CompiledGrammar grammar = Compiled(pattern, StringForm::kPlain);
    REQUIRE_MESSAGE(grammar.ok(), grammar.sentence());
    return grammar.Takes(text);
  };
  CHECK(takes("^\\W\\D\\S$", "-x-"));
  CHECK_FALSE(takes("^\\W$", "a"));
  CHECK_FALSE(takes("^\\D$", "1"));
  CHECK_FALSE(takes("^\\S$", " "));
  CHECK(takes("^[\\b]\\t\\f\\r\\n$", "\b\t\f\r\n"));
  CHECK(takes("^\\x41\\u00e9\\u{e9}$", "A\u00e9\u00e9"));
  CHECK(takes("^\\/\\.\\*\\$\\^$", "/.*$^"));
  CHECK(takes("^[\\d-x]+$", "1-x"));
  // Braces that are no repetition stand for themselves.
  CHECK(takes("^a{2$", "a{2"));
  CHECK(takes("^a{2,x}$", "a{2,x}"));
  CHECK(takes("^(?<name>a)(?:b)$", "ab"));
  CHECK(takes("^\\p{Number}\\p{Letter}$", "5z"));
  struct Wrong {
    const char* pattern;
    const char* what;
  };
  const Wrong wrong[] = {
      {"?a", "repeats nothing"},
      {"+a", "repeats nothing"},
      {"{1}a", "repeats nothing"},
      {"a**", "repeats nothing"},
      {"(?!a)", "lookahead"},
      {"(?<=a)b", "lookbehind"},
      {"(?<na", "a group whose name does not end"},
      {"\\B", "word boundary"},
      {"\\01", "octal number"},
      {"\\xg1", "an escape without its digits"},
      {"\\x4", "an escape without its digits"},
      {"\\u00", "an escape without its digits"},
      {"\\u{}", "an escape without its digits"},
      {"\\u{110000}", "an escape of an invalid character"},
      {"\\ud83d\\u00g1", "half of a surrogate pair"},
      {"\\p", "an unknown escape"},
      {"\\p{Script=Greek}", "a property that is not supported"},
      {"\\p{L", "a property that is not supported"},
      {"\\c1", "an unknown escape"},
      {"\\c{", "an unknown escape"},
      {"[\\B]", "an unknown escape"},
      {"[a-\\", "ends with a backslash"},
  };
  for (const Wrong& w : wrong) {
    INFO(std::string(w.pattern));
    const CompiledGrammar refused = Compiled(w.pattern, StringForm::kJson);
    CHECK_FALSE(refused.ok());
    CHECK_MESSAGE(refused.sentence().find(w.what) != std::string::npos, refused.sentence());
  }
  // Half of a surrogate pair is a character of the pattern, and of no text.
  for (const char* pattern : {"\\ud83d", "\\ud83dx", "\\ud83d\\n", "\\ud83d\\u0041", "\\ude00"}) {
    INFO(std::string(pattern));
    CHECK(Compiled(pattern, StringForm::kJson).code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("characters that are counted need little memory, and patterns that explode are refused") {
  const CompiledGrammar counted = Compiled("^.{1,5000}\\p{L}{2,100}!$", StringForm::kJson);
  CHECK(counted.grammar().size() < 20000);
  CHECK(counted.Takes("\\u0001\u20acxyz!"));
  CHECK_FALSE(counted.Takes("xy!"));
  CHECK_FALSE(counted.Takes("xyz"));
  for (const char* pattern : {"^(a|b)*a(a|b){24}$", "((a{1000}){1000}){1000}", "(x+x+)+y{1000000000}", "(((a*)*)*)*"}) {
    for (const size_t bytes : {size_t{2048}, size_t{256} << 10, size_t{4} << 20}) {
      const CompiledGrammar compiled = Compiled(pattern, StringForm::kJson, false, bytes);
      const bool is_fine = compiled.ok() || compiled.code() == StatusCode::kArenaTooSmall;
      CHECK_MESSAGE(is_fine, compiled.sentence());
    }
  }
  const CompiledGrammar deep =
      Compiled(std::string(60000, '(') + "$" + std::string(60000, ')'), StringForm::kJson, true, size_t{16} << 20);
  CHECK_MESSAGE(deep.ok(), deep.sentence());
  const CompiledGrammar open = Compiled(std::string(1000000, '('), StringForm::kJson);
  CHECK(open.code() == StatusCode::kArenaTooSmall);
}

// A grammar of what AnyText makes, at most `most` characters.
CompiledGrammar AnyTextOf(StringForm form, uint32_t most) {
  return CompiledGrammar(1 << 16, [&](Span<std::byte> memory, Span<const std::byte>* grammar) {
    GrammarBuilder builder(memory);
    const GrammarBuilder::Rule rule = builder.Declare(0);
    builder.Begin(rule, 0, most);
    const GrammarBuilder::Node from = builder.AddNode(), to = builder.AddNode();
    AnyText(&builder, from, to, form, GrammarOp::kCount);
    builder.Accept(to);
    builder.End(from);
    return builder.Finish(rule, grammar);
  });
}

TEST_CASE("a string may have any characters in any spelling, and each counts once") {
  const CompiledGrammar json = AnyTextOf(StringForm::kJson, 3), python = AnyTextOf(StringForm::kPython, 3);
  for (const char* text :
       {"", "abc", "\u00e9\u20ac\U0001f600", "\\u00e9\\n\\\\", "\\ud83d\\uDE00\\/\\\"", "\\uFFFFab"}) {
    CAPTURE(text);
    CHECK(json.Takes(text));
  }
  for (const char* text : {"abcd", "\"", "\\", "\n", "\\x41", "\\ud83d", "\\ud83dab", "\\ude00", "\xed\xa0\x80", "\xc3",
                           "\\u00e9\\ud83d\\ude00\\u0041b"}) {
    CAPTURE(text);
    CHECK_FALSE(json.Takes(text));
  }
  CHECK(python.Takes("\\u00e9\\t\\\""));
  CHECK_FALSE(python.Takes("\\/"));
  CHECK(python.Takes("\\x41\\u20ac\t"));
  CHECK_FALSE(python.Takes("\\ud83d\\ude00"));
}

TEST_CASE("values of an enum are kept where the pattern is found in them") {
  std::vector<uint64_t> memory(1 << 13);
  GrammarBuilder builder({reinterpret_cast<std::byte*>(memory.data()), memory.size() * 8});
  const GrammarBuilder::Rule rule = builder.Declare(0);
  builder.Begin(rule);
  const auto is_found = [&](std::string_view pattern, std::string_view text) {
    const bool found = IsFound(&builder, JsonChars(pattern, true), JsonChars(text, true), 0);
    REQUIRE(builder.ok());
    return found;
  };
  CHECK(is_found("^[a-z]+$", "abc"));
  CHECK_FALSE(is_found("^[a-z]+$", "abC"));
  CHECK(is_found("\\\\d", "a\\u0031"));
  CHECK(is_found("^\\\"\\\\u00e9$", "\\\"\u00e9"));
  CHECK_FALSE(is_found("x", "abc"));
  const GrammarBuilder::Node from = builder.AddNode(), to = builder.AddNode();
  builder.Text(from, "abc", to);
  builder.Accept(to);
  builder.End(from);
  Span<const std::byte> grammar;
  REQUIRE(builder.Finish(rule, &grammar).ok());
  CHECK(GrammarInterpreter(grammar).Takes("abc"));
}

}  // namespace
}  // namespace lfm2::test
