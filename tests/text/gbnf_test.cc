// A grammar means its rules, whatever they are compiled to.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/text/compiled_grammar.h"

namespace lfm2::test {
namespace {

// A grammar as a tree, which is printed for the compiler and searched by the oracle.
struct Expression {
  enum class Kind { kText, kClass, kRule, kSequence, kChoice, kRepeat } kind;
  std::string text;     // of kText; of kClass its characters
  std::string spelled;  // as it stands in the grammar
  size_t rule = 0;      // of kRule
  uint32_t least = 0, most = 0;
  std::vector<Expression> parts;
};
constexpr uint32_t kAny = 1000;

struct TestGrammar {
  std::vector<Expression> rules;  // the first is the root

  static std::string Name(size_t rule) { return rule == 0 ? "root" : "rule-" + std::to_string(rule); }
  std::string Print() const {
    std::string out = "# a grammar\n";
    for (size_t i = rules.size(); i-- > 0;) out += Name(i) + " ::= " + Print(rules[i], 0) + "\n";
    return out;
  }
  std::string Print(const Expression& e, int depth) const {
    std::string out;
    switch (e.kind) {
      case Expression::Kind::kText:
      case Expression::Kind::kClass: return e.spelled;
      case Expression::Kind::kRule: return Name(e.rule);
      case Expression::Kind::kSequence:
        for (const Expression& p : e.parts) out += Print(p, depth + 1) + (depth > 0 ? "\n  " : " ");
        return out.empty() ? "\"\"" : depth > 0 ? "(" + out + ")" : out;
      case Expression::Kind::kChoice:
        for (const Expression& p : e.parts) out += (out.empty() ? "" : " |\n ") + Print(p, depth + 1);
        return "(" + out + ")";
      case Expression::Kind::kRepeat: break;
    }
    out = Print(e.parts[0], depth + 1);
    if (e.least == 0 && e.most == kAny) return out + "*";
    if (e.least == 1 && e.most == kAny) return out + "+";
    if (e.least == 0 && e.most == 1) return out + "?";
    if (e.least == e.most) return out + "{" + std::to_string(e.least) + "}";
    return out + "{" + std::to_string(e.least) + "," + (e.most == kAny ? "" : std::to_string(e.most)) + "}";
  }
};

// Whether a text is one of the grammar: which places each rule can reach from each place, until nothing is added.
class Recogniser {
 public:
  Recogniser(const TestGrammar& grammar, const std::string& text) : text_(text) {
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t rule = 0; rule < grammar.rules.size(); ++rule) {
        for (size_t begin = 0; begin <= text.size(); ++begin) {
          std::set<size_t>& known = ends_[{rule, begin}];
          const size_t before = known.size();
          const std::set<size_t> found = Ends(grammar.rules[rule], begin);
          known.insert(found.begin(), found.end());
          changed = changed || known.size() != before;
        }
      }
    }
  }
  bool Takes() { return ends_[{0, 0}].count(text_.size()) > 0; }

 private:
  std::set<size_t> Ends(const Expression& e, size_t begin) {
    std::set<size_t> out;
    switch (e.kind) {
      case Expression::Kind::kText:
        if (text_.compare(begin, e.text.size(), e.text) == 0) out.insert(begin + e.text.size());
        break;
      case Expression::Kind::kClass:
        if (begin < text_.size() && e.text.find(text_[begin]) != std::string::npos) out.insert(begin + 1);
        break;
      case Expression::Kind::kRule: return ends_[{e.rule, begin}];
      case Expression::Kind::kChoice:
        for (const Expression& p : e.parts) {
          for (const size_t end : Ends(p, begin)) out.insert(end);
        }
        break;
      case Expression::Kind::kSequence:
        out = {begin};
        for (const Expression& p : e.parts) out = After(p, out);
        break;
      case Expression::Kind::kRepeat: {
        std::set<size_t> at = {begin};
        // Beyond the length of the text, more is the same again.
        const uint32_t enough = e.least + static_cast<uint32_t>(text_.size()) + 1;
        for (uint32_t i = 0; i <= std::min(e.most, enough); ++i) {
          if (i >= e.least) out.insert(at.begin(), at.end());
          at = After(e.parts[0], at);
        }
        break;
      }
    }
    return out;
  }
  std::set<size_t> After(const Expression& e, const std::set<size_t>& begins) {
    std::set<size_t> out;
    for (const size_t begin : begins) {
      for (const size_t end : Ends(e, begin)) out.insert(end);
    }
    return out;
  }

  std::string text_;
  std::map<std::pair<size_t, size_t>, std::set<size_t>> ends_;
};

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}
  uint32_t Below(size_t n) { return static_cast<uint32_t>(random_() % n); }

  TestGrammar Grammar() {
    TestGrammar g;
    const size_t rules = 1 + Below(4);
    for (size_t i = 0; i < rules; ++i) g.rules.push_back(Make(rules, 3));
    return g;
  }
  Expression Make(size_t rules, int depth) {
    using Kind = Expression::Kind;
    Expression e{};
    const uint32_t choice = Below(depth > 0 ? 10 : 3);
    if (choice == 0) {
      static const std::vector<std::pair<std::string, std::string>> texts = {
          {"a", "\"a\""}, {"b", "\"b\""}, {"ab", "\"ab\""}, {"", "\"\""}, {"\"", "\"\\\"\""}, {"b\n", "\"b\\n\""}};
      const auto& text = texts[Below(texts.size())];
      e.kind = Kind::kText;
      e.text = text.first;
      e.spelled = text.second;
    } else if (choice == 1) {
      static const std::vector<std::pair<std::string, std::string>> classes = {
          {"ab", "[ab]"}, {"abc", "[a-c]"}, {"bc\"\n-", "[^a]"}, {"abc\"\n-", "."}, {"a-", "[a-]"}, {"\"", "[\\x22]"}};
      const auto& text = classes[Below(classes.size())];
      e.kind = Kind::kClass;
      e.text = text.first;
      e.spelled = text.second;
    } else if (choice == 2 || choice == 3) {
      e.kind = Kind::kRule;
      e.rule = Below(rules);
    } else if (choice < 7) {
      e.kind = choice == 6 ? Kind::kChoice : Kind::kSequence;
      for (uint32_t i = choice == 6 ? 2 : Below(4); i > 0; --i) e.parts.push_back(Make(rules, depth - 1));
    } else {
      e.kind = Kind::kRepeat;
      e.parts.push_back(Make(rules, depth - 1));
      static const std::vector<std::pair<uint32_t, uint32_t>> times = {{0, kAny}, {1, kAny}, {0, 1},   {2, 2},
                                                                       {1, 3},    {2, kAny}, {0, 600}, {3, 500}};
      std::tie(e.least, e.most) = times[Below(times.size())];
      if (e.parts[0].kind == Kind::kRepeat) e.parts[0] = Sequence(e.parts[0]);
    }
    return e;
  }
  std::string Text() {
    std::string text;
    for (uint32_t i = Below(7); i > 0; --i) text += "abab\"c\n-"[Below(8)];
    return text;
  }

 private:
  static Expression Sequence(const Expression& e) {
    Expression out{};
    out.kind = Expression::Kind::kSequence;
    out.parts = {e};
    return out;
  }
  std::mt19937 random_;
};

// Whether a rule may be empty, has a text, and can begin with itself.
struct Facts {
  explicit Facts(const TestGrammar& g) : nullable(g.rules.size()), has_text(g.rules.size()) {
    for (size_t round = 0; round <= g.rules.size(); ++round) {
      for (size_t i = 0; i < g.rules.size(); ++i) {
        nullable[i] = Nullable(g.rules[i]);
        has_text[i] = HasText(g.rules[i]);
      }
    }
    std::vector<std::set<size_t>> first(g.rules.size());
    for (size_t i = 0; i < g.rules.size(); ++i) Begins(g.rules[i], &first[i]);
    for (size_t round = 0; round < g.rules.size(); ++round) {
      for (auto& set : first) {
        for (const size_t i : std::set<size_t>(set)) set.insert(first[i].begin(), first[i].end());
      }
    }
    for (size_t i = 0; i < g.rules.size(); ++i) is_left_recursive = is_left_recursive || first[i].count(i) > 0;
  }
  bool Nullable(const Expression& e) const {
    switch (e.kind) {
      case Expression::Kind::kText: return e.text.empty();
      case Expression::Kind::kClass: return false;
      case Expression::Kind::kRule: return nullable[e.rule];
      case Expression::Kind::kRepeat: return e.least == 0 || Nullable(e.parts[0]);
      case Expression::Kind::kSequence: break;
      case Expression::Kind::kChoice: return Nullable(e.parts[0]) || Nullable(e.parts[1]);
    }
    for (const Expression& p : e.parts) {
      if (!Nullable(p)) return false;
    }
    return true;
  }
  bool HasText(const Expression& e) const {
    switch (e.kind) {
      case Expression::Kind::kText:
      case Expression::Kind::kClass: return true;
      case Expression::Kind::kRule: return has_text[e.rule];
      case Expression::Kind::kRepeat: return e.least == 0 || HasText(e.parts[0]);
      case Expression::Kind::kSequence: break;
      case Expression::Kind::kChoice: return HasText(e.parts[0]) || HasText(e.parts[1]);
    }
    for (const Expression& p : e.parts) {
      if (!HasText(p)) return false;
    }
    return true;
  }
  void Begins(const Expression& e, std::set<size_t>* out) const {
    if (e.kind == Expression::Kind::kRule) out->insert(e.rule);
    for (const Expression& p : e.parts) {
      Begins(p, out);
      if (e.kind == Expression::Kind::kSequence && !Nullable(p)) return;
    }
  }

  std::vector<bool> nullable, has_text;
  bool is_left_recursive = false;
};

TEST_CASE("a random grammar takes the texts that its rules derive") {
  Maker maker(7);
  uint32_t compiled_count = 0, taken = 0, left = 0;
  for (int i = 0; i < 1500; ++i) {
    const TestGrammar grammar = maker.Grammar();
    const std::string text = grammar.Print();
    CAPTURE(text);
    const Facts facts(grammar);
    const CompiledGrammar compiled = CompileGbnf(text);
    if (!compiled.ok()) {
      const std::string sentence = compiled.sentence();
      CAPTURE(sentence);
      if (sentence.find("begins with itself") != std::string::npos) {
        CHECK(facts.is_left_recursive);
        ++left;
      } else if (sentence.find("counts texts") != std::string::npos) {
        CHECK(text.find("00}") != std::string::npos);
      } else {
        CHECK(sentence.find("no text can satisfy") != std::string::npos);
        CHECK(!facts.has_text[0]);
      }
      continue;
    }
    CHECK(facts.has_text[0]);
    ++compiled_count;
    for (int k = 0; k < 12; ++k) {
      const std::string candidate = maker.Text();
      CAPTURE(candidate);
      const bool expected = Recogniser(grammar, candidate).Takes();
      CHECK(compiled.Takes(candidate) == expected);
      taken += expected ? 1 : 0;
    }
  }
  CHECK(compiled_count > 500);
  CHECK(left > 100);
  CHECK(taken > 1000);
}

}  // namespace
}  // namespace lfm2::test
