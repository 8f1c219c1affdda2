// Answers: where they end, what text of them is passed on and when, and how a caller can influence them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/runtime/puppet.h"
#include "tests/runtime/streamed_session.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
TEST_CASE("a character whose bytes come in four calls is passed on whole, in the last of them") {
  Puppet puppet;
  puppet.WillSay(" \xf0\x9f\x99\x82!");
  puppet.Say("Hello.");
  CHECK(puppet.Answer(1) == Pieces{" "});
  for (int i = 0; i < 3; ++i) {
    CHECK(puppet.Answer(1).empty());
    CHECK(puppet.chat.answer_end() == AnswerEnd::kMaxTokens);
    CHECK(puppet.chat.answer_tokens() == 1);
  }
  CHECK(puppet.Answer(1) == Pieces{"\xf0\x9f\x99\x82"});
  CHECK(puppet.Answer(1) == Pieces{"!"});
}

TEST_CASE("a character interrupted by a failed read is passed on whole by the call that continues") {
  SessionOptions options = OptionsWithChunk(16);
  options.read_retries = 0;
  options.arena_bytes = ArenaFor(Home().image(), options, 8);
  StreamedSession open(Home().image(), DriveOptions(4, 4 * kBlock), options);
  for (uint32_t before = 1; before < 4; ++before) {
    CAPTURE(before);
    Puppet puppet(open.session.get());
    puppet.WillSay("\xf0\x9f\x99\x82!");
    puppet.Say("Hello.");
    CHECK(puppet.Answer(before).empty());
    open.streamed.drive.Vanish();
    uint32_t calls = 0;
    CHECK(puppet.chat.Answer(puppet.Options(), [&](std::string_view) { ++calls; }).code() == StatusCode::kIo);
    open.streamed.drive.Return();
    CHECK(calls == 0);
    CHECK(puppet.chat.answer_end() == AnswerEnd::kError);
    REQUIRE(puppet.chat.can_go_on());
    CHECK(puppet.Answer(5 - before) == Pieces{"\xf0\x9f\x99\x82", "!"});
  }
}

TEST_CASE(
    "bytes that become no character are one U+FFFD, when that is certain, and at the latest when the answer ends") {
  Puppet puppet;
  puppet.WillSay("\xf0\x9f");
  puppet.WillSay("a\xe4\xbd");
  puppet.WillSay(HomeVocab().eos());
  puppet.Say("Hello.");
  CHECK(puppet.Answer(2).empty());
  CHECK(puppet.Answer() == Pieces{"\xef\xbf\xbd"
                                  "a",
                                  "\xef\xbf\xbd"});
  CHECK(puppet.chat.answer_end() == AnswerEnd::kStop);
  // The next answer does not contain what was cut off.
  puppet.WillSay("\x99\x82");
  puppet.Say("And?");
  CHECK(puppet.Answer(2) == Pieces{"\xef\xbf\xbd", "\xef\xbf\xbd"});
}

TEST_CASE("a sink that said no is not called again, and what comes later is what it would have got") {
  Puppet puppet;
  puppet.WillSay(
      "\xf0"
      "a");  // with the a, U+FFFD and a come out together
  puppet.WillSay("bcd");
  puppet.WillSay(HomeVocab().eos());
  puppet.Say("Hello.");
  AnswerOptions options = puppet.Options();
  CHECK(puppet.Answer(options, 1) == Pieces{"\xef\xbf\xbd"
                                            "a"});
  CHECK(puppet.chat.answer_end() == AnswerEnd::kInterrupted);
  CHECK(puppet.chat.answer_tokens() == 2);
  CHECK(puppet.chat.can_go_on());
  CHECK(puppet.Answer(options, 1) == Pieces{"b"});
  CHECK(puppet.Answer(options) == Pieces{"c", "d"});
  CHECK(puppet.chat.answer_end() == AnswerEnd::kStop);
  // A sink that says no while something is held back for a stop text: the same.
  const std::string_view stops[] = {"xyz"};
  puppet.WillSay("axyb");
  puppet.Say("And?");
  options.stop_texts = stops;
  CHECK(puppet.Answer(options, 1) == Pieces{"a"});
  CHECK(puppet.Answer(options, 1) == Pieces{"xyb"});
  CHECK(puppet.chat.answer_tokens() == 3);
}

TEST_CASE("an answer ends before a stop text, whatever tokens it is made of, and nothing comes after it") {
  const std::string_view stops[] = {"User:", "\xf0\x9f\x99\x82", "abc"};
  struct Case {
    const char* says;
    Pieces pieces;
    uint32_t tokens;
  };
  const Case cases[] = {{"Hi\nUser: x", {"H", "i", "\n"}, 8},
                        {"Us \xf0\x9f\x99\x82 x", {"Us "}, 7},
                        {"aababc", {"a", "ab"}, 6},
                        {"abc", {}, 3}};
  for (const Case& c : cases) {
    CAPTURE(c.says);
    for (const uint32_t max_tokens : {0u, 1u}) {
      Puppet puppet;
      puppet.WillSay(c.says);
      puppet.Say("Hello.");
      AnswerOptions options = puppet.Options(max_tokens);
      options.stop_texts = stops;
      std::string text;
      uint32_t calls = 0, tokens = 0;
      do {
        for (const std::string& piece : puppet.Answer(options)) text += piece;
        tokens += puppet.chat.answer_tokens();
        REQUIRE(++calls < 20);
      } while (puppet.chat.can_go_on());
      CHECK(puppet.chat.answer_end() == AnswerEnd::kStopText);
      CHECK(tokens == c.tokens);
      std::string want;
      for (const std::string& piece : c.pieces) want += piece;
      // In calls of one token, a possible beginning of a stop text was passed on at the end of each.
      CHECK(text.substr(0, want.size()) == want);
      if (max_tokens == 0) CHECK(text == want);
      CHECK(puppet.session.tokens()[puppet.session.position() - 1] ==
            puppet.words[c.tokens - 1]);  // the stop text is in the context
      CHECK(puppet.chat.Answer(1, kIgnore).code() == StatusCode::kFailedPrecondition);
    }
  }
}

TEST_CASE("a stop text that comes while the sink says no ends the answer for good") {
  const std::string_view stops[] = {"a"};
  Puppet puppet;
  puppet.WillSay(
      "\xf0"
      "a");  // the second token makes U+FFFD certain, and is the stop text
  puppet.Say("Hello.");
  AnswerOptions options = puppet.Options();
  options.stop_texts = stops;
  CHECK(puppet.Answer(options, 1) == Pieces{"\xef\xbf\xbd"});
  CHECK(puppet.chat.answer_end() == AnswerEnd::kStopText);
  CHECK(!puppet.chat.can_go_on());
}

TEST_CASE("thoughts end after as many tokens as they may have, also in the middle of a call") {
  for (const uint32_t budget : {0u, 1u, 5u}) {
    for (const uint32_t max_tokens : {0u, 1u}) {
      CAPTURE(budget);
      Puppet puppet;
      puppet.WillSay("<think>");
      for (uint32_t i = 0; i < budget; ++i) puppet.WillSay("h");
      puppet.WillSay("ok");
      puppet.WillSay(HomeVocab().eos());
      puppet.Say("Hello.");
      AnswerOptions options = puppet.Options(max_tokens);
      options.max_thought_tokens = budget;
      std::string text;
      do {
        for (const std::string& piece : puppet.Answer(options)) text += piece;
      } while (puppet.chat.can_go_on());
      CHECK(puppet.chat.answer_end() == AnswerEnd::kStop);
      CHECK(text == "<think>" + std::string(budget, 'h') + "</think>ok");
      // The tokens of </think> were put there: nothing was chosen, and there are no logits.
      size_t put = 0;
      for (size_t i = 0; i < puppet.put.size(); ++i) {
        if (!puppet.put[i]) continue;
        ++put;
        CHECK(i >= 7 + budget);
      }
      CHECK(put > 0);
      CHECK(put <= 8);
    }
  }
}

TEST_CASE("an answer without thoughts: the text that it begins with is in the context and is not passed on") {
  Puppet puppet;
  puppet.WillSay("ok");
  puppet.WillSay(HomeVocab().eos());
  puppet.Say("Hello.");
  AnswerOptions options = puppet.Options();
  options.begin = "<think></think>";
  options.max_thought_tokens = 0;
  CHECK(puppet.Answer(options) == Pieces{"o", "k"});
  std::string context(4096, '\0');
  size_t size = 0;
  LFM2_REQUIRE_OK(Detokenize(HomeVocab(), puppet.session.tokens(), true, {&context[0], context.size()}, &size));
  context.resize(size);
  CHECK(context == "<|startoftext|><|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n<think></think>ok");
  // One that begins within a thought counts from there.
  puppet.WillSay("abc");
  puppet.Say("And?");
  options.begin = "<think>";
  options.max_thought_tokens = 2;
  options.max_tokens = 3;
  CHECK(puppet.Answer(options)[0] == "a");
  CHECK(puppet.put.end()[-1]);
  CHECK(!puppet.put.end()[-2]);
}

TEST_CASE("a sampler for one answer stays for the next ones, and its seed begins a new random sequence") {
  SamplerOptions sampler;
  sampler.temperature = 2.0f;
  sampler.min_p = 0.0f;
  sampler.seed = 77;
  ConversationOptions with_sampler;
  with_sampler.sampler = sampler;
  const auto ask = [](Conversation& chat, const char* text, const AnswerOptions& options) {
    std::string answer;
    LFM2_REQUIRE_OK(chat.Ask(text, options, [&](std::string_view piece) { answer += piece; }));
    return answer;
  };
  Puppet from_open(with_sampler), per_answer(Greedy()), greedy(Greedy());
  const std::string first = ask(from_open.chat, "Tell me a tale.", 20), second = ask(from_open.chat, "Go on.", 20);
  CHECK(ask(greedy.chat, "Tell me a tale.", 20) != first);
  AnswerOptions options(20);
  options.sampler = &sampler;
  CHECK(ask(per_answer.chat, "Tell me a tale.", options) == first);
  sampler.temperature = 0.0f;  // it was copied
  CHECK(ask(per_answer.chat, "Go on.", 20) == second);
  // The same seed again: the same answer to the same context.
  LFM2_REQUIRE_OK(per_answer.chat.Open(&per_answer.session, Greedy()));
  sampler.temperature = 2.0f;
  CHECK(ask(per_answer.chat, "Tell me a tale.", options) == first);
}

TEST_CASE("on_token gets each token with the logits it was chosen from, also the one that ends the answer") {
  OpenSession plain(Home().image(), Puppet::SessionOptionsOf(256));
  struct Seen {
    std::vector<int32_t> tokens;
    std::vector<float> likelihoods;
    std::vector<std::vector<float>> logits;
  } seen;
  AnswerOptions options(64);
  options.context = &seen;
  options.on_token = [](void* context, int32_t token, Span<const float> logits) {
    Seen& s = *static_cast<Seen*>(context);
    s.tokens.push_back(token);
    s.likelihoods.push_back(LogProbability(logits, token));
    s.logits.emplace_back(logits.begin(), logits.end());
  };
  Puppet puppet;
  LFM2_REQUIRE_OK(puppet.chat.Ask("Could you remind me in 21 minutes please.", options, kIgnore));
  REQUIRE(seen.tokens.size() == puppet.chat.answer_tokens() + 1);
  CHECK(HomeVocab().IsStop(seen.tokens.back()));
  const size_t prompted = puppet.session.position() - puppet.chat.answer_tokens();
  LFM2_REQUIRE_OK(plain.session->Prefill({puppet.session.tokens().data(), prompted}));
  for (size_t i = 0; i < seen.tokens.size(); ++i) {
    CAPTURE(i);
    const Span<const float> logits = plain.session->logits();
    CHECK(seen.logits[i] == std::vector<float>(logits.begin(), logits.end()));
    CHECK(seen.tokens[i] == std::max_element(logits.begin(), logits.end()) - logits.begin());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    const double want = static_cast<double>(logits[static_cast<size_t>(seen.tokens[i])]) - std::log(sum);
    CHECK(static_cast<double>(seen.likelihoods[i]) == doctest::Approx(want).epsilon(1e-5));
    if (i < puppet.chat.answer_tokens()) LFM2_REQUIRE_OK(plain.session->Decode(seen.tokens[i]));
  }
}

TEST_CASE("a mask that forbids every token, or makes a NaN, ends the answer with a Status; the chat continues") {
  for (const float bad : {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Puppet puppet;
    static float value;
    value = bad;
    AnswerOptions options(5);
    options.before_choice = [](void*, Span<float> logits) { std::fill(logits.begin(), logits.end(), value); };
    int calls = 0;
    const auto sink = [&](std::string_view) { ++calls; };
    CHECK(puppet.chat.Ask("Hello.", options, sink).code() == StatusCode::kInvalidArgument);
    CHECK(puppet.chat.answer_end() == AnswerEnd::kError);
    CHECK(!puppet.chat.is_busy());
    CHECK(!puppet.chat.can_go_on());
    CHECK(calls == 0);
    LFM2_REQUIRE_OK(puppet.chat.Ask("Could you remind me in 21 minutes please.", 64, sink));
    CHECK(puppet.chat.answer_end() == AnswerEnd::kStop);
    CHECK(calls > 0);
  }
}

TEST_CASE("a question that is refused leaves the answer before it as it was; one that is started and aborted ends it") {
  const std::string_view stops[] = {"stop"}, too_long[] = {"", "x"}, others[] = {"o"};
  Puppet puppet;
  puppet.WillSay("\xf0\x9f\x99");
  puppet.WillSay("\x82sto");
  puppet.WillSay("p");
  puppet.Say("Hello.");
  AnswerOptions options = puppet.Options(3);
  options.stop_texts = stops;
  CHECK(puppet.Answer(options).empty());
  const uint32_t position = puppet.session.position();
  SamplerOptions bad_sampler;
  bad_sampler.top_p = 0.0f;
  AnswerOptions wrong(5);
  wrong.stop_texts = others;
  wrong.sampler = &bad_sampler;
  CHECK(puppet.chat.Ask("And?", wrong, kIgnore).code() == StatusCode::kInvalidArgument);
  wrong.sampler = nullptr;
  wrong.stop_texts = too_long;
  CHECK(puppet.chat.Ask("And?", wrong, kIgnore).code() == StatusCode::kInvalidArgument);
  CHECK(puppet.chat.Ask(std::string(5000, 'x'), 5, kIgnore).code() == StatusCode::kContextFull);
  wrong.stop_texts = {};
  wrong.begin = "x";
  CHECK(puppet.chat.Answer(wrong, kIgnore).code() == StatusCode::kInvalidArgument);
  CHECK(puppet.session.position() == position);
  CHECK(puppet.chat.pending_tokens() == 0);
  REQUIRE(puppet.chat.can_go_on());
  options.max_tokens = 0;
  CHECK(puppet.Answer(options) == Pieces{"\xf0\x9f\x99\x82"});
  CHECK(puppet.chat.answer_end() == AnswerEnd::kStopText);

  puppet.WillSay("ab");
  puppet.Say("And?");
  CHECK(puppet.Answer(2) == Pieces{"a", "b"});
  REQUIRE(puppet.chat.can_go_on());
  LFM2_REQUIRE_OK(puppet.chat.BeginAsk("What?", 5));
  LFM2_REQUIRE_OK(puppet.chat.Step(kIgnore));
  puppet.chat.Abort();
  CHECK(puppet.chat.answer_end() == AnswerEnd::kCancelled);
  CHECK(puppet.chat.pending_tokens() == 0);
  CHECK(!puppet.chat.can_go_on());
  CHECK(puppet.chat.Answer(1, kIgnore).code() == StatusCode::kFailedPrecondition);
  LFM2_REQUIRE_OK(puppet.chat.Ask("What?", 5, kIgnore));
}

TEST_CASE("where the context ends, the last character is whole or U+FFFD, and the answer has ended for good") {
  for (const size_t takes : {SIZE_MAX, size_t{2}}) {
    Puppet measure;
    measure.Say("Hello.");
    LFM2_REQUIRE_OK(measure.chat.BeginAnswer(1));
    while (measure.session.position() == 0) LFM2_REQUIRE_OK(measure.chat.Step(kIgnore));
    Puppet puppet(Greedy(), measure.session.position() + 3);
    measure.chat.Abort();
    puppet.WillSay("ab\xf0\x9f\x99\x82");
    puppet.Say("Hello.");
    const Pieces pieces = puppet.Answer(puppet.Options(), takes);
    CHECK(pieces == (takes == 2 ? Pieces{"a", "b"} : Pieces{"a", "b", "\xef\xbf\xbd"}));
    if (takes == 2) {  // what is left has room for one token and the one that needs none
      CHECK(puppet.chat.answer_end() == AnswerEnd::kInterrupted);
      CHECK(puppet.Answer() == Pieces{"\xef\xbf\xbd"});
    }
    CHECK(puppet.chat.answer_end() == AnswerEnd::kContextFull);
    CHECK(puppet.chat.room() == 0);
    CHECK(!puppet.chat.can_go_on());
  }
  // The sink says no to the very last text.
  Puppet measure;
  measure.Say("Hello.");
  LFM2_REQUIRE_OK(measure.chat.BeginAnswer(1));
  while (measure.session.position() == 0) LFM2_REQUIRE_OK(measure.chat.Step(kIgnore));
  Puppet puppet(Greedy(), measure.session.position() + 1);
  puppet.WillSay("ab");
  puppet.Say("Hello.");
  CHECK(puppet.Answer(puppet.Options(), 2) == Pieces{"a", "b"});
  CHECK(puppet.chat.answer_end() == AnswerEnd::kContextFull);
  CHECK(!puppet.chat.can_go_on());
}

}  // namespace lfm2::test
