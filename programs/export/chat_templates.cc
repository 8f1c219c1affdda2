#include "programs/export/chat_templates.h"

#include <string_view>
#include <utility>
#include <vector>

#include "programs/files/json_dumps.h"
#include "programs/text/described_chat.h"

namespace lfm2::tools {

namespace {

constexpr char kTextOfJson[] = R"jinja({%- macro text_of(content) -%}
  {{- content if content is string else content | tojson -}}
{%- endmacro -%}
)jinja";

constexpr char kTextOfJsonOrEmpty[] = R"jinja({%- macro text_of(content) -%}
  {%- if content is string -%}{{- content -}}
  {%- elif content is defined and content is not none -%}{{- content | tojson -}}
  {%- endif -%}
{%- endmacro -%}
)jinja";

constexpr char kTextOfParts[] = R"jinja({%- macro text_of(content) -%}
  {%- if content is string -%}{{- content -}}
  {%- elif content is mapping -%}{{- content | tojson if content else "" -}}
  {%- elif content is iterable -%}
    {%- for part in content -%}
      {%- if part is string -%}{{- part -}}
      {%- elif part is mapping and part.type == "text" -%}{{- (part.text or "") | string -}}
      {%- elif part is mapping and part.type == "image" -%}{{- "<image>" -}}
      {%- else -%}{{- part | tojson -}}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
)jinja";

constexpr char kTextOfPartObjects[] = R"jinja({%- macro text_of(content) -%}
  {%- if content is string -%}{{- content -}}
  {%- elif content -%}
    {%- for part in content -%}
      {%- if part is mapping and part.type == "text" -%}{{- part.text -}}
      {%- elif part is mapping and part.type == "image" -%}{{- "<image>" -}}
      {%- else -%}{{- part | tojson -}}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
)jinja";

constexpr char kArgument[] = R"jinja({%- macro argument(value) -%}
  {%- if value is string -%}@QUOTED@
  {%- elif value is mapping -%}{{- value | @OBJECTS@ -}}
  {%- elif value is iterable -%}{{- value | @LISTS@ -}}
  {%- else -%}{{- value | string -}}
  {%- endif -%}
{%- endmacro -%}
)jinja";

constexpr char kEscaped[] = R"jinja(
    {%- set escaped = value | replace("\\", "\\\\") | replace("'", "\\'") -%}
    {{- "'" ~ (escaped | replace("\n", "\\n") | replace("\r", "\\r")) ~ "'" -}})jinja";

constexpr char kCalls[] = R"jinja({%- macro calls_of(calls) -%}
  {{- @CALLS_BEGIN@ -}}
  {%- for call in calls -%}
    {%- set function = call.function if call.function is defined else call -%}
    {{- function.name ~ "(" -}}
    {%- for name, value in (function.arguments or {}).items() -%}
      {{- name ~ "=" ~ argument(value) ~ ("" if loop.last else ", ") -}}
    {%- endfor -%}
    {{- ")" ~ ("" if loop.last else ", ") -}}
  {%- endfor -%}
  {{- @CALLS_END@ -}}
{%- endmacro -%}
)jinja";

constexpr char kHead[] = R"jinja({%- set state = namespace(system=@DEFAULT@, last=-1) -%}
{%- if messages[0].role == "system" -%}
  {%- set state.system = (text_of(messages[0].content) if messages[0].content else "")@OR_DEFAULT@ -%}
  {%- set messages = messages[1:] -%}
{%- endif -%}
{%- if tools -%}
  {%- set state.system = state.system ~ (@JOINT@ if state.system else "")@DATE@ ~ @TOOLS_BEGIN@ -%}
  {%- for tool in tools -%}
    {%- set state.system = state.system ~ (tool if tool is string else tool | tojson) ~ ("" if loop.last else ", ") -%}
  {%- endfor -%}
  {%- set state.system = state.system ~ @TOOLS_END@ -%}
{%- endif -%}
{{- bos_token -}}
{%- if state.system -%}{{- "<|im_start|>system\n" ~ state.system ~ "<|im_end|>\n" -}}{%- endif -%}
)jinja";

constexpr char kLast[] = R"jinja({%- set @OPTION@ = @OPTION@ | default(false) -%}
{%- for m in messages -%}{%- if m.role == "@ROLE@" -%}{%- set state.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
)jinja";

constexpr char kMessages[] = R"jinja({%- for m in messages -%}
  {{- "<|im_start|>" ~ m.role ~ "\n" -}}
  {%- set content = text_of(m.content) -%}
  {%- if m.role == "assistant" -%}@ASSISTANT@
  {%- elif m.role == "tool" -%}{{- @RESPONSE_BEGIN@ ~ content ~ @RESPONSE_END@ -}}
  {%- else -%}{{- content -}}
  {%- endif -%}
  {{- "<|im_end|>\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\n" ~ @ANSWER@ -}}{%- endif -%}
)jinja";

constexpr char kKeep[] = R"jinja(
    {%- set keep = @OPTION@ or loop.index0 @IS_AFTER@ state.last -%})jinja";

constexpr char kThinking[] = R"jinja(
    {%- set thinking = @THINKING@ -%}
    {%- if thinking is string@AND_KEEP@@AND_THINKING@ -%}{{- "<think>" ~ thinking ~ "</think>" -}}{%- endif -%})jinja";

constexpr char kStrip[] = R"jinja(
    {%- if not keep and "</think>" in content -%}
      {%- set content = content.split("</think>")[-1] | trim -%}
    {%- endif -%})jinja";

constexpr char kWriteCalls[] = R"jinja(
    {%- if @HAS_CALLS@ -%}{{- calls_of(m.tool_calls) -}}{%- endif -%})jinja";

constexpr char kContent[] = R"jinja(
    {{- content -}})jinja";

using Words = std::vector<std::pair<std::string_view, std::string>>;

// A piece of Jinja with every @WORD@ replaced. Replacements are not searched again.
std::string Filled(std::string_view text, const Words& words) {
  std::string out;
  while (!text.empty()) {
    bool found = false;
    for (const auto& [word, value] : words) {
      if (text[0] != '@' || text.substr(1, word.size()) != word || text.substr(1 + word.size(), 1) != "@") continue;
      out += value;
      text.remove_prefix(word.size() + 2);
      found = true;
      break;
    }
    if (found) continue;
    out += text[0];
    text.remove_prefix(1);
  }
  return out;
}

// A string literal of Jinja. Its escapes are Python's, which include those of JSON.
std::string Quoted(std::string_view text) { return JsonString(text); }

const char* TextOf(ChatContents contents) {
  switch (contents) {
    case ChatContents::kJson: return kTextOfJson;
    case ChatContents::kJsonOrEmpty: return kTextOfJsonOrEmpty;
    case ChatContents::kParts: return kTextOfParts;
    case ChatContents::kPartObjects: return kTextOfPartObjects;
  }
  return "";
}

const char* QuotedArgument(ChatQuotes quotes) {
  switch (quotes) {
    case ChatQuotes::kEscaped: return kEscaped;
    case ChatQuotes::kPlain: return R"jinja({{- "'" ~ value ~ "'" -}})jinja";
    case ChatQuotes::kDouble: return R"jinja({{- '"' ~ value ~ '"' -}})jinja";
  }
  return "";
}

std::string Filter(ChatNesting nesting) { return nesting == ChatNesting::kJson ? "tojson" : "string"; }

std::string Assistant(const ChatFormat& f, const std::string& option) {
  const bool keeps_all = f.thoughts == ChatThoughts::kAsWritten;
  const bool given_empty = f.has(kChatGivenEmpty);
  std::string out;
  if (!keeps_all) {
    const bool by_user = f.thoughts == ChatThoughts::kAfterLastUser;
    out += Filled(kKeep, {{"OPTION", option}, {"IS_AFTER", by_user ? ">" : "=="}});
  }
  if (f.has(kChatThinking)) {
    const bool renamed = f.has(kChatReasoning);
    out += Filled(kThinking, {{"THINKING", renamed ? "m.thinking or m.reasoning or m.reasoning_content" : "m.thinking"},
                              {"AND_KEEP", keeps_all ? "" : " and keep"},
                              {"AND_THINKING", given_empty && !renamed ? "" : " and thinking"}});
  }
  if (!keeps_all) out += kStrip;
  const std::string has_calls = given_empty ? "m.tool_calls is defined and m.tool_calls is not none" : "m.tool_calls";
  const std::string calls = Filled(kWriteCalls, {{"HAS_CALLS", has_calls}});
  if (f.calls == ChatCalls::kBeforeContent) out += calls;
  out += kContent;
  if (f.calls == ChatCalls::kAfterContent) out += calls;
  return out;
}

}  // namespace

std::string JinjaOf(const ChatFormat& format) {
  const ChatFormat& f = format;
  if (f.name.empty()) return std::string();
  const bool by_user = f.thoughts == ChatThoughts::kAfterLastUser;
  const std::string option = by_user ? "preserve_thinking" : "keep_past_thinking";
  std::string out = "{#- A chat template in the wording of lfm2-export. -#}\n" + DescriptionOf(f) + TextOf(f.contents);
  if (f.calls != ChatCalls::kNotWritten) {
    out += Filled(kArgument,
                  {{"QUOTED", QuotedArgument(f.quotes)}, {"OBJECTS", Filter(f.objects)}, {"LISTS", Filter(f.lists)}});
    out += Filled(kCalls, {{"CALLS_BEGIN", Quoted(f.calls_begin)}, {"CALLS_END", Quoted(f.calls_end)}});
  }
  const std::string date = f.writes_date()
                               ? " ~ " + Quoted(f.date_begin) + " ~ strftime_now(\"%Y-%m-%d\") ~ " + Quoted(f.date_end)
                               : std::string();
  out += Filled(kHead, {{"DEFAULT", Quoted(f.default_system)},
                        {"OR_DEFAULT", f.has(kChatDefaultIfEmpty) ? " or " + Quoted(f.default_system) : ""},
                        {"JOINT", Quoted(f.tools_joint)},
                        {"DATE", date},
                        {"TOOLS_BEGIN", Quoted(f.tools_begin)},
                        {"TOOLS_END", Quoted(f.tools_end)}});
  if (f.thoughts != ChatThoughts::kAsWritten) {
    out += Filled(kLast, {{"OPTION", option}, {"ROLE", by_user ? "user" : "assistant"}});
  }
  return out + Filled(kMessages, {{"ASSISTANT", Assistant(f, option)},
                                  {"RESPONSE_BEGIN", Quoted(f.response_begin)},
                                  {"RESPONSE_END", Quoted(f.response_end)},
                                  {"ANSWER", Quoted(f.answer)}});
}

}  // namespace lfm2::tools
