// Masks that forbid what may come, or allow what cannot be completed, make an answer wrong or impossible.
#include "lfm2/text/grammar_matcher.h"

#include <bitset>
#include <random>
#include <set>

#include "lfm2/text/compile_grammar.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/token_trie_builder.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

// A tree of a regular expression with rules, by which texts are made in the most direct way: as sets.
struct LetterExpression {
  enum class Kind { kLetters, kSequence, kChoice, kRepeat, kRule } kind = Kind::kLetters;
  std::string letters;
  std::vector<LetterExpression> parts;
  int rule = 0;
  int min = 0, max = 0;
};
// The letters, and a set of texts of them with at most kLongest: a text is a one and then a bit for each letter.
constexpr char kLetters[] = {'a', '"'};
constexpr size_t kLongest = 12;
using Texts = std::bitset<size_t{1} << (kLongest + 1)>;

size_t LengthOf(size_t text) {
  size_t length = 0;
  for (; text > 1; text >>= 1) ++length;
  return length;
}
std::string Spelled(size_t text) {
  std::string letters;
  for (size_t i = LengthOf(text); i-- > 0;) letters += kLetters[text >> i & 1];
  return letters;
}

Texts Joined(const Texts& a, const Texts& b) {
  Texts all;
  for (size_t x = 1; x < a.size(); ++x) {
    for (size_t y = 1; a[x] && y < b.size() && LengthOf(x) + LengthOf(y) <= kLongest; ++y) {
      if (b[y]) all.set((x << LengthOf(y)) | (y - (size_t{1} << LengthOf(y))));
    }
  }
  return all;
}

// All texts of an expression with at most kLongest letters, by what is known of the rules.
Texts Evaluate(const LetterExpression& e, const std::vector<Texts>& rules) {
  Texts all;
  switch (e.kind) {
    case LetterExpression::Kind::kLetters:
      for (const char c : e.letters) all.set(c == kLetters[0] ? 2 : 3);
      return all;
    case LetterExpression::Kind::kRule: return rules[static_cast<size_t>(e.rule)];
    case LetterExpression::Kind::kSequence:
      all.set(1);
      for (const LetterExpression& part : e.parts) all = Joined(all, Evaluate(part, rules));
      return all;
    case LetterExpression::Kind::kChoice:
      for (const LetterExpression& part : e.parts) all |= Evaluate(part, rules);
      return all;
    case LetterExpression::Kind::kRepeat: break;
  }
  const Texts one = Evaluate(e.parts[0], rules);
  Texts times;
  times.set(1);
  for (int i = 0; i <= e.max; ++i) {
    if (i >= e.min) all |= times;
    times = Joined(times, one);
  }
  return all;
}

class RandomGrammar {
 public:
  explicit RandomGrammar(uint32_t seed) : random_(seed) {
    count_ = 1 + Pick(3);
    for (int i = 0; i < count_; ++i) rules_.push_back(Make(3, i, true));
  }

  // The texts of rule 0 up to kLongest letters.
  Texts All() const {
    std::vector<Texts> known(rules_.size());
    for (bool grows = true; grows;) {
      grows = false;
      for (size_t i = 0; i < rules_.size(); ++i) {
        const Texts texts = Evaluate(rules_[i], known);
        grows = grows || texts != known[i];
        known[i] = texts;
      }
    }
    return known[0];
  }

  static std::string Show(const LetterExpression& e) {
    std::string text;
    switch (e.kind) {
      case LetterExpression::Kind::kLetters: return "[" + e.letters + "]";
      case LetterExpression::Kind::kRule: return "R" + std::to_string(e.rule);
      case LetterExpression::Kind::kRepeat:
        return "(" + Show(e.parts[0]) + "){" + std::to_string(e.min) + "," + std::to_string(e.max) + "}";
      default: break;
    }
    for (const LetterExpression& part : e.parts) {
      text += (text.empty() ? "" : e.kind == LetterExpression::Kind::kChoice ? "|" : " ") + Show(part);
    }
    return "(" + text + ")";
  }
  std::string Show() const {
    std::string text;
    for (size_t i = 0; i < rules_.size(); ++i) text += "R" + std::to_string(i) + " = " + Show(rules_[i]) + "\n";
    return text;
  }

  Status Compile(Span<std::byte> memory, Span<const std::byte>* blob) const {
    GrammarBuilder builder(memory);
    std::vector<GrammarBuilder::Rule> handles;
    for (size_t i = 0; i < rules_.size(); ++i) handles.push_back(builder.Declare(static_cast<uint32_t>(i)));
    for (size_t i = 0; i < rules_.size(); ++i) {
      builder.Begin(handles[i]);
      const auto start = builder.AddNode(), end = builder.AddNode();
      Add(&builder, handles, rules_[i], start, end);
      builder.Accept(end);
      builder.End(start);
    }
    return builder.Finish(handles[0], blob);
  }

 private:
  int Pick(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

  // first: the text could begin here, so that a rule with a number that is not higher would be left recursion.
  LetterExpression Make(int depth, int rule, bool first) {
    LetterExpression e;
    const int kind = depth == 0 ? 0 : Pick(6);
    if (kind == 1 || kind == 2) {
      e.kind = kind == 1 ? LetterExpression::Kind::kSequence : LetterExpression::Kind::kChoice;
      for (int i = 1 + Pick(3); i > 0; --i) {
        e.parts.push_back(Make(depth - 1, rule, first));
        // What was before may be empty, so only a letter makes sure.
        if (kind == 1 && e.parts.back().kind == LetterExpression::Kind::kLetters) first = false;
      }
    } else if (kind == 3) {
      e.kind = LetterExpression::Kind::kRepeat;
      e.min = Pick(2);
      e.max = e.min + Pick(3);
      if (Pick(2) == 0) e.max = static_cast<int>(kLongest);
      e.parts.push_back(Make(depth - 1, rule, first));
    } else if (kind == 4) {
      const int to = first ? rule + 1 + Pick(2) : Pick(count_);
      if (to >= count_) return Make(0, rule, first);
      e.kind = LetterExpression::Kind::kRule;
      e.rule = to;
    } else {
      e.letters = std::string(kLetters, sizeof(kLetters)).substr(static_cast<size_t>(Pick(2)));
    }
    return e;
  }

  static void Add(GrammarBuilder* b, const std::vector<GrammarBuilder::Rule>& rules, const LetterExpression& e,
                  GrammarBuilder::Node from, GrammarBuilder::Node to) {
    switch (e.kind) {
      case LetterExpression::Kind::kLetters:
        for (const char c : e.letters) b->Bytes(from, static_cast<uint8_t>(c), static_cast<uint8_t>(c), to);
        return;
      case LetterExpression::Kind::kRule: b->Call(from, rules[static_cast<size_t>(e.rule)], to); return;
      case LetterExpression::Kind::kSequence:
        for (const LetterExpression& part : e.parts) {
          const auto next = b->AddNode();
          Add(b, rules, part, from, next);
          from = next;
        }
        b->Empty(from, to);
        return;
      case LetterExpression::Kind::kChoice:
        for (const LetterExpression& part : e.parts) {
          const auto begin = b->AddNode();
          b->Empty(from, begin);
          Add(b, rules, part, begin, to);
        }
        return;
      case LetterExpression::Kind::kRepeat:
        for (int i = 0; i < e.max; ++i) {
          if (i >= e.min) b->Empty(from, to);
          const auto next = b->AddNode();
          Add(b, rules, e.parts[0], from, next);
          from = next;
        }
        b->Empty(from, to);
    }
  }

  std::mt19937 random_;
  int count_ = 0;
  std::vector<LetterExpression> rules_;
};

// All texts of one to four of the letters, as tokens; and every byte, as in all vocabularies.
const OpenVocab& LetterVocab() {
  static const OpenVocab vocab = [] {
    tools::VocabSource source = ReadVocabSource("vocab-home.json");
    const std::vector<std::string> letters = {"a", "\""};
    std::vector<std::string> tokens = letters, last = letters;
    for (int length = 2; length <= 4; ++length) {
      std::vector<std::string> next;
      for (const std::string& begin : last) {
        for (const std::string& letter : letters) next.push_back(begin + letter);
      }
      tokens.insert(tokens.end(), next.begin(), next.end());
      last = next;
    }
    // They take the places of tokens that are no single bytes.
    std::set<std::string> have(source.tokens.begin(), source.tokens.end());
    size_t at = source.tokens.size();
    for (const std::string& token : tokens) {
      if (have.count(token) != 0) continue;
      source.tokens.insert(source.tokens.begin() + static_cast<std::ptrdiff_t>(at), token);
      source.types.insert(source.types.begin() + static_cast<std::ptrdiff_t>(at), 1);
      ++at;
    }
    return OpenVocab(source);
  }();
  return vocab;
}

class AlignedMemory {
 public:
  explicit AlignedMemory(uint64_t bytes) : bytes_(static_cast<size_t>(bytes)), lines_(bytes_ / kAlignment + 1) {}
  Span<std::byte> span() { return {reinterpret_cast<std::byte*>(lines_.data()), bytes_}; }

 private:
  struct alignas(kAlignment) Line {
    std::byte bytes[kAlignment];
  };
  size_t bytes_;
  std::vector<Line> lines_;
};

struct TrieOf {
  explicit TrieOf(const Vocab& vocab) : memory(TokenTrieMemoryBytes(vocab)) {
    const Status status = BuildTokenTrie(vocab, memory.span(), &trie);
    REQUIRE_MESSAGE(status.ok(), Sentence(status));
  }
  AlignedMemory memory;
  TokenTrie trie;
};

bool Goes(GrammarMatcher* matcher, std::string_view text) {
  bool matched = false;
  const Status status = matcher->Advance(text, &matched);
  REQUIRE_MESSAGE(status.ok(), Sentence(status));
  return matched;
}

TEST_CASE("masks are what brute force finds, for random grammars with rules that call each other") {
  const Vocab& vocab = LetterVocab().vocab;
  static TrieOf trie(vocab);
  GrammarMatcherOptions options;
  AlignedMemory memory(GrammarMatcher::Bytes(options, vocab.size()));
  AlignedMemory compile_memory(1 << 20);
  GrammarMatcher matcher;
  int grammars = 0, masks = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const RandomGrammar random(seed);
    CAPTURE(random.Show());
    const Texts texts = random.All();
    Span<const std::byte> blob;
    const Status compiled = random.Compile(compile_memory.span(), &blob);
    if (texts.none()) {
      CHECK_FALSE(compiled.ok());
      continue;
    }
    REQUIRE_MESSAGE(compiled.ok(), Sentence(compiled));
    Grammar grammar;
    REQUIRE(Grammar::Open(blob, &grammar).ok());
    // Masks do not depend on how much of them is computed only once.
    options.max_lists = seed % 3 == 0 ? 64 : 1 + seed % 5;
    REQUIRE(matcher.Open(grammar, trie.trie, options, memory.span()).ok());
    ++grammars;
    // Every beginning of a text of the grammar, as far as brute force sees to its end.
    Texts begins;
    for (size_t text = 1; text < texts.size(); ++text) {
      for (size_t begin = text; texts[text] && begin > 0; begin >>= 1) begins.set(begin);
    }
    for (size_t text = 1; text < 8; ++text) {
      CAPTURE(Spelled(text));
      matcher.Reset();
      CHECK(Goes(&matcher, Spelled(text)) == begins[text]);
      if (!begins[text]) continue;
      CHECK(matcher.may_end() == texts[text]);
      Span<const uint32_t> mask;
      REQUIRE(matcher.Mask(&mask).ok());
      ++masks;
      for (uint32_t token = 0; token < vocab.size(); ++token) {
        const std::string_view bytes = vocab.TokenBytes(static_cast<int32_t>(token));
        const bool allowed = (mask[token / 32] >> (token % 32) & 1u) != 0;
        size_t after = bytes.empty() ? 0 : text;
        for (const char c : bytes) {
          after = after == 0 || (c != kLetters[0] && c != kLetters[1]) ? 0 : 2 * after + (c == kLetters[1] ? 1 : 0);
        }
        const bool right = after > 0 && after < begins.size() && begins[after];
        if (allowed != right) FAIL_CHECK("the token '" << bytes << "' is " << allowed);
      }
    }
  }
  CHECK(grammars > 150);
  CHECK(masks > 400);
}

TEST_CASE("a mask says of every token what going on with it says, along random texts of schemas and grammars") {
  const Vocab& vocab = HomeVocab().vocab;
  static TrieOf trie(vocab);
  const GrammarMatcherOptions options;
  GrammarMatcherOptions small;
  small.max_lists = 5;
  // Less than kept lists would take: masks are then computed without them.
  GrammarMatcherOptions tight;
  tight.max_threads = 40;
  AlignedMemory memory(GrammarMatcher::Bytes(options, vocab.size())), compile_memory(1 << 20);
  JsonSchemaOptions flexible;
  flexible.spacing = JsonSpacing::kFlexible;
  const struct {
    const char* text;
    bool is_schema;
  } kSources[] = {
      {R"({})", true},
      {R"({"type": "string", "maxLength": 9})", true},
      {R"({"type": "string", "minLength": 3, "maxLength": 130})", true},
      {R"({"type": "object", "properties": {"room": {"type": "string"}, "rooms": {"enum": ["a", "ab"]}}})", true},
      {R"({"type": "array", "items": {"type": "string", "minLength": 2}})", true},
      {R"({"type": "object", "additionalProperties": {"type": "integer", "minimum": 3}})", true},
      {R"({"type": "object", "properties": {"on": true}, "patternProperties": {"^o": {"type": "null"}}})", true},
      {R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "pattern": "^[a-z ]*$"}}]})",
       true},
      {"root ::= [^\"\\\\]* \"\\n\" root | \".\"", false},
      {"root ::= .{0,5} [a-z]* \"\\\"\" [ \\n]* \"end\"", false},
  };
  std::mt19937 random(5);
  uint32_t masks = 0, allowed_tokens = 0;
  for (const auto& source : kSources) {
    CAPTURE(source.text);
    for (const GrammarMatcherOptions& matcher_options : {options, small, tight}) {
      const JsonSchemaOptions style = matcher_options.max_lists == small.max_lists ? flexible : JsonSchemaOptions();
      Span<const std::byte> blob;
      const Status compiled = source.is_schema ? CompileJsonSchema(source.text, style, compile_memory.span(), &blob)
                                               : CompileGbnf(source.text, compile_memory.span(), &blob);
      REQUIRE_MESSAGE(compiled.ok(), Sentence(compiled));
      Grammar grammar;
      REQUIRE(Grammar::Open(blob, &grammar).ok());
      GrammarMatcher matcher;
      REQUIRE(matcher.Open(grammar, trie.trie, matcher_options, memory.span()).ok());
      std::string text;
      for (int step = 0; step < 60; ++step) {
        CAPTURE(text);
        Span<const uint32_t> mask;
        REQUIRE(matcher.Mask(&mask).ok());
        const std::vector<uint32_t> bits(mask.begin(), mask.end());
        ++masks;
        std::vector<int32_t> allowed;
        for (uint32_t token = 0; token < vocab.size(); ++token) {
          const int32_t id = static_cast<int32_t>(token);
          if (!IsInTrie(vocab, id)) continue;
          const auto place = matcher.place();
          bool goes = false;
          REQUIRE(matcher.Peek(vocab.TokenBytes(id), &goes).ok());
          matcher.Restore(place);
          const bool is_set = (bits[token / 32] >> (token % 32) & 1u) != 0;
          if (is_set != goes) FAIL_CHECK("the token '" << vocab.TokenBytes(id) << "' is " << is_set);
          if (goes) allowed.push_back(id);
        }
        allowed_tokens += static_cast<uint32_t>(allowed.size());
        if (allowed.empty()) {
          CHECK(matcher.may_end());
          break;
        }
        const std::string_view bytes = vocab.TokenBytes(allowed[random() % allowed.size()]);
        text += bytes;
        REQUIRE(Goes(&matcher, bytes));
      }
    }
  }
  CHECK(masks > 300);
  CHECK(allowed_tokens > 50000);
}

}  // namespace
}  // namespace lfm2::test
