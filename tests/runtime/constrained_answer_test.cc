// Answers by a constraint: a device acts on what they say, so none may be but a text of the grammar, and what is put
// there without being chosen may change nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "lfm2/text/grammar_constraint.h"
#include "lfm2/text/token_trie_builder.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

const TokenTrie& HomeTrie() {
  static TestArena memory(TokenTrieMemoryBytes(HomeVocab()));
  static const TokenTrie trie = [] {
    TokenTrie built;
    LFM2_REQUIRE_OK(BuildTokenTrie(HomeVocab(), memory.span(), &built));
    return built;
  }();
  return trie;
}

// A constraint by a grammar in GBNF.
struct OpenConstraint {
  OpenConstraint(std::string_view gbnf, const ConstraintOptions& options)
      : compiled(1 << 16), memory(GrammarConstraint::Bytes(options, HomeVocab().size())) {
    Span<const std::byte> blob;
    LFM2_REQUIRE_OK(CompileGbnf(gbnf, compiled.span(), &blob));
    LFM2_REQUIRE_OK(Grammar::Open(blob, &grammar));
    LFM2_REQUIRE_OK(constraint.Open(HomeVocab(), grammar, HomeTrie(), options, memory.span()));
  }
  TestArena compiled, memory;
  Grammar grammar;
  GrammarConstraint constraint;
};

SamplerOptions Sampled(uint64_t seed) {
  SamplerOptions sampler;
  sampler.temperature = 1.5f;
  sampler.min_p = 0;
  sampler.repetition_penalty = 1;
  sampler.seed = seed;
  return sampler;
}

struct Answered {
  std::vector<int32_t> tokens;
  std::vector<bool> put;
  std::string text;
  AnswerEnd end = AnswerEnd::kError;
  uint32_t calls_of_sink = 0;
  std::vector<float> logits;  // after it
};

struct Asking {
  explicit Asking(uint32_t context = 256) : open(Home().image(), OptionsOf(context)), session(*open.session) {}
  static SessionOptions OptionsOf(uint32_t context) {
    SessionOptions options;
    options.context_length = context;
    return options;
  }

  Answered Ask(AnswerOptions options, const ConversationOptions& chat_options, std::string_view text) {
    LFM2_REQUIRE_OK(chat.Open(&session, chat_options));
    LFM2_REQUIRE_OK(chat.Add({ChatRole::kUser, text}));
    return GoOn(options);
  }
  Answered GoOn(AnswerOptions options) {
    Answered answered;
    options.context = &answered;
    options.on_token = [](void* context, int32_t token, Span<const float> logits) {
      static_cast<Answered*>(context)->tokens.push_back(token);
      static_cast<Answered*>(context)->put.push_back(logits.empty());
    };
    LFM2_REQUIRE_OK(chat.Answer(options, [&](std::string_view piece) {
      answered.text += piece;
      ++answered.calls_of_sink;
    }));
    answered.end = chat.answer_end();
    const Span<const float> logits = session.logits();
    answered.logits.assign(logits.begin(), logits.end());
    return answered;
  }

  OpenSession open;
  Session& session;
  Conversation chat;
};

constexpr std::string_view kRooms =
    "root ::= \"[set_heating(room=\\\"\" room \"\\\", celsius=\" [1-2] [0-9] \")]\"\n"
    "room ::= \"kitchen\" | \"hallway\" | \"bath\" | \"bathroom\"\n";

std::set<std::string> AllRooms() {
  std::set<std::string> all;
  for (const char* room : {"kitchen", "hallway", "bath", "bathroom"}) {
    for (int celsius = 10; celsius < 30; ++celsius) {
      all.insert("[set_heating(room=\"" + std::string(room) + "\", celsius=" + std::to_string(celsius) + ")]");
    }
  }
  return all;
}

TEST_CASE("an answer that ended is a text of the grammar, and what is computed together changes nothing") {
  const std::set<std::string> all = AllRooms();
  Asking asking;
  uint32_t put = 0, fewer_calls = 0;
  for (const bool canonical : {true, false}) {
    ConstraintOptions constraint_options;
    constraint_options.canonical = canonical;
    OpenConstraint open(kRooms, constraint_options);
    for (uint64_t seed = 0; seed < 12; ++seed) {
      CAPTURE(seed);
      CAPTURE(canonical);
      ConversationOptions chat = Greedy();
      if (seed > 0) chat.sampler = Sampled(seed);
      AnswerOptions options;
      options.constraint = &open.constraint;
      const Answered together = asking.Ask(options, chat, "Heat the hallway, please");
      REQUIRE(together.end == AnswerEnd::kStop);
      CHECK_MESSAGE(all.count(together.text) == 1, together.text);
      CHECK(open.constraint.is_complete());
      // A stop text that cannot come lets every token be computed alone.
      const std::string_view never[] = {"{never}"};
      options.stop_texts = never;
      const Answered alone = asking.Ask(options, chat, "Heat the hallway, please");
      CHECK(alone.tokens == together.tokens);
      CHECK(alone.put == together.put);
      CHECK(alone.text == together.text);
      CHECK(alone.logits == together.logits);
      fewer_calls += together.calls_of_sink < alone.calls_of_sink ? 1 : 0;
      put += static_cast<uint32_t>(std::count(alone.put.begin(), alone.put.end(), true));
    }
  }
  CHECK(put > 0);
  CHECK(fewer_calls > 0);
}

TEST_CASE("what is certain is written as the tokenizer writes it, also a word that nothing that may follow lengthens") {
  Asking asking;
  ConstraintOptions constraint_options;
  constraint_options.thoughts = false;
  OpenConstraint open(kRooms, constraint_options);
  const std::string begin = "[set_heating(room=\"", middle = "\", celsius=", end = ")]";
  for (uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    ConversationOptions chat = Greedy();
    if (seed > 0) chat.sampler = Sampled(seed);
    AnswerOptions options;
    options.constraint = &open.constraint;
    const Answered answered = asking.Ask(options, chat, "Heat the hallway, please");
    REQUIRE(answered.text.substr(0, begin.size()) == begin);
    std::vector<std::byte> scratch(Tokenizer::ScratchBytes(answered.text.size()));
    std::vector<int32_t> ids(answered.text.size());
    size_t count = 0;
    LFM2_REQUIRE_OK(Tokenizer(HomeVocab()).Encode(answered.text, {true, false}, scratch, ids, &count));
    ids.resize(count);
    // The name of the room and the number are chosen; before, between and after them nothing is.
    size_t at = 0, room_end = answered.text.find(middle);
    for (size_t i = 0; i + 1 < answered.tokens.size(); ++i) {
      CAPTURE(i);
      const size_t next = at + HomeVocab().TokenBytes(answered.tokens[i]).size();
      if (next <= begin.size()) {
        CHECK(answered.put[i]);
        REQUIRE(i < ids.size());
        CHECK(answered.tokens[i] == ids[i]);
      } else if (at > room_end && next <= room_end + middle.size()) {
        CHECK(answered.put[i]);
      }
      at = next;
    }
    CHECK(answered.text.substr(at - end.size()) == end);
  }
}

TEST_CASE("the likeliest answer is the one that masks by brute force give") {
  const std::set<std::string> all = AllRooms();
  // The oracle forbids every token after which the text so far is not the beginning of a text of the list.
  struct Oracle {
    const std::set<std::string>* all;
    std::string so_far;
  } oracle = {&all, ""};
  Asking asking;
  ConstraintOptions constraint_options;
  constraint_options.canonical = false;
  constraint_options.thoughts = false;
  OpenConstraint open(kRooms, constraint_options);
  for (const char* text : {"Heat the hallway, please", "What is the capital of France?", "bath", "10 20 30"}) {
    AnswerOptions options;
    options.constraint = &open.constraint;
    const Answered constrained = asking.Ask(options, Greedy(), text);
    LFM2_REQUIRE_OK(asking.chat.Open(&asking.session, Greedy()));
    LFM2_REQUIRE_OK(asking.chat.Add({ChatRole::kUser, text}));
    oracle.so_far.clear();
    AnswerOptions by_hand;
    by_hand.context = &oracle;
    by_hand.before_choice = [](void* context, Span<float> logits) {
      const Oracle& self = *static_cast<Oracle*>(context);
      for (uint32_t token = 0; token < logits.size(); ++token) {
        const int32_t id = static_cast<int32_t>(token);
        const std::string after = self.so_far + std::string(HomeVocab().TokenBytes(id));
        const auto next = self.all->lower_bound(after);
        bool allowed = next != self.all->end() && next->compare(0, after.size(), after) == 0;
        allowed = allowed && !HomeVocab().IsSpecial(id) && after != self.so_far;
        allowed = allowed || (HomeVocab().IsStop(id) && self.all->count(self.so_far) != 0);
        if (!allowed) logits[token] = -std::numeric_limits<float>::infinity();
      }
    };
    LFM2_REQUIRE_OK(asking.chat.Answer(by_hand, [&](std::string_view piece) { oracle.so_far += piece; }));
    CHECK(constrained.text == oracle.so_far);
  }
}

TEST_CASE("an answer that is cut off by max_tokens continues as if it had not been, also among certain tokens") {
  Asking asking;
  OpenConstraint open(kRooms, {});
  AnswerOptions options;
  options.constraint = &open.constraint;
  const Answered whole = asking.Ask(options, Greedy(), "Heat the bath");
  for (uint32_t cut = 1; cut < whole.tokens.size(); ++cut) {
    CAPTURE(cut);
    options.max_tokens = cut;
    Answered first = asking.Ask(options, Greedy(), "Heat the bath");
    CHECK(first.tokens.size() == cut);
    CHECK(first.end == AnswerEnd::kMaxTokens);
    options.max_tokens = 0;
    const Answered rest = asking.GoOn(options);
    CHECK(first.text + rest.text == whole.text);
    first.tokens.insert(first.tokens.end(), rest.tokens.begin(), rest.tokens.end());
    CHECK(first.tokens == whole.tokens);
  }
}

TEST_CASE("where the context ends among certain tokens, the answer ends there") {
  Asking large;
  OpenConstraint open(kRooms, {});
  AnswerOptions options;
  options.constraint = &open.constraint;
  const Answered whole = large.Ask(options, Greedy(), "Heat the bath");
  const uint32_t prompt = large.session.position() - static_cast<uint32_t>(whole.tokens.size()) + 1;
  for (uint32_t room = 1; room + 2 < whole.tokens.size(); ++room) {
    CAPTURE(room);
    Asking small(prompt + room);
    const Answered cut = small.Ask(options, Greedy(), "Heat the bath");
    CHECK(cut.end == AnswerEnd::kContextFull);
    CHECK(whole.text.compare(0, cut.text.size(), cut.text) == 0);
    // The last token needs no position.
    CHECK(cut.tokens.size() == room + 1);
  }
}

constexpr std::string_view kCall = "root ::= \"[lights_off()]\"\n";

TEST_CASE("calls: as the model decides, none, or certainly one; the text around them is free") {
  Asking asking;
  const auto ask = [&](ToolChoice choice, std::string_view text) {
    ConstraintOptions constraint_options;
    constraint_options.scope = ConstraintScope::kCalls;
    constraint_options.tool_choice = choice;
    OpenConstraint open(kCall, constraint_options);
    AnswerOptions options(40);
    options.constraint = &open.constraint;
    return asking.Ask(options, Greedy(), text).text;
  };
  const std::string command = "Could you heat the hallway to 17 degrees, please",
                    question = "What is the capital of France?";
  const std::string call = "<|tool_call_start|>[lights_off()]<|tool_call_end|>";
  // The model would call another tool, which does not exist.
  CHECK(ask(ToolChoice::kAuto, command) == call);
  CHECK(ask(ToolChoice::kNone, command).find("<|tool_call") == std::string::npos);
  CHECK(ask(ToolChoice::kRequired, command) == call);
  const std::string free = asking.Ask(AnswerOptions(40), Greedy(), question).text;
  REQUIRE(free.find("<|tool_call") == std::string::npos);
  CHECK(ask(ToolChoice::kAuto, question) == free);
  CHECK(ask(ToolChoice::kNone, question) == free);
  CHECK(ask(ToolChoice::kRequired, question).compare(0, call.size(), call) == 0);
}

TEST_CASE("a thought is free, ends before the answer may, and what follows it is a text of the grammar") {
  Asking asking;
  OpenConstraint open("root ::= \"yes\" | \"no\"\n", {});
  AnswerOptions options;
  options.constraint = &open.constraint;
  options.begin = "<think>";
  options.max_thought_tokens = 5;
  for (uint64_t seed = 1; seed < 8; ++seed) {
    ConversationOptions chat;
    chat.sampler = Sampled(seed);
    const Answered answered = asking.Ask(options, chat, "Is it warm?");
    REQUIRE(answered.end == AnswerEnd::kStop);
    const size_t end = answered.text.find("</think>");
    REQUIRE_MESSAGE(end != std::string::npos, answered.text);
    std::string rest = answered.text.substr(end + 8);
    rest.erase(0, rest.find_first_not_of(" \n\r\t"));
    CHECK_MESSAGE((rest == "yes" || rest == "no"), answered.text);
  }
}

TEST_CASE("an answer continues in another session, with a constraint that has followed it so far") {
  Asking asking, other;
  OpenConstraint open(kRooms, {}), second(kRooms, {});
  AnswerOptions options;
  options.constraint = &open.constraint;
  const Answered whole = asking.Ask(options, Greedy(), "Heat the bath");
  options.max_tokens = 9;
  const Answered first = asking.Ask(options, Greedy(), "Heat the bath");
  LFM2_REQUIRE_OK(other.chat.Open(&other.session, Greedy()));
  LFM2_REQUIRE_OK(other.chat.ForkFrom(asking.chat));
  LFM2_REQUIRE_OK(second.constraint.Replay({}, {}, first.tokens));
  options.max_tokens = 0;
  options.constraint = &second.constraint;
  CHECK(first.text + other.GoOn(options).text == whole.text);
}

TEST_CASE("what is wrong with a constraint is said where it is opened") {
  OpenConstraint open(kRooms, {});
  GrammarConstraint other;
  const auto code = [&](const Grammar& grammar, const TokenTrie& trie, Span<std::byte> memory) {
    return other.Open(HomeVocab(), grammar, trie, {}, memory).code();
  };
  const Span<std::byte> memory = open.memory.span();
  CHECK(code(Grammar(), HomeTrie(), memory) == StatusCode::kInvalidArgument);
  CHECK(code(open.grammar, TokenTrie(), memory) == StatusCode::kInvalidArgument);
  CHECK(code(open.grammar, HomeTrie(), memory.subspan(0, memory.size() - 1)) == StatusCode::kArenaTooSmall);
  CHECK(code(open.grammar, HomeTrie(), memory.subspan(8, memory.size() - 8)) != StatusCode::kOk);
  CHECK_FALSE(other.is_open());
  // Not opened, it stops an answer in place of letting everything pass.
  Asking asking;
  AnswerOptions options;
  options.constraint = &other;
  LFM2_REQUIRE_OK(asking.chat.Open(&asking.session, Greedy()));
  CHECK(asking.chat.Ask("Heat the bath", options, [](std::string_view) {}).code() == StatusCode::kFailedPrecondition);
  // A token that may not come is refused, and one of another vocabulary's size.
  CHECK(open.constraint.Begin({}, {}).ok());
  CHECK(open.constraint.Advance(static_cast<int32_t>(HomeVocab().ByteToken('x'))).code() ==
        StatusCode::kInvalidArgument);
  std::vector<float> logits(HomeVocab().size() + 1);
  CHECK(open.constraint.Restrict(logits).code() == StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lfm2::test
