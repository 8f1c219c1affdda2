// What compilers rely on: the grammar has the texts of its automata, no more records than it needs, and errors stay.
#include "lfm2/text/grammar_builder.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lfm2/text/string_form.h"
#include "tests/text/compiled_grammar.h"

namespace lfm2::test {
namespace {

using Node = GrammarBuilder::Node;
using Rule = GrammarBuilder::Rule;

// A grammar of the first rule, which `build` defines with all others.
template <class Build>
CompiledGrammar Built(Build&& build, size_t bytes = 1 << 20) {
  return CompiledGrammar(bytes, [&](Span<std::byte> memory, Span<const std::byte>* grammar) {
    GrammarBuilder builder(memory);
    const Rule rule = builder.Declare(7);
    build(builder, rule);
    return builder.Finish(rule, grammar);
  });
}

uint32_t CountOf(const CompiledGrammar& compiled, GrammarRecord kind) {
  Grammar grammar;
  REQUIRE(Grammar::Open(compiled.grammar(), &grammar).ok());
  uint32_t count = 0;
  for (uint32_t at = 1; at < grammar.word_count(); at += grammar.Size(at)) count += grammar.Kind(at) == kind ? 1 : 0;
  return count;
}
uint32_t FlagsOfStart(const CompiledGrammar& compiled) {
  Grammar grammar;
  REQUIRE(Grammar::Open(compiled.grammar(), &grammar).ok());
  return grammar[grammar[grammar.start_rule() + 1] + 1] >> 24;
}

TEST_CASE("characters of any range are their UTF-8, and nothing else") {
  std::mt19937 random(5);
  const uint32_t ends[] = {0,      0x7f,   0x80,   0x7ff,   0x800,   0xfff,   0x1000,
                           0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000, 0x10ffff};
  for (int i = 0; i < 60; ++i) {
    uint32_t low = ends[random() % 14], high = ends[random() % 14];
    if (i % 3 == 0) low = static_cast<uint32_t>(random() % 0x110000);
    if (i % 3 == 1) high = static_cast<uint32_t>(random() % 0x110000);
    if (low > high) std::swap(low, high);
    CAPTURE(low);
    CAPTURE(high);
    const CompiledGrammar compiled = Built([&](GrammarBuilder& b, Rule rule) {
      b.Begin(rule);
      const Node from = b.AddNode(), to = b.AddNode();
      b.Characters(from, low, high, to);
      b.Accept(to);
      b.End(from);
    });
    if (!compiled.ok()) {
      CHECK(low >= 0xd800);
      CHECK(high <= 0xdfff);
      continue;
    }
    const auto check = [&](uint32_t c) {
      if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return;
      char bytes[4];
      const size_t size = WriteUtf8(c, bytes);
      CHECK(compiled.Takes({bytes, size}) == (c >= low && c <= high));
      CHECK_FALSE(compiled.Takes({bytes, size - 1}));
    };
    for (const uint32_t c : ends) check(c);
    for (const uint32_t c : {low - 1, low, low + 1, high - 1, high, high + 1}) check(c);
    for (int k = 0; k < 30; ++k) check(static_cast<uint32_t>(random() % 0x110000));
    CHECK_FALSE(compiled.Takes("\xed\xa0\x80"));
    CHECK_FALSE(compiled.Takes("\xc0\x80"));
    CHECK_FALSE(compiled.Takes("\xf4\x90\x80\x80"));
  }
}

// An automaton over "ab", as a table of edges, that is asked directly.
struct Table {
  std::vector<std::set<size_t>> by[3];  // 'a', 'b', nothing
  std::vector<bool> accepts;
  Table(std::mt19937* random, size_t size) : accepts(size) {
    for (auto& edges : by) {
      edges.resize(size);
      for (size_t i = 0; i < size; ++i) edges[i].insert((*random)() % size);
      for (size_t i = 0; i < size; ++i) edges[(*random)() % size].insert((*random)() % size);
    }
    for (size_t i = 0; i < size; ++i) by[2][i].erase(i % 2 == 0 ? *by[2][i].begin() : size);
    accepts[(*random)() % size] = true;
  }
  std::set<size_t> Closed(std::set<size_t> set) const {
    for (size_t before = 0; before != set.size();) {
      before = set.size();
      for (const size_t i : std::set<size_t>(set)) set.insert(by[2][i].begin(), by[2][i].end());
    }
    return set;
  }
  bool Takes(const std::string& text) const {
    std::set<size_t> now = Closed({0});
    for (const char c : text) {
      std::set<size_t> next;
      for (const size_t i : now) next.insert(by[c - 'a'][i].begin(), by[c - 'a'][i].end());
      now = Closed(next);
    }
    return std::any_of(now.begin(), now.end(), [&](size_t i) { return accepts[i]; });
  }
  Node Add(GrammarBuilder* b) const {
    std::vector<Node> nodes;
    for (size_t i = 0; i < accepts.size(); ++i) nodes.push_back(b->AddNode());
    for (size_t i = 0; i < accepts.size(); ++i) {
      for (const size_t to : by[0][i]) b->Bytes(nodes[i], 'a', 'a', nodes[to]);
      for (const size_t to : by[1][i]) b->Bytes(nodes[i], 'b', 'b', nodes[to]);
      for (const size_t to : by[2][i]) b->Empty(nodes[i], nodes[to]);
      if (accepts[i]) b->Accept(nodes[i]);
    }
    return nodes[0];
  }
};

TEST_CASE("a rule of several automata has the texts that the first and the second have and the third does not") {
  std::mt19937 random(11);
  uint32_t taken = 0;
  for (int i = 0; i < 300; ++i) {
    const Table first(&random, 2 + random() % 6), second(&random, 2 + random() % 6), third(&random, 2 + random() % 6);
    const uint32_t count = static_cast<uint32_t>(1 + random() % 3);
    bool empty = false;
    const bool drop_empty = random() % 4 == 0;
    const CompiledGrammar compiled = Built([&](GrammarBuilder& b, Rule rule) {
      b.Begin(rule);
      Node starts[3] = {first.Add(&b)};
      if (count > 1) b.And();
      if (count > 1) starts[1] = second.Add(&b);
      if (count > 2) b.And(true);
      if (count > 2) starts[2] = third.Add(&b);
      empty = b.End(starts, count, drop_empty);
    });
    bool any = false;
    for (uint32_t bits = 1; bits < 128; ++bits) {
      std::string text;
      for (uint32_t k = bits; k > 1; k >>= 1) text += static_cast<char>('a' + (k & 1));
      const bool expected = first.Takes(text) && (count < 2 || second.Takes(text)) && (count < 3 || !third.Takes(text));
      if (bits == 1) CHECK(empty == expected);
      const bool kept = expected && (bits > 1 || !drop_empty);
      CHECK(compiled.Takes(text) == kept);
      any = any || kept;
      taken += kept ? 1 : 0;
    }
    if (!compiled.ok()) {
      CHECK_FALSE(any);
      CHECK(compiled.sentence() == "invalid argument: grammar has a rule that no text can satisfy: byte: 7");
    }
  }
  CHECK(taken > 3000);
}

TEST_CASE("copies of nodes have their edges, and nested definitions do not disturb each other") {
  const CompiledGrammar compiled = Built([](GrammarBuilder& b, Rule rule) {
    const Rule inner = b.Declare(8);
    b.Begin(rule);
    const Node from = b.AddNode(), first = b.next_node(), one = b.AddNode(), two = b.AddNode();
    b.Text(one, "xy", two);
    b.Bytes(one, 'z', 'z', two);
    const Node end = b.next_node();
    uint32_t* const table = b.Allocate<uint32_t>(100);  // scratch stays where it is
    REQUIRE(table != nullptr);
    table[0] = table[99] = 4711;
    b.Begin(inner, 2, 3);
    const Node loop = b.AddNode();
    b.Bytes(loop, '0', '9', loop, GrammarOp::kCount);
    b.Accept(loop, true);
    b.End(loop);
    const Node copy = b.Copy(first, end), to = b.AddNode();
    b.Empty(from, one);
    b.Call(two, inner, copy + (one - first));
    b.Empty(copy + (two - first), to);
    b.Accept(to);
    b.End(from);
    CHECK(table[0] == 4711);
    CHECK(table[99] == 4711);
  });
  REQUIRE_MESSAGE(compiled.ok(), compiled.sentence());
  CHECK(compiled.Takes("xy12z"));
  CHECK(compiled.Takes("z123xy"));
  CHECK_FALSE(compiled.Takes("z1xy"));
  CHECK_FALSE(compiled.Takes("z1234z"));
  CHECK_FALSE(compiled.Takes("xy12"));
}

TEST_CASE("rules that the start does not reach, and rules without texts, are not part of the grammar") {
  const auto with_rubbish = [](bool rubbish) {
    return Built([&](GrammarBuilder& b, Rule rule) {
      if (rubbish) {
        const Rule unused = b.Declare(9);
        b.Begin(unused);
        const Node from = b.AddNode();
        b.Text(from, "unused", from);
        b.Accept(from);
        b.End(from);
      }
      const Rule endless = rubbish ? b.Declare(10) : 0;
      if (rubbish) {
        b.Begin(endless);
        const Node from = b.AddNode(), to = b.AddNode(), end = b.AddNode();
        b.Text(from, "(", to);
        b.Call(to, endless, end);
        b.Accept(end);
        b.End(from);
      }
      b.Begin(rule);
      const Node from = b.AddNode(), middle = b.AddNode(), to = b.AddNode();
      b.Text(from, "abc", to);
      if (rubbish) b.Text(from, "xyz", middle);
      if (rubbish) b.Call(middle, endless, to);
      b.Accept(to);
      b.End(from);
    });
  };
  const CompiledGrammar small = with_rubbish(false), large = with_rubbish(true);
  REQUIRE(small.ok());
  REQUIRE(large.ok());
  CHECK(large.Takes("abc"));
  CHECK_FALSE(large.Takes("xyz"));
  CHECK(CountOf(large, GrammarRecord::kRule) == 1);
  CHECK(CountOf(small, GrammarRecord::kLiteral) == 1);
  CHECK(CountOf(small, GrammarRecord::kState) == 1);
}

TEST_CASE("a text with any continuation is marked as such, for masks") {
  const auto flags = [](auto&& loop) {
    return FlagsOfStart(Built([&](GrammarBuilder& b, Rule rule) {
      b.Begin(rule, 0, 10);
      const Node from = b.AddNode(), to = b.AddNode();
      b.Bytes(from, '"', '"', to);
      loop(b, from);
      b.Accept(to);
      b.End(from);
    }));
  };
  constexpr GrammarOp kNone = GrammarOp::kNone, kCount = GrammarOp::kCount;
  CHECK(flags([](GrammarBuilder& b, Node n) { AnyText(&b, n, n, StringForm::kJson); }) == kStateIsText);
  CHECK(flags([](GrammarBuilder& b, Node n) { AddCharacter(&b, n, 0, 0x10ffff, n, StringForm::kJson, kCount); }) ==
        kStateIsText);
  CHECK(flags([](GrammarBuilder& b, Node n) { b.Characters(n, 0, '!', n), b.Characters(n, '#', 0x10ffff, n); }) ==
        (kStateIsText | kStateTakesControl));
  // One character is missing, or does something else.
  for (const uint32_t c : {0x20u, 0x41u, 0x7fu, 0x80u, 0x7ffu, 0x20acu, 0xe000u, 0x10ffffu}) {
    CAPTURE(c);
    CHECK((flags([&](GrammarBuilder& b, Node n) {
             if (c > 0x20) AddCharacter(&b, n, 0x20, c - 1, n, StringForm::kJson, kNone);
             if (c < 0x10ffff) AddCharacter(&b, n, c + 1, 0x10ffff, n, StringForm::kJson, kNone);
           }) &
           kStateIsText) == 0);
    CHECK((flags([&](GrammarBuilder& b, Node n) {
             if (c > 0x20) AddCharacter(&b, n, 0x20, c - 1, n, StringForm::kJson, kNone);
             AddCharacter(&b, n, c, c, n, StringForm::kJson, kCount);
             if (c < 0x10ffff) AddCharacter(&b, n, c + 1, 0x10ffff, n, StringForm::kJson, kNone);
           }) &
           kStateIsText) == 0);
  }
}

TEST_CASE("a compiler's mistakes and a small memory are errors that stay") {
  const auto sentence = [](auto&& build) { return Built(build).sentence(); };
  CHECK(sentence([](GrammarBuilder&, Rule) {}) == "invalid argument: grammar has a rule that is not defined: byte: 7");
  const std::string wrong = "called at the wrong time: grammar builder: is used incorrectly: byte: 7";
  CHECK(sentence([](GrammarBuilder& b, Rule) { b.AddNode(); }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) { b.Begin(rule); }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) { b.Begin(rule + 1); }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) { b.Begin(rule), b.Empty(b.AddNode(), 1000); }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) { b.Begin(rule), b.Call(b.AddNode(), rule + 3, 1); }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) { b.Begin(rule), b.End(Node{0}); }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) {
          b.Begin(rule);
          const Node first = b.AddNode();
          b.And();
          const Node starts[] = {first, first};
          b.End(starts, 2);
        }) == wrong);
  CHECK(sentence([](GrammarBuilder& b, Rule rule) {
          b.Begin(rule);
          const Node node = b.AddNode();
          b.Call(node, rule, node);
          b.Accept(node);
          b.End(node);
        }) == "invalid argument: grammar has a rule that begins with itself: byte: 7");
  CHECK(sentence([](GrammarBuilder& b, Rule) {
          b.Fail(Status(StatusCode::kUnsupported, "schema", "is odd: byte", 3));
          b.Fail(Status(StatusCode::kCorrupt, "later", "does not count"));
        }) == "unsupported: schema is odd: byte: 3");
  alignas(8) std::byte memory[64];
  GrammarBuilder odd({memory + 1, 56});
  CHECK(odd.Declare(0) == 0);
  CHECK(odd.status().code() == StatusCode::kInvalidArgument);
  GrammarBuilder none({memory, 0});
  CHECK(none.Declare(0) == 0);
  CHECK(none.Allocate<uint32_t>(UINT64_MAX) == nullptr);
  CHECK(none.status().code() == StatusCode::kArenaTooSmall);
}

}  // namespace
}  // namespace lfm2::test
