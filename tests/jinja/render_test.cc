// The behaviour of the interpreter that the comparison with jinja2 does not cover: refusals.
#include "programs/jinja/render.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "programs/jinja/render_within.h"

namespace lfm2::tools {
namespace {

JinjaContext Values(const char* json) {
  JinjaContext context;
  context.values = nlohmann::ordered_json::parse(json);
  context.date = "2026-11-05";
  return context;
}

std::string Rendered(const std::string& source, const char* json = "{}") {
  std::string text;
  const Error error = RenderJinja(source, Values(json), &text);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return text;
}

std::string Refusal(const std::string& source, const char* json = "{}") {
  std::string text = "earlier content";
  const Error error = RenderJinja(source, Values(json), &text);
  CHECK(text.empty());
  return error.text();
}

std::string Repeated(const std::string& part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST_CASE("a chat is written as its template says") {
  CHECK(Rendered("{% for m in messages %}\n<{{ m.role }}>{{ m['content'] | trim }}\n{% endfor %}\n",
                 R"({"messages": [{"role": "user", "content": " hi "}, {"role": "tool", "content": "5"}]})") ==
        "<user>hi\n<tool>5\n");
  CHECK(Rendered("{{ strftime_now('%d %b %Y') }}") == "05 Nov 2026");
}

TEST_CASE("a refusal names the line and the reason") {
  CHECK(Refusal("a\nb\n{{ raise_exception('roles must alternate') }}") ==
        "line 3 of the chat template: it raised an exception: roles must alternate");
  CHECK(Refusal("\n{{ messages[0].role }}") == "line 2 of the chat template: messages is not defined");
  CHECK(Refusal("{{ m.role.name }}", R"({"m": {}})") == "line 1 of the chat template: a dict has no role");
  CHECK(Refusal("{% if x %}\n") == "line 1 of the chat template: the template ends where {% endif %} is missing");
  CHECK(Refusal("\n\n{% include 'x' %}") == "line 3 of the chat template: the tag {% include %} is not supported");
  CHECK(Refusal("{{ x | nothing }}") == "line 1 of the chat template: there is no filter nothing");
  CHECK(Refusal("{{ [1].append(2) }}") == "line 1 of the chat template: a template may not change a list with append");
}

TEST_CASE("text that is not UTF-8 is refused, in the template and in the values") {
  CHECK(Refusal("a\xff") == "the chat template is not UTF-8");
  JinjaContext context = Values("{}");
  context.values["x"] = "\xc3";
  std::string text;
  CHECK(RenderJinja("x", context, &text).text() == "line 1 of the chat template: a text in the values is not UTF-8");
}

TEST_CASE("an invalid date is refused if a template uses it") {
  JinjaContext context = Values("{}");
  std::string text;
  for (const char* date : {"", "2026-13-01", "2026-02-29", "2026-1-1", "tomorrow"}) {
    context.date = date;
    CHECK_FALSE(RenderJinja("{{ strftime_now('%Y') }}", context, &text).ok());
    CHECK(RenderJinja("no date", context, &text).ok());
  }
}

TEST_CASE("a template that runs too long or produces too much is stopped") {
  const char* const kEndless[] = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in 'xx' %}{% endfor %}{% endfor %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
      "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
      "{{ 'x' * 99999999999 }}",
      "{{ [1] * 99999999999 }}",
      "{{ 'x'.ljust(99999999999) }}",
      "{{ '%99999999d' % 1 }}",
      "{{ range(99999999999) }}",
      "{{ ('a' * 9999999).replace('a', 'b' * 9999999) }}",
      "{{ ('b' * 9999999).join('a' * 9999999) }}",
      "{{ ('a' * 9999999 + 'b') in ('a' * 9999998) * 1 }}",
      "{{ 9 ** 999999999 }}",
      "{{ range(99999) | map('string') | map('upper') | list | map('join', 'x' * 999999) | join('y' * 999999) }}",
      "{% for i in range(99999) %}{{ 'x' * 999 }}{% endfor %}",
  };
  for (const char* source : kEndless) {
    CAPTURE(source);
    CHECK_FALSE(Refusal(source).empty());
  }
}

TEST_CASE("nesting is limited when a template or its values are parsed") {
  const std::pair<const char*, const char*> kBrackets[] = {
      {"(", ")"}, {"[", "]"}, {"{'a':", "}"}, {"not ", ""}, {"- ", ""}, {"1 if 1 else ", ""}, {"f(", ")"}, {"f[", "]"}};
  for (const auto& bracket : kBrackets) {
    CAPTURE(bracket.first);
    const std::string opened = Repeated(bracket.first, 100'000), closed = Repeated(bracket.second, 100'000);
    CHECK_FALSE(Refusal("{{ " + opened + "1" + closed + " }}").empty());
  }
  for (const char* chain : {" | upper", ".a", "[0]", "()", " is string", " + 1", " ~ 1", " and 1", " ** 1", " == 1"}) {
    CAPTURE(chain);
    std::string text;
    const Error error = RenderJinja("{{ 1" + Repeated(chain, 20'000) + " }}", Values("{}"), &text);
    // When these two run, they are a single flat list.
    const bool flat = std::string(chain) == " ~ 1" || std::string(chain) == " == 1";
    CHECK(error.ok() == flat);
  }
  CHECK_FALSE(Refusal(Repeated("{% if 1 %}", 20'000) + Repeated("{% endif %}", 20'000)).empty());
  CHECK_FALSE(Refusal("{% if 0 %}" + Repeated("{% elif 0 %}", 20'000) + "{% endif %}").empty());
  JinjaContext context = Values("{}");
  for (int i = 0; i < 1000; ++i) context.values["x"] = nlohmann::ordered_json::array({context.values["x"]});
  std::string text;
  CHECK_FALSE(RenderJinja("{{ x }}", context, &text).ok());
}

TEST_CASE("real templates stay within the limits") {
  CHECK(Rendered("{{ " + Repeated("'a' + ", 100) + "'b' }}") == Repeated("a", 100) + "b");
  CHECK(Rendered("{% if 0 %}" + Repeated("{% elif 0 %}", 50) + "{% else %}x{% endif %}") == "x");
  std::string chat = R"({"messages": [)";
  for (int i = 0; i < 2000; ++i) chat += R"({"role": "user", "content": "a question of some length"},)";
  chat.back() = ']';
  const std::string text = Rendered(
      "{% for m in messages %}{% if loop.index0 == messages | length - 1 %}L{% endif %}{{ '<' + m.role + '>' + "
      "m.content.split('</think>')[-1] | trim }}{% endfor %}",
      (chat + "}").c_str());
  CHECK(text.size() == 2000 * 31 + 1);
}

TEST_CASE("a caller's own limits apply") {
  std::string text;
  const jinja::Limits few_steps = {100, 1000}, short_text = {10'000, 10};
  const std::string source = "{% for i in range(30) %}{{ i }}{% endfor %}";
  CHECK(jinja::RenderWithin(few_steps, source, Values("{}"), &text).text() ==
        "line 1 of the chat template: it runs too long: a chat template is limited to 100 steps");
  CHECK(jinja::RenderWithin(short_text, source, Values("{}"), &text).text() ==
        "line 1 of the chat template: it makes a text of more than 10 bytes");
  CHECK(jinja::RenderWithin(few_steps, "{{ 1 }}", Values("{}"), &text).ok());
}

}  // namespace
}  // namespace lfm2::tools
