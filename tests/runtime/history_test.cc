// What a conversation puts into the context: messages as the published templates write them, a history, what is left
// of one, and the way back to a place in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "programs/text/chat_formats.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

struct Chat {
  explicit Chat(const ConversationOptions& options = Greedy(), uint32_t context = 512, uint32_t max_word_bytes = 1024,
                uint32_t chunk = 128)
      : open(Home().image(), SessionOptionsOf(context, max_word_bytes, chunk)), session(*open.session) {
    LFM2_REQUIRE_OK(chat.Open(&session, options));
  }
  static SessionOptions SessionOptionsOf(uint32_t context, uint32_t max_word_bytes, uint32_t chunk) {
    SessionOptions options;
    options.context_length = context;
    options.max_word_bytes = max_word_bytes;
    options.prefill_chunk = chunk;
    return options;
  }
  // The text of the whole context, computed first.
  std::string Context() {
    LFM2_REQUIRE_OK(chat.Compute());
    std::string text(65536, '\0');
    size_t size = 0;
    LFM2_REQUIRE_OK(Detokenize(Home().image().vocab(), session.tokens(), true, {&text[0], text.size()}, &size));
    text.resize(size);
    return text;
  }
  std::vector<int32_t> Ids() {
    LFM2_REQUIRE_OK(chat.Compute());
    return {session.tokens().begin(), session.tokens().end()};
  }
  OpenSession open;
  Session& session;
  Conversation chat;
};

ConversationOptions WithTemplate(const char* name) {
  ConversationOptions options = Greedy();
  options.chat_format = tools::FindChatFormat(name);
  return options;
}

constexpr const char* kCommand = "Could you remind me in 21 minutes please.";

}  // namespace

TEST_CASE("two tool results in a row, added together or one by one, are two turns and nothing between them") {
  const ChatMessage results[] = {{ChatRole::kTool, "{\"a\": 1}"}, {ChatRole::kTool, "{\"b\": 2}"}};
  for (const bool lfm2 : {true, false}) {
    const char* const kind = lfm2 ? "lfm2" : "lfm2_5";
    Chat together(WithTemplate(kind)), apart(WithTemplate(kind));
    std::string answer;
    for (Chat* c : {&together, &apart}) {
      answer.clear();
      LFM2_REQUIRE_OK(c->chat.Ask(kCommand, 64, [&](std::string_view text) { answer += text; }));
    }
    LFM2_REQUIRE_OK(together.chat.Add(results));
    LFM2_REQUIRE_OK(apart.chat.Add(results[0]));
    if (lfm2) LFM2_REQUIRE_OK(apart.chat.Compute());
    LFM2_REQUIRE_OK(apart.chat.Add(results[1]));
    CHECK(together.Ids() == apart.Ids());
    const std::string open = lfm2 ? "<|tool_response_start|>" : "", close = lfm2 ? "<|tool_response_end|>" : "";
    CHECK(together.Context() == "<|startoftext|><|im_start|>user\n" + std::string(kCommand) +
                                    "<|im_end|>\n<|im_start|>assistant\n" + answer + "<|im_end|>\n<|im_start|>tool\n" +
                                    open + "{\"a\": 1}" + close + "<|im_end|>\n<|im_start|>tool\n" + open +
                                    "{\"b\": 2}" + close + "<|im_end|>\n");
    LFM2_REQUIRE_OK(apart.chat.Answer(64, kIgnore));
    CHECK(apart.chat.answer_end() == AnswerEnd::kStop);
  }
}

TEST_CASE("a start from history: the context is what the published template writes, and the answer the same") {
  const std::string_view calls[] = {R"({"name": "start_timer", "arguments": {"minutes": 21}})"};
  const ChatMessage history[] = {{ChatRole::kSystem, "Be brief."},
                                 {ChatRole::kUser, kCommand},
                                 {ChatRole::kAssistant, "", "A timer, then.", calls},
                                 {ChatRole::kTool, "{\"ok\": true}"},
                                 {ChatRole::kAssistant, "<think>Done.</think>Done."},
                                 {ChatRole::kUser, "Again."},
                                 {ChatRole::kAssistant, "", "Again?", calls}};
  Chat lfm2_5(WithTemplate("lfm2_5"));
  LFM2_REQUIRE_OK(lfm2_5.chat.Add(history));
  CHECK(lfm2_5.Context() ==
        "<|startoftext|><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nCould you remind me in 21 minutes "
        "please.<|im_end|>\n<|im_start|>assistant\n<|tool_call_start|>[start_timer(minutes=21)]<|tool_call_end|>"
        "<|im_end|>\n<|im_start|>tool\n{\"ok\": true}<|im_end|>\n<|im_start|>assistant\nDone.<|im_end|>\n"
        "<|im_start|>user\nAgain.<|im_end|>\n<|im_start|>assistant\n<think>Again?</think><|tool_call_start|>"
        "[start_timer(minutes=21)]<|tool_call_end|><|im_end|>\n");

  // A chat that was talked, and one that starts from what was said.
  Chat talked, told;
  std::string answer;
  LFM2_REQUIRE_OK(talked.chat.Ask(kCommand, 64, [&](std::string_view text) { answer += text; }));
  LFM2_REQUIRE_OK(talked.chat.Add({ChatRole::kTool, "{\"ok\": true}"}));
  const ChatMessage said[] = {
      {ChatRole::kUser, kCommand}, {ChatRole::kAssistant, answer}, {ChatRole::kTool, "{\"ok\": true}"}};
  LFM2_REQUIRE_OK(told.chat.Add(said));
  std::string got, want;
  LFM2_REQUIRE_OK(talked.chat.Answer(64, [&](std::string_view text) { want += text; }));
  LFM2_REQUIRE_OK(told.chat.Answer(64, [&](std::string_view text) { got += text; }));
  CHECK(talked.Ids() == told.Ids());
  CHECK(got == want);
}

TEST_CASE("system text and tools are written once, at the begin, whatever comes first") {
  const std::string_view tools[] = {"{\"name\": \"f\"}", "{\"name\": \"g\"}"};
  ConversationOptions options = Greedy();
  options.system = "Be brief.";
  options.tools = tools;
  const std::string head =
      "<|startoftext|><|im_start|>system\nBe brief.\nList of tools: <|tool_list_start|>"
      "[{\"name\": \"f\"}, {\"name\": \"g\"}]<|tool_list_end|><|im_end|>\n";
  const std::string rest = "<|im_start|>user\nHello.<|im_end|>\n";
  Chat nothing_first(options), asked(options);
  LFM2_REQUIRE_OK(nothing_first.chat.Add(Span<const ChatMessage>{}));
  CHECK(nothing_first.Context() == head);
  LFM2_REQUIRE_OK(nothing_first.chat.Add({ChatRole::kUser, "Hello."}));
  CHECK(nothing_first.Context() == head + rest);
  // A first question that is aborted does not start the context: the next one does.
  LFM2_REQUIRE_OK(asked.chat.BeginAsk("What?", 5));
  LFM2_REQUIRE_OK(asked.chat.Step(kIgnore));
  asked.chat.Abort();
  CHECK(asked.chat.pending_tokens() == 0);
  LFM2_REQUIRE_OK(asked.chat.Add({ChatRole::kUser, "Hello."}));
  CHECK(asked.Context() == head + rest);
  // Without a system text of its own, the first message may be one; tools come with it.
  options.system = {};
  Chat told(options);
  const ChatMessage messages[] = {{ChatRole::kSystem, "Be brief."}, {ChatRole::kUser, "Hello."}};
  LFM2_REQUIRE_OK(told.chat.Add(messages));
  CHECK(told.Context() == head + rest);
}

TEST_CASE("a role that does not exist is refused by its place, and nothing of its call is added") {
  Chat chat;
  for (const int wrong : {4, 17, 255}) {
    const ChatMessage messages[] = {
        {ChatRole::kUser, "a"}, {static_cast<ChatRole>(wrong), "b"}, {ChatRole::kUser, "c"}};
    const Status status = chat.chat.Add(messages);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.index() == 1);
    CHECK(chat.chat.pending_tokens() == 0);
    CHECK(chat.chat.Ask(messages[1], 1, kIgnore).code() == StatusCode::kInvalidArgument);
  }
  LFM2_REQUIRE_OK(chat.chat.Add({ChatRole::kUser, "a"}));
  CHECK(chat.Context() == "<|startoftext|><|im_start|>user\na<|im_end|>\n");
}

TEST_CASE("DropOldest leaves the tokens of the shorter history, and the answer to it") {
  ConversationOptions options = Greedy();
  options.system = "Be brief.";
  const ChatMessage history[] = {{ChatRole::kUser, "One."},    {ChatRole::kAssistant, "1."},
                                 {ChatRole::kUser, "Two."},    {ChatRole::kTool, "<|im_start|>user"},
                                 {ChatRole::kAssistant, "2."}, {ChatRole::kUser, kCommand}};
  Chat measure(options, 512), shorter(options, 512), shortest(options, 512);
  LFM2_REQUIRE_OK(measure.chat.Add(history));
  LFM2_REQUIRE_OK(shorter.chat.Add({history + 2, 4}));
  LFM2_REQUIRE_OK(shortest.chat.Add({history + 5, 1}));
  const uint32_t all = measure.chat.pending_tokens(), two = shorter.chat.pending_tokens(),
                 one = shortest.chat.pending_tokens();
  const uint32_t context = all + 30;
  struct Case {
    uint32_t positions;
    Chat* same_as;
  };
  const Case cases[] = {{30, &measure},
                        {31, &shorter},
                        {context - two, &shorter},
                        {context - two + 1, &shortest},
                        {context - one, &shortest}};
  for (const bool computed : {false, true}) {
    for (const Case& c : cases) {
      CAPTURE(c.positions);
      Chat chat(options, context);
      LFM2_REQUIRE_OK(chat.chat.Add(history));
      if (computed) LFM2_REQUIRE_OK(chat.chat.Compute());
      LFM2_REQUIRE_OK(chat.chat.DropOldest(c.positions));
      CHECK(chat.chat.room() >= c.positions);
      CHECK(chat.Ids() == c.same_as->Ids());
      // Again: there is no older message than the last one.
      const Status status = chat.chat.DropOldest(context - one + 1);
      CHECK(status.code() == StatusCode::kContextFull);
      CHECK(chat.Ids() == c.same_as->Ids());
    }
  }
  Chat chat(options, context);
  LFM2_REQUIRE_OK(chat.chat.Add(history));
  LFM2_REQUIRE_OK(chat.chat.DropOldest(context - one));
  std::string got, want;
  LFM2_REQUIRE_OK(chat.chat.Answer(30, [&](std::string_view text) { got += text; }));
  LFM2_REQUIRE_OK(shortest.chat.Answer(30, [&](std::string_view text) { want += text; }));
  CHECK(got == want);
  CHECK(!got.empty());
  CHECK(chat.chat.DropOldest(UINT32_MAX).code() == StatusCode::kContextFull);
}

TEST_CASE(
    "an answer that can be continued continues after DropOldest, in one call or in steps, cancelled in between or "
    "not") {
  Chat reference;
  LFM2_REQUIRE_OK(reference.chat.Add({ChatRole::kUser, kCommand}));
  std::string want;
  LFM2_REQUIRE_OK(reference.chat.Answer(3, kIgnore));
  LFM2_REQUIRE_OK(reference.chat.Answer(40, [&](std::string_view text) { want += text; }));
  for (const int way : {0, 1, 2}) {
    CAPTURE(way);
    Chat chat;
    const ChatMessage messages[] = {
        {ChatRole::kUser, "What is the time?"}, {ChatRole::kAssistant, "5."}, {ChatRole::kUser, kCommand}};
    LFM2_REQUIRE_OK(chat.chat.Add(messages));
    // The beginning of the answer is what it is in the shorter chat, so that the rest can be compared.
    AnswerOptions forced(3);
    struct Words {
      Span<const int32_t> ids;
      size_t at;
    } words = {reference.session.tokens().subspan(reference.session.position() - reference.chat.answer_tokens() - 3, 3),
               0};
    forced.context = &words;
    forced.before_choice = [](void* context, Span<float> logits) {
      Words& w = *static_cast<Words*>(context);
      const size_t id = static_cast<size_t>(w.ids[w.at++]);
      for (size_t i = 0; i < logits.size(); ++i) logits[i] = i == id ? 1.0f : -1.0f;
    };
    LFM2_REQUIRE_OK(chat.chat.Answer(forced, kIgnore));
    REQUIRE(chat.chat.can_go_on());
    LFM2_REQUIRE_OK(chat.chat.DropOldest(chat.chat.room() + 1));
    CHECK(chat.chat.pending_tokens() > 0);
    REQUIRE(chat.chat.can_go_on());
    std::string got;
    const auto keep = [&](std::string_view text) { got += text; };
    if (way == 2) {
      LFM2_REQUIRE_OK(chat.chat.BeginAnswer(40));
      for (int i = 0; i < 3; ++i) LFM2_REQUIRE_OK(chat.chat.Step(keep));
      chat.chat.Abort();
      REQUIRE(chat.chat.can_go_on());
    }
    if (way == 0) {
      LFM2_REQUIRE_OK(chat.chat.Answer(40, keep));
    } else {
      LFM2_REQUIRE_OK(chat.chat.BeginAnswer(40));
      while (chat.chat.is_busy()) LFM2_REQUIRE_OK(chat.chat.Step(keep));
    }
    CHECK(got == want);
    CHECK(chat.Ids() == reference.Ids());
  }
}

TEST_CASE("Rewind goes back to what was said then; a mark that was changed is refused or does no harm") {
  Chat chat;
  LFM2_REQUIRE_OK(chat.chat.Add({ChatRole::kUser, "Hello."}));
  std::vector<std::byte> mark(static_cast<size_t>(Conversation::MarkBytes(Home().config())));
  const Span<std::byte> bytes = {mark.data(), mark.size()};
  CHECK(chat.chat.Mark(bytes).code() == StatusCode::kFailedPrecondition);
  LFM2_REQUIRE_OK(chat.chat.Compute());
  CHECK(chat.chat.Mark(bytes.subspan(0, mark.size() - 1)).code() == StatusCode::kOutputTooSmall);
  LFM2_REQUIRE_OK(chat.chat.Mark(bytes));
  const std::vector<int32_t> ids = chat.Ids();
  std::string first, again;
  LFM2_REQUIRE_OK(chat.chat.Answer(20, [&](std::string_view text) { first += text; }));
  for (int i = 0; i < 3; ++i) {
    LFM2_REQUIRE_OK(chat.chat.Add({ChatRole::kUser, "Forget this."}));  // what was added and not computed goes, too
    LFM2_REQUIRE_OK(chat.chat.Rewind(bytes));
    CHECK(chat.Ids() == ids);
    CHECK(!chat.chat.can_go_on());
    again.clear();
    LFM2_REQUIRE_OK(chat.chat.Answer(20, [&](std::string_view text) { again += text; }));
    CHECK(again == first);
  }
  const std::vector<int32_t> longer = chat.Ids();
  for (size_t size = 0; size < mark.size(); size += size < 80 ? 1 : 211) {
    CHECK(chat.chat.Rewind(bytes.subspan(0, size)).code() == StatusCode::kCorrupt);
  }
  for (size_t at = 0; at < mark.size(); at += at < 80 ? 1 : 101) {
    std::vector<std::byte> damaged = mark;
    damaged[at] ^= std::byte{4};
    CHECK(chat.chat.Rewind({damaged.data(), damaged.size()}).code() == StatusCode::kCorrupt);
  }
  CHECK(chat.Ids() == longer);

  Chat other(WithTemplate("lfm2_5"));
  CHECK(other.chat.Rewind(bytes).code() == StatusCode::kInvalidArgument);

  // Marks come from memory that a program may have got from anywhere: with a right checksum, too, they are only bytes.
  constexpr size_t kNoteBytes = 40;
  for (size_t at = 0; at + 4 < kNoteBytes; ++at) {
    for (const int value : {0, 1, 2, 3, 127, 255}) {
      std::vector<std::byte> hostile = mark;
      hostile[at] = static_cast<std::byte>(value);
      if (at < 8) std::memset(hostile.data() + 4, value, 4);  // the number of tokens of the system text
      const uint32_t crc = Crc32c(0, hostile.data(), kNoteBytes - 4);
      std::memcpy(hostile.data() + kNoteBytes - 4, &crc, sizeof(crc));
      if (!chat.chat.Rewind({hostile.data(), hostile.size()}).ok()) continue;
      static_cast<void>(chat.chat.DropOldest(chat.session.options().context_length - 5));
      static_cast<void>(chat.chat.Ask("x", 2, kIgnore));
      CHECK(chat.session.position() <= chat.session.options().context_length);
      CHECK(chat.open.arena.RimIsIntact());
      LFM2_REQUIRE_OK(chat.chat.Open(&chat.session, Greedy()));
      LFM2_REQUIRE_OK(chat.chat.Add({ChatRole::kUser, "Hello."}));
      LFM2_REQUIRE_OK(chat.chat.Compute());
    }
  }
}

// The longest token of letters alone: a word made of it has few tokens for its length.
std::string_view LongestToken(const Vocab& vocab) {
  std::string_view longest;
  for (int32_t id = 0; id < static_cast<int32_t>(vocab.size()); ++id) {
    const std::string_view text = vocab.TokenBytes(id);
    const bool letters = std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (letters && text.size() > longest.size()) longest = text;
  }
  return longest;
}

TEST_CASE("a pasted word of 40,000 characters is encoded with scratch that the plan counts, and answered") {
  const std::string_view token = LongestToken(Home().image().vocab());
  std::string word;
  while (word.size() < 40000) word += token;
  Chat chat(Greedy(), Home().config().context_length, static_cast<uint32_t>(word.size()));
  LFM2_REQUIRE_OK(chat.chat.Add({ChatRole::kUser, word}));
  CHECK(chat.chat.pending_tokens() > 1000);
  CHECK(chat.open.arena.RimIsIntact());
  CHECK(chat.Context() == "<|startoftext|><|im_start|>user\n" + word + "<|im_end|>\n");
  LFM2_REQUIRE_OK(chat.chat.Answer(4, kIgnore));
  // Where activations leave no more room than was asked for, a longer word than promised says which option to change.
  Chat small(Greedy(), Home().config().context_length, 1024, 1);
  const Status refused = small.chat.Add({ChatRole::kUser, word});
  CHECK(refused.code() == StatusCode::kArenaTooSmall);
  CHECK(Text(refused).find("max_word_bytes") != std::string::npos);
  CHECK(small.chat.pending_tokens() == 0);
}

}  // namespace lfm2::test
