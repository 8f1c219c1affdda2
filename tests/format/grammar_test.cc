// Opening a compiled grammar: any bytes give a Status that names what is wrong, or a grammar that a matcher cannot
// leave.
#include "lfm2/format/grammar.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace lfm2::test {
namespace {

constexpr uint32_t Op(GrammarOp op) { return static_cast<uint32_t>(op); }
constexpr uint32_t Edge(char low, char high, GrammarOp op) {
  return static_cast<uint32_t>(low) | static_cast<uint32_t>(high) << 8 | Op(op) << 16;
}

// Words of a grammar, put together by hand (docs/format-grammar.md).
struct GrammarWords {
  std::vector<uint32_t> words{0};
  std::vector<bool> begins{false};
  uint32_t start = 0;

  uint32_t Add(GrammarRecord kind, const std::vector<uint32_t>& rest) {
    const uint32_t at = static_cast<uint32_t>(words.size());
    words.push_back(static_cast<uint32_t>(kind) | static_cast<uint32_t>(rest.size() + 1) << 8);
    words.insert(words.end(), rest.begin(), rest.end());
    begins.push_back(true);
    begins.resize(words.size(), false);
    return at;
  }
  uint32_t AddRule() { return Add(GrammarRecord::kRule, std::vector<uint32_t>(kRuleWords - 1)); }

  // With sizes and a CRC that are right.
  std::string Bytes() const {
    std::vector<uint32_t> bits(DivideUp<size_t>(words.size(), 32));
    for (size_t i = 0; i < begins.size(); ++i) bits[i / 32] |= begins[i] ? 1u << (i % 32) : 0u;
    GrammarHeader h{};
    std::memcpy(h.magic, kGrammarMagic, sizeof(h.magic));
    h.version = kGrammarVersion;
    h.header_bytes = sizeof(h);
    h.total_bytes = static_cast<uint32_t>(sizeof(h) + 4 * (words.size() + bits.size()));
    h.word_count = static_cast<uint32_t>(words.size());
    h.start_rule = start;
    std::string bytes(reinterpret_cast<const char*>(&h), sizeof(h));
    bytes.append(reinterpret_cast<const char*>(words.data()), 4 * words.size());
    bytes.append(reinterpret_cast<const char*>(bits.data()), 4 * bits.size());
    return bytes;
  }
};

// A grammar with every kind of record and operation. It has no meaning.
struct SampleGrammar : GrammarWords {
  uint32_t any_order, in_order, first, second, plain;                 // objects, and rules with and without them
  uint32_t end, keys, counts, ordered;                                // states
  uint32_t literal, argument, range, ordered_argument, last_literal;  // and what they refer to

  SampleGrammar() {
    // A state before its rule, and before the object of the rule.
    end = Add(GrammarRecord::kState, {(kStateEnds | kStateOnlyEnds) << 24, 0});
    any_order = Add(GrammarRecord::kObject, {3, kObjectTakesOthers, 1, 3, 5, 0});
    in_order = Add(GrammarRecord::kObject, {2, kObjectInOrder, 0, 2, 1u << 31 | 1, 0, 1, 0});
    first = AddRule();
    second = AddRule();
    plain = AddRule();
    literal = Add(GrammarRecord::kLiteral, {end, 5, 0x6c6c6568, 0x6f});
    argument = Add(GrammarRecord::kArgument, {2, literal});
    range = Add(GrammarRecord::kArgument, {0 | 3u << 15 | kKeysOrOther, end});
    keys = Add(GrammarRecord::kState,
               {6 | 1u << 12, first, Edge('a', 'b', GrammarOp::kNone), end, Edge('c', 'c', GrammarOp::kKey), argument,
                Edge('d', 'd', GrammarOp::kOther), literal, Edge('e', 'e', GrammarOp::kKeys), range,
                Edge('f', 'f', GrammarOp::kComma), end, Edge('g', 'g', GrammarOp::kClose), end,
                second | Op(GrammarOp::kEnough) << 24, end});
    ordered_argument = Add(GrammarRecord::kArgument, {1, literal});
    ordered = Add(GrammarRecord::kState, {1, second, Edge('x', 'z', GrammarOp::kKey), ordered_argument});
    counts =
        Add(GrammarRecord::kState, {1 | 1u << 12 | kStateEndsIfEnough << 24, plain, Edge('n', 'n', GrammarOp::kCount),
                                    end, plain | Op(GrammarOp::kMore) << 24, end});
    last_literal = Add(GrammarRecord::kLiteral, {literal, 4, 0x64636261});
    SetRule(first, keys, any_order);
    SetRule(second, ordered, in_order);
    SetRule(plain, counts, 0);
    words[end + 2] = first;
    start = first;
  }

 private:
  void SetRule(uint32_t rule, uint32_t begin, uint32_t object) {
    words[rule + 1] = begin;
    words[rule + 3] = 7;
    words[rule + 4] = object;
  }
};

// Opens a copy that is aligned as told and exactly as long, with the CRC corrected unless told otherwise.
Status OpenCopy(std::string bytes, bool fix_crc = true, size_t shift = 0) {
  if (fix_crc && bytes.size() >= sizeof(GrammarHeader)) {
    GrammarHeader h;
    std::memcpy(&h, bytes.data(), sizeof(h));
    const size_t size = Min<size_t>(bytes.size(), h.total_bytes);
    std::memset(&bytes[offsetof(GrammarHeader, crc)], 0, 4);
    const uint32_t crc = Crc32c(0, bytes.data(), size);
    std::memcpy(&bytes[offsetof(GrammarHeader, crc)], &crc, 4);
  }
  std::vector<uint32_t> memory(bytes.size() / 4 + 2);
  std::byte* const at = reinterpret_cast<std::byte*>(memory.data()) + shift;
  std::memcpy(at, bytes.data(), bytes.size());
  Grammar grammar;
  const Status status = Grammar::Open({at, bytes.size()}, &grammar);
  CHECK(grammar.is_open() == status.ok());
  return status;
}

std::string SentenceFor(const Status& status) {
  char text[256];
  return std::string(text, status.Format(text, sizeof(text)));
}

// The refusal of the sample with another header word.
std::string WithHeader(size_t offset, uint32_t value) {
  std::string bytes = SampleGrammar().Bytes();
  std::memcpy(&bytes[offset], &value, sizeof(value));
  return SentenceFor(OpenCopy(bytes));
}

// The refusal of the sample with another word.
std::string WithWord(uint32_t at, uint32_t value) {
  SampleGrammar g;
  REQUIRE(g.words[at] != value);
  g.words[at] = value;
  return SentenceFor(OpenCopy(g.Bytes()));
}

void CheckContradicts(uint32_t record, uint32_t word, uint32_t value) {
  CAPTURE(word);
  CAPTURE(value);
  const std::string want =
      "corrupt: grammar has a record that contradicts itself: word: " + std::to_string(record) + ",";
  CHECK(WithWord(record + word, value).find(want) == 0);
}

// The sample followed by one more record.
std::string WithRecord(GrammarRecord kind, const std::vector<uint32_t>& rest) {
  SampleGrammar g;
  g.Add(kind, rest);
  return SentenceFor(OpenCopy(g.Bytes()));
}

constexpr char kContradicts[] = "corrupt: grammar has a record that contradicts itself";

}  // namespace

TEST_CASE("a grammar with every kind of record opens, and is read back word by word") {
  const SampleGrammar g;
  const std::string bytes = g.Bytes();
  CHECK(OpenCopy(bytes).ok());
  CHECK(OpenCopy(bytes + std::string(7, 'x')).ok());  // what follows is ignored
  Grammar closed;
  CHECK((!closed.is_open() && closed.word_count() == 0));
  std::string fixed = bytes;
  const uint32_t crc = Crc32c(0, bytes.data(), bytes.size());
  std::memcpy(&fixed[offsetof(GrammarHeader, crc)], &crc, 4);
  std::vector<uint32_t> memory(fixed.size() / 4);
  std::memcpy(memory.data(), fixed.data(), fixed.size());
  Grammar grammar;
  REQUIRE(Grammar::Open({reinterpret_cast<const std::byte*>(memory.data()), fixed.size()}, &grammar).ok());
  CHECK(grammar.start_rule() == g.first);
  REQUIRE(grammar.word_count() == g.words.size());
  for (uint32_t i = 0; i < grammar.word_count(); ++i) CHECK(grammar[i] == g.words[i]);
  CHECK(grammar.Kind(g.literal) == GrammarRecord::kLiteral);
  CHECK(grammar.Size(g.literal) == 5);
}

TEST_CASE("a header that does not match its grammar is refused, naming what is wrong") {
  const std::string bytes = SampleGrammar().Bytes();
  Grammar grammar;
  CHECK(Grammar::Open({}, &grammar).code() == StatusCode::kCorrupt);
  for (size_t size = 0; size < bytes.size(); ++size)
    REQUIRE(OpenCopy(bytes.substr(0, size)).code() == StatusCode::kCorrupt);
  for (const size_t shift : {size_t{1}, size_t{2}, size_t{3}}) {
    CHECK(OpenCopy(bytes, true, shift).code() == StatusCode::kInvalidArgument);
  }
  CHECK(SentenceFor(OpenCopy(bytes, false)).find("corrupt: grammar has the wrong CRC-32C: ") == 0);
  CHECK(WithHeader(0, 0) == "corrupt: grammar.magic is not LFM2GRA");
  CHECK(WithHeader(offsetof(GrammarHeader, version), 2) ==
        "unsupported: grammar.version is not supported (compile the grammar again): 2, expected 1");
  CHECK(WithHeader(offsetof(GrammarHeader, header_bytes), 36) ==
        "corrupt: grammar has a header of the wrong size: 36, expected 32");
  for (const uint32_t count : {0u, kMaxGrammarWords + 1}) {
    CHECK(WithHeader(offsetof(GrammarHeader, word_count), count).find("corrupt: grammar has no words or too many: ") ==
          0);
  }
  CHECK(WithHeader(offsetof(GrammarHeader, total_bytes), static_cast<uint32_t>(bytes.size()) + 4)
            .find("corrupt: grammar has a size that does not match its words: ") == 0);
  const SampleGrammar g;
  for (const uint32_t start : {0u, 2u, g.end, static_cast<uint32_t>(g.words.size()), UINT32_MAX}) {
    CHECK(WithHeader(offsetof(GrammarHeader, start_rule), start).find("corrupt: grammar does not begin with a rule") ==
          0);
  }
}

TEST_CASE("records that do not follow one another are refused") {
  SampleGrammar g;
  CHECK(WithWord(0, 1).find("corrupt: grammar does not begin with a word that is 0") == 0);
  g.begins[0] = true;
  CHECK(SentenceFor(OpenCopy(g.Bytes())).find("corrupt: grammar does not begin with a word that is 0") == 0);
  for (const uint32_t kind : {0u, 6u, 255u}) {
    CHECK(WithWord(g.literal, kind | 5u << 8).find("corrupt: grammar has a record of an unknown kind: word: ") == 0);
  }
  for (const uint32_t size : {0u, 1u, 2u, 0xffffffu}) {
    const uint32_t word = static_cast<uint32_t>(GrammarRecord::kLiteral) | size << 8;
    CHECK(WithWord(g.literal, word).find("corrupt: grammar has a record of a wrong size: word: ") == 0);
  }
  for (const uint32_t at : {g.literal, g.literal + 1, g.last_literal + 3}) {
    SampleGrammar changed;
    changed.begins[at] = !changed.begins[at];
    const std::string want = "corrupt: grammar has a record that begins elsewhere: word: " + std::to_string(at) + ",";
    CHECK(SentenceFor(OpenCopy(changed.Bytes())).find(want) == 0);
  }
}

TEST_CASE("rules, literals, arguments and objects that contradict themselves are refused") {
  const SampleGrammar g;
  const uint32_t beyond = static_cast<uint32_t>(g.words.size());
  for (const uint32_t place : {0u, g.end + 1, g.first, g.any_order, g.argument, beyond, UINT32_MAX}) {
    CheckContradicts(g.plain, 1, place);
    CheckContradicts(g.literal, 1, place);
    CheckContradicts(g.range, 2, place);
  }
  CheckContradicts(g.plain, 2, 8);
  for (const uint32_t object : {g.first, g.any_order + 1, beyond}) CheckContradicts(g.plain, 4, object);
  for (const uint32_t bytes : {0u, 4u, 9u, kMaxLiteralBytes + 1}) CheckContradicts(g.literal, 2, bytes);
  CHECK(WithRecord(GrammarRecord::kLiteral, std::vector<uint32_t>(66, g.end)).find(kContradicts) == 0);
  CHECK(WithRecord(GrammarRecord::kRule, std::vector<uint32_t>(kRuleWords, 0)).find(kContradicts) == 0);
  CHECK(WithRecord(GrammarRecord::kArgument, {0, g.end, 0}).find(kContradicts) == 0);
  CHECK(WithRecord(GrammarRecord::kArgument, {0, g.end}) == "ok");

  CheckContradicts(g.any_order, 3, 4);       // at least 4, at most 3
  CheckContradicts(g.any_order, 2, 4);       // unknown flag
  CheckContradicts(g.any_order, 2, 3);       // in order, which takes another size
  CheckContradicts(g.any_order, 1, 0x8000);  // names
  CheckContradicts(g.in_order, 1, 3);
  CheckContradicts(g.in_order, 5, 2);  // rank
  CheckContradicts(g.in_order, 7, 2);  // name
  CHECK(WithRecord(GrammarRecord::kObject, {kMaxTalliedNames, 0, 0, 0, 0, 0}) == "ok");
  CHECK(WithRecord(GrammarRecord::kObject, {kMaxTalliedNames + 1, 0, 0, 0, 0, 0}).find(kContradicts) == 0);
  CHECK(WithRecord(GrammarRecord::kObject, {1, 0, 0, 0, 0, 0, 0}).find(kContradicts) == 0);
}

TEST_CASE("states whose edges and calls a matcher could not follow are refused") {
  const SampleGrammar g;
  const uint32_t beyond = static_cast<uint32_t>(g.words.size());
  const auto edge = [](uint32_t n) { return kStateWords + 2 * n; };
  for (const uint32_t rule : {0u, g.end, g.any_order, beyond}) CheckContradicts(g.keys, 2, rule);
  CheckContradicts(g.keys, 1, 5 | 1u << 12);
  CheckContradicts(g.keys, 1, 6 | 1u << 12 | (kStateOnlyEnds | kStateEnds) << 24);
  CheckContradicts(g.end, 1, kStateOnlyEnds << 24);
  CheckContradicts(g.keys, edge(1), Edge('a' - 1, 'c', GrammarOp::kKey));  // not ascending
  CheckContradicts(g.keys, edge(1), Edge('d', 'c', GrammarOp::kKey));
  CheckContradicts(g.keys, edge(0), Edge('a', 'b', GrammarOp::kNone) | 9u << 16);
  CheckContradicts(g.counts, edge(0), Edge('n', 'n', GrammarOp::kComma));  // of a rule without an object
  for (const uint32_t place : {0u, g.argument, g.first, beyond}) {
    CheckContradicts(g.keys, edge(0) + 1, place);
    CheckContradicts(g.keys, edge(6) + 1, place);
  }
  for (const uint32_t argument : {0u, g.end, beyond}) {
    CheckContradicts(g.keys, edge(1) + 1, argument);
    CheckContradicts(g.keys, edge(3) + 1, argument);
  }
  for (const uint32_t rule : {0u, g.end, g.first + 1}) {
    CheckContradicts(g.keys, edge(6), rule | Op(GrammarOp::kEnough) << 24);
  }
  CheckContradicts(g.keys, edge(6), g.second | Op(GrammarOp::kKey) << 24);
  // Of three names: the number 3, and the ranges [2, 1) and [0, 4).
  const auto with_argument = [&](uint32_t record, uint32_t value) {
    return WithWord(record + 1, value).find("word: " + std::to_string(g.keys) + ",") != std::string::npos;
  };
  CHECK(with_argument(g.argument, 3));
  CHECK(with_argument(g.range, 2 | 1u << 15));
  CHECK(with_argument(g.range, 4u << 15));
  CHECK(WithWord(g.ordered_argument + 1, 2).find("word: " + std::to_string(g.ordered) + ",") != std::string::npos);
  // The object of a state's rule is another record: the state is checked before the rule is.
  CheckContradicts(g.first, 4, g.keys);
}

TEST_CASE("random changes of a grammar are refused or harmless") {
  const std::string good = SampleGrammar().Bytes();
  std::mt19937 random(5);
  int opened = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      const size_t at = sizeof(GrammarHeader) + random() % (bytes.size() - sizeof(GrammarHeader));
      bytes[at] = static_cast<char>(random() % 4 == 0 ? random() : random() % 64);
    }
    opened += OpenCopy(bytes).ok() ? 1 : 0;
  }
  CHECK((opened > 100 && opened < 19000));
}

}  // namespace lfm2::test
