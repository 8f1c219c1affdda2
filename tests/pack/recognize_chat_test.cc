#include "programs/pack/recognize_chat.h"

#include <doctest/doctest.h>

#include <random>

#include "programs/export/chat_templates.h"
#include "programs/pack/chat_probes.h"
#include "programs/text/chat_format_json.h"
#include "tests/pack/texts.h"

namespace lfm2::test {
namespace {

constexpr char kBos[] = "<|startoftext|>", kEos[] = "<|im_end|>";

ChatFormat Known(const char* name) {
  const ChatFormat* const format = tools::FindChatFormat(name);
  REQUIRE_MESSAGE(format != nullptr, name);
  return *format;
}

tools::OwnedChatFormat Recognized(const std::string& jinja) {
  tools::OwnedChatFormat format;
  const tools::Error error = tools::RecognizeChat(jinja, kBos, kEos, &format);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return format;
}

std::string Refused(const std::string& jinja) {
  tools::OwnedChatFormat format;
  const tools::Error error = tools::RecognizeChat(jinja, kBos, kEos, &format);
  REQUIRE_FALSE(error.ok());
  CHECK_FALSE(format.has_name());
  const std::string text = error.text();
  CHECK(text.find("--template") != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

TEST_CASE("every published template is recognised by what it does, with a system text of its own or none") {
  for (const char* system : {"", "Return a JSON object.", "a \"b\"\n\\c {{ d }} {% e %} \xc3\xa9 #}"}) {
    for (const uint8_t if_empty : {uint8_t{0}, kChatDefaultIfEmpty}) {
      for (ChatFormat format : tools::KnownChatFormats()) {
        format.default_system = system;
        if (format.default_system.size() > 0) format.flags |= if_empty;
        CAPTURE(format.name);
        const std::string jinja = tools::JinjaOf(format);
        const tools::OwnedChatFormat owned = Recognized(jinja);
        CHECK(owned.view().name == format.name);
        CHECK(tools::SamePieces(owned.view(), format));
        // The same text again: an image of it is the same, and so is what is exported from it.
        CHECK(tools::JinjaOf(owned.view()) == jinja);
      }
    }
  }
  std::string published = ReadWholeFile(LFM2_TEST_DATA "/text/lfm2.jinja");
  REQUIRE_FALSE(published.empty());
  CHECK(Recognized(published).view().name == "lfm2");
  std::string crlf;
  for (const char c : published) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(Recognized(crlf).view().name == "lfm2");
}

TEST_CASE("details of how a chat in JSON is read are found too, and need not be those of the published template") {
  const std::string v2 = tools::JinjaOf(Known("lfm2_v2"));
  const tools::OwnedChatFormat strict =
      Recognized(With(v2, "{%- elif content is defined and content is not none -%}", "{%- else -%}"));
  CHECK(strict.view().name == "lfm2_v2");
  CHECK(strict.view().contents == ChatContents::kJson);
  const tools::OwnedChatFormat given = Recognized(
      With(tools::JinjaOf(Known("lfm2_5")), "thinking is string and keep and thinking", "thinking is string and keep"));
  CHECK(given.view().name == "lfm2_5");
  // A template that refuses what is not a text has no such detail.
  CHECK(Recognized(
            With(tools::JinjaOf(Known("lfm2")), "content if content is string else content | tojson", "content + \"\""))
            .view()
            .name == "lfm2");
}

TEST_CASE("a template that writes anything else is refused with the nearest, the chat and the first difference") {
  const std::string raw = tools::JinjaOf(Known("lfm2_5_raw")), date = tools::JinjaOf(Known("lfm2_5_date"));
  const std::string newer = tools::JinjaOf(Known("lfm2_5")), past = tools::JinjaOf(Known("lfm2_5_keep_past"));
  const std::string lfm2 = tools::JinjaOf(Known("lfm2"));
  CHECK(Has(Refused(With(newer, "\"<|im_start|>assistant\\n\"", "\"<|im_start|>assistant\\n<think></think>\"")),
            "the nearest is lfm2_5, but of a chat with a question it writes"));
  const std::string joint = Refused(With(lfm2, "List of tools: ", "Tools: "));
  CHECK(Has(joint, "nearest is lfm2,"));
  CHECK(Has(joint, "of a chat with tools it writes"));
  CHECK(Has(joint, "Tools: <|"));
  CHECK(Has(joint, "at byte 34"));
  CHECK(
      Has(Refused(With(raw, "value | string -}}\n  {%- else", "value | tojson -}}\n  {%- else")), "a list as an arg"));
  CHECK(Has(Refused(With(newer, "replace(\"\\r\", \"\\\\r\")", "replace(\"\\t\", \"\\\\t\")")),
            "a text with quotes and line breaks"));
  CHECK(Has(Refused(With(date, "%Y-%m-%d", "%d.%m.%Y")), "25"));
  CHECK(Has(Refused(With(past, "[-1] | trim", "[-1]")), "thoughts"));
  CHECK(Has(Refused(With(past, "loop.index0 == state.last", "loop.index0 >= 0")), "thoughts"));
  CHECK(Has(Refused(With(lfm2, "<|tool_response_end|>", "")), "the result of a tool"));
  CHECK(Has(Refused(With(lfm2, "{{- bos_token -}}", "")), "at byte 2"));
  CHECK(Has(Refused(With(lfm2, "{%- for m in messages -%}",
                         "{%- for m in messages -%}{%- if m.role == \"tool\" -%}{{- raise_exception(\"no tools\") -}}"
                         "{%- endif -%}")),
            "it reports: "));
  CHECK(Has(Refused(With(lfm2, "namespace(system=\"\"", "namespace(system=strftime_now(\"%d\")")), "nearest is lfm2"));
  // Strangers.
  Refused("{% for m in messages %}{{ m.role + ': ' + m.content }}{% endfor %}");
  CHECK(Has(Refused("{% for m in %}"), "cannot be run"));
  CHECK(Has(Refused("{{ raise_exception('never') }}"), "never"));
  Refused("");
}

TEST_CASE("no probe is there for nothing: between any two published templates one tells them apart by core alone") {
  for (const ChatFormat& a : tools::KnownChatFormats()) {
    for (const ChatFormat& b : tools::KnownChatFormats()) {
      if (a.name == b.name) continue;
      CHECK_FALSE(tools::SamePieces(a, b));
      CHECK(Recognized(tools::JinjaOf(a)).view().name != b.name);
    }
  }
  CHECK(tools::ChatProbes().size() > 20);
}

TEST_CASE("pieces that no published template has come back from the template that is exported with them") {
  std::mt19937 random(4);
  const char* const kTexts[] = {"", "<|x|>[", "]", "\n", "#}", "@ANSWER@", "\"'\\{{", "\xc3\xa9 -#}"};
  size_t published = 0;
  for (int round = 0; round < 60; ++round) {
    const auto below = [&](uint32_t n) { return random() % n; };
    ChatFormat format = tools::KnownChatFormats()[below(7)];
    format.name = "mine";
    for (uint32_t i = 1; i < kChatTextCount; ++i) {
      if (below(3) == 0) format.*kChatTexts[i] = kTexts[below(8)];
    }
    if (format.date_begin.empty()) format.date_end = "";
    if (below(2) == 0) format.thoughts = static_cast<ChatThoughts>(below(3));
    if (below(2) == 0) format.calls = static_cast<ChatCalls>(below(3));
    if (below(2) == 0) format.quotes = static_cast<ChatQuotes>(below(3));
    if (below(2) == 0) format.lists = static_cast<ChatNesting>(below(2));
    if (below(2) == 0) format.objects = static_cast<ChatNesting>(below(2));
    if (below(2) == 0) format.contents = static_cast<ChatContents>(below(4));
    if (below(2) == 0) format.flags = static_cast<uint8_t>(below(4) * 4 + (below(2) == 0 ? 3 : 0));
    const std::string jinja = tools::JinjaOf(format);
    CAPTURE(jinja);
    const tools::OwnedChatFormat owned = Recognized(jinja);
    CHECK(tools::SamePieces(owned.view(), format));
    if (owned.view().name != "mine") ++published;
  }
  CHECK(published < 10);
  // A description that the template does not follow is not believed.
  ChatFormat format = Known("lfm2");
  format.tools_joint = "\n\n\n";
  Refused(With(tools::JinjaOf(format), "\"\\n\\n\\n\" if state", "\"\\n\" ~ \"!\" if state"));
  CHECK(Recognized(With(tools::JinjaOf(format), "\"\\n\\n\\n\" if state", "\"\\n\" if state")).view().name == "lfm2");
}

TEST_CASE("pieces as JSON: what is missing is as in another template, what is unknown is refused") {
  for (const ChatFormat& format : tools::KnownChatFormats()) {
    tools::OwnedChatFormat again;
    const tools::Error error = tools::ParseChatFormat(tools::ChatFormatJson(format).dump(), &again);
    REQUIRE_MESSAGE(error.ok(), error.text());
    CHECK(again.view().name == format.name);
    CHECK(tools::SamePieces(again.view(), format));
  }
  tools::OwnedChatFormat like;
  REQUIRE(tools::ParseChatFormat(R"({"like": "lfm2_5", "quotes": "double", "reasoning": false, "answer": "x"})", &like)
              .ok());
  ChatFormat want = Known("lfm2_5");
  want.quotes = ChatQuotes::kDouble;
  want.flags = kChatThinking;
  want.answer = "x";
  CHECK(like.view().name == "described");
  CHECK(tools::SamePieces(like.view(), want));
  const std::pair<const char*, const char*> bad[] = {{"[]", ""},
                                                     {R"({"like": "chatml"})", "chatml"},
                                                     {R"({"quote": "double"})", "quote"},
                                                     {R"({"quotes": "single"})", "escaped, plain, double"},
                                                     {R"({"thinking": 1})", "thinking"},
                                                     {R"({"answer": 1})", "answer"},
                                                     {R"({"name": ""})", "name"}};
  for (const auto& [json, part] : bad) {
    const tools::Error error = tools::ParseChatFormat(json, &like);
    CHECK_FALSE(error.ok());
    CHECK(Has(error.text(), part));
  }
  CHECK_FALSE(tools::ParseChatFormat("{\"answer\": \"" + std::string(65536, 'x') + "\"}", &like).ok());
}

}  // namespace
}  // namespace lfm2::test
