// Chat templates from files. Input: the template, 0xff, and the values as JSON.
#include <nlohmann/json.hpp>

#include "programs/jinja/render_within.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace jinja {

// As much as an execution may cost.
constexpr tools::jinja::Limits kLimits = {20'000, 1u << 16};

constexpr char kChat[] = R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},
{"role":"assistant","content":"<think>a</think>b","tool_calls":[{"function":{"name":"f","arguments":{"x":[1,"y"]}}}]}],
"tools":[{"type":"function"}],"add_generation_prompt":true,"bos_token":"<s>"})";

constexpr char kTemplate[] = R"jinja({%- macro text(content) -%}
  {%- if content is string -%}{{- content -}}
  {%- else -%}{%- for part in content -%}{{- part.text if part.type == "text" else part | tojson -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- set ns = namespace(system="", last=-1) -%}
{%- if messages and messages[0]["role"] == "system" -%}
  {%- set ns.system = text(messages[0].content) -%}{%- set messages = messages[1:] -%}
{%- endif -%}
{{- bos_token -}}{{- ns.system ~ ("" if not tools else tools | map("tojson") | join(", ")) -}}
{%- for m in messages -%}
  {%- if m.role == "user" -%}{%- set ns.last = loop.index0 -%}{%- endif -%}
  {{- "<" + m.role + ">" + text(m.get("content") or "").split("</think>")[-1] | trim -}}
  {%- for call in m.tool_calls or [] -%}
    {%- for name, value in call.function.arguments.items() -%}{{- name ~ "=" ~ value ~ "," -}}{%- endfor -%}
  {%- endfor -%}
{%- endfor -%})jinja";

void Run(std::string_view bytes) {
  Input input(bytes);
  const std::string source(input.Part());
  const std::string_view values = input.Rest();
  tools::JinjaContext context;
  context.values = nlohmann::ordered_json::parse(values.empty() ? std::string_view(kChat) : values, nullptr, false);
  context.date = "2026-11-05";
  std::string text, again;
  const tools::Error error = tools::jinja::RenderWithin(kLimits, source, context, &text);
  CheckSentence(error);
  LFM2_HOLDS(error.ok() || text.empty());
  LFM2_HOLDS(text.size() <= kLimits.output);
  LFM2_HOLDS(tools::jinja::RenderWithin(kLimits, source, context, &again).text() == error.text() && again == text);
}

std::vector<std::string> Seeds() {
  return {
      kTemplate,
      "{% macro m(a, b=2) %}{{ a ~ b }}{{ varargs }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}",
      "{% for k, v in d.items() if v is not none %}{{ loop.index }}{{ k[1:-1:2] }}{% else %}e{% endfor %}\xff"
      R"({"d":{"key":[1,2.5,true,null,{"a":"b"}]}})",
      "{% set ns = namespace(a=[]) %}{% set ns.a = ns.a + [ns] %}{% filter upper %}{{ ns.a | length }}{% endfilter %}",
      "{{ x | selectattr('a', 'equalto', 1) | map(attribute='a') | sort | join(', ') | tojson(indent=2) }}\xff"
      R"({"x":[{"a":1},{"a":2}]})",
      "{{ '%05.2f %s' % (1.5, [1, {'a': 'b'}]) }}{{ 7 // 2 ** 3 % 4 }}{{ 'a b'.split(' ', 1)[-1].rjust(5) }}",
      "{%- raw %}{{ {% endraw -%} {# c #} {{ strftime_now('%d %B %Y') }}{{ raise_exception('no') if x }}"};
}

std::vector<std::string> Words() {
  return {"{%",
          "%}",
          "{{",
          "}}",
          "{#",
          "#}",
          "-%}",
          "{%- ",
          "{% if ",
          "{% elif ",
          "{% else %}",
          "{% endif %}",
          "{% for ",
          " in ",
          "{% endfor %}",
          "{% set ",
          "{% endset %}",
          "{% macro ",
          "{% endmacro %}",
          "{% call ",
          "{% endcall %}",
          "{% filter ",
          "{% endfilter %}",
          "{% with ",
          "{% endwith %}",
          "{% break %}",
          "{% continue %}",
          "{% raw %}",
          "{% endraw %}",
          "{% generation %}",
          "{% endgeneration %}",
          "messages",
          "loop.",
          "namespace(",
          "range(",
          "dict(",
          "caller()",
          "varargs",
          "kwargs",
          " | ",
          " is ",
          " not ",
          " and ",
          " or ",
          " if ",
          " else ",
          " ~ ",
          "**",
          "//",
          "[::-1]",
          "[1:]",
          "| map(",
          "| select(",
          "| selectattr(",
          "| groupby(",
          "| tojson",
          "indent=",
          "| join(",
          "| sort",
          "| unique",
          "| list",
          "| first",
          "| last",
          "| length",
          "| int",
          "| float",
          "| round(",
          "| replace(",
          "| indent(",
          "| trim",
          "| default(",
          "| safe",
          "| title",
          "| dictsort",
          "| items",
          "| string",
          "attribute=",
          ".items()",
          ".split(",
          ".strip(",
          ".replace(",
          ".join(",
          ".format(",
          ".find(",
          ".get(",
          ".append(",
          "9223372036854775807",
          "1e308",
          "99999",
          "0x7fffffffffffffff",
          "%s",
          "%1000d",
          "\\u00e4",
          "\\U0001f600",
          "\xff{",
          "\xff{\"messages\":[",
          "\xc3\xa4",
          "\xf0\x9f\x98\x80",
          "\xce\xa3"};
}

}  // namespace jinja

const Target kJinja = {"jinja", 1024, &jinja::Run, &jinja::Seeds, &jinja::Words};

}  // namespace lfm2::fuzz
