// The chats of every published template, through a conversation: its context is the published text, token by token.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "programs/text/chat_formats.h"
#include "programs/text/chat_json.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

using Json = nlohmann::ordered_json;

Json ReadVariant(std::string_view name) {
  std::ifstream file(std::string(LFM2_TEST_DATA "/text/chat-variants/") + std::string(name) + ".json");
  REQUIRE(file.good());
  return Json::parse(file);
}

std::vector<int32_t> Tokens(const std::string& text) {
  std::vector<std::byte> scratch(Tokenizer::ScratchBytes(text.size()));
  std::vector<int32_t> ids(text.size());
  size_t count = 0;
  LFM2_REQUIRE_OK(Tokenizer(Home().image().vocab()).Encode(text, {true, false}, scratch, ids, &count));
  ids.resize(count);
  return ids;
}

TEST_CASE(
    "a conversation's context is what each published template writes: the same text, and where no content looks "
    "like a marker the same tokens") {
  SessionOptions session_options;
  session_options.context_length = 2048;
  session_options.max_word_bytes = 1024;
  const OpenSession open(Home().image(), session_options);
  size_t same_tokens = 0;
  for (const ChatFormat& format : tools::KnownChatFormats()) {
    const Json json = ReadVariant(format.name);
    const std::string date = json["date"];
    REQUIRE(json["cases"].size() == 24);
    for (const Json& c : json["cases"]) {
      CAPTURE(c.dump());
      tools::ChatJson chat;
      REQUIRE(chat.ReadMessages(format, c["messages"]).ok());
      REQUIRE(chat.ReadTools(c["tools"]).ok());
      const ChatPrompt prompt = chat.Prompt(false);
      ConversationOptions options = Greedy();
      options.chat_format = &format;
      options.date = date;
      options.tools = prompt.tools;
      Conversation conversation;
      LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
      LFM2_REQUIRE_OK(conversation.Add(prompt.messages));
      const int32_t* const added = open.session->token_room().data();
      // The prompt of an answer, without its computation.
      if (c["add_generation_prompt"]) LFM2_REQUIRE_OK(conversation.BeginAnswer(1));
      const std::vector<int32_t> ids(added, added + conversation.pending_tokens());
      std::string text(65536, '\0');
      size_t size = 0;
      LFM2_REQUIRE_OK(
          Detokenize(Home().image().vocab(), {ids.data(), ids.size()}, true, {text.data(), text.size()}, &size));
      text.resize(size);
      const std::string want = c["text"];
      CHECK(text == want);
      const std::string messages = c["messages"].dump() + c["tools"].dump();
      if (messages.find("<|") == std::string::npos && messages.find("think>") == std::string::npos) {
        CHECK(ids == Tokens(want));
        ++same_tokens;
      }
      conversation.Abort();
    }
  }
  CHECK(same_tokens > 40);
}

TEST_CASE("with system text, tools and LFM2.5's template, answers are those of a session given the published text") {
  const char* const command = "Could you remind me in 21 minutes please.";
  const std::string_view tools[] = {"{\"name\": \"start_timer\", \"parameters\": {\"minutes\": \"int\"}}",
                                    "{\"name\": \"set_light\"}"};
  ConversationOptions options = Greedy();
  options.chat_format = tools::FindChatFormat("lfm2_5");
  options.system = "Be brief.";
  options.tools = tools;
  SessionOptions session_options;
  session_options.context_length = 512;
  const OpenSession open(Home().image(), session_options), plain(Home().image(), session_options);
  Conversation conversation;
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  LFM2_REQUIRE_OK(conversation.Add({ChatRole::kUser, command}));
  std::string context = "<|startoftext|><|im_start|>system\nBe brief.\nList of tools: [" + std::string(tools[0]) +
                        ", " + std::string(tools[1]) + "]<|im_end|>\n<|im_start|>user\n" + command + "<|im_end|>\n";
  for (const char* const result : {"{\"ok\": true}", "{\"ok\": false}", ""}) {
    std::string answer, want;
    LFM2_REQUIRE_OK(conversation.Answer(40, [&](std::string_view text) { answer += text; }));
    CHECK(conversation.answer_end() == AnswerEnd::kStop);
    context += "<|im_start|>assistant\n";
    const std::vector<int32_t> prompt = Tokens(context);
    plain.session->Reset();
    LFM2_REQUIRE_OK(plain.session->Prefill({prompt.data(), prompt.size()}));
    for (uint32_t i = 0; i < 40; ++i) {
      const Span<const float> logits = plain.session->logits();
      const int32_t best = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      if (HomeVocab().IsStop(best)) break;
      want += HomeVocab().TokenBytes(best);
      LFM2_REQUIRE_OK(plain.session->Decode(best));
    }
    CHECK(answer == want);
    CHECK(!answer.empty());
    const Span<const int32_t> got = open.session->tokens(), expected = plain.session->tokens();
    CHECK(std::vector<int32_t>(got.begin(), got.end()) == std::vector<int32_t>(expected.begin(), expected.end()));
    context += answer + "<|im_end|>\n<|im_start|>tool\n" + result + "<|im_end|>\n";
    LFM2_REQUIRE_OK(conversation.Add({ChatRole::kTool, result}));
  }
}

TEST_CASE("a template that begins every answer within a thought: its budget holds from the first token on") {
  ConversationOptions options = Greedy();
  options.chat_format = tools::FindChatFormat("lfm2_5_think");
  SessionOptions session_options;
  session_options.context_length = 256;
  const OpenSession open(Home().image(), session_options);
  Conversation conversation;
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  AnswerOptions answer(16);
  answer.max_thought_tokens = 2;
  std::string text;
  LFM2_REQUIRE_OK(conversation.Ask("Hi.", answer, [&](std::string_view piece) { text += piece; }));
  CHECK(text.find("</think>") != std::string::npos);
  text.clear();
  answer.begin = "<think></think>";
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  LFM2_REQUIRE_OK(conversation.Ask("Hi.", answer, [&](std::string_view piece) { text += piece; }));
  CHECK(text.find("</think>") == std::string::npos);
}

TEST_CASE("a fine-tune's own system text is what the model is told, unless the caller says something else") {
  ChatFormat format = *tools::FindChatFormat("lfm2");
  format.default_system = "Extract names.";
  ConversationOptions options = Greedy();
  options.chat_format = &format;
  const OpenSession open(Home().image(), SessionOptions());
  Conversation conversation;
  const auto begin = [&] {
    LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
    LFM2_REQUIRE_OK(conversation.Add({ChatRole::kUser, "x"}));
    const int32_t* const ids = open.session->token_room().data();
    return std::vector<int32_t>(ids, ids + conversation.pending_tokens());
  };
  const std::string turn = "<|im_start|>user\nx<|im_end|>\n";
  CHECK(begin() == Tokens("<|startoftext|><|im_start|>system\nExtract names.<|im_end|>\n" + turn));
  options.system = "Be brief.";
  CHECK(begin() == Tokens("<|startoftext|><|im_start|>system\nBe brief.<|im_end|>\n" + turn));
  const ChatMessage none[] = {{ChatRole::kSystem, ""}, {ChatRole::kUser, "x"}};
  options.system = {};
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  LFM2_REQUIRE_OK(conversation.Add(none));
  CHECK(conversation.pending_tokens() == Tokens("<|startoftext|>" + turn).size());
}

TEST_CASE("a date is checked when a conversation begins, and asked for where the template writes it") {
  const std::string_view tool = "{\"name\": \"f\"}";
  ConversationOptions options = Greedy();
  options.chat_format = tools::FindChatFormat("lfm2_5_date");
  const OpenSession open(Home().image(), SessionOptions());
  Conversation conversation;
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));  // without tools it writes none
  options.tools = {&tool, 1};
  for (const char* bad : {"", "tomorrow", "2026-02-29"}) {
    CAPTURE(bad);
    options.date = bad;
    const Status status = conversation.Open(open.session.get(), options);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(std::string(status.where()) == "date");
    CHECK_FALSE(conversation.is_open());
  }
  options.date = "2026-11-25";
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  options.chat_format = nullptr;  // with tools, a date that nobody writes is checked all the same
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), options));
  options.date = "2026-11";
  CHECK(conversation.Open(open.session.get(), options).code() == StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lfm2::test
