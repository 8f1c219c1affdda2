#include "tools/export/chat_templates.h"

namespace lfm2::tools {

namespace {

constexpr char kLfm2[] = R"jinja({#- The chats of LFM2, in the wording of lfm2-export. -#}
{%- set state = namespace(system="") -%}
{%- if messages[0].role == "system" -%}
  {%- set state.system = messages[0].content -%}
  {%- set messages = messages[1:] -%}
{%- endif -%}
{%- if tools -%}
  {%- set state.system = state.system ~ ("\n" if state.system else "") ~ "List of tools: <|tool_list_start|>[" -%}
  {%- for tool in tools -%}
    {%- set state.system = state.system ~ (tool if tool is string else tool | tojson) ~ ("" if loop.last else ", ") -%}
  {%- endfor -%}
  {%- set state.system = state.system ~ "]<|tool_list_end|>" -%}
{%- endif -%}
{{- bos_token -}}
{%- if state.system -%}{{- "<|im_start|>system\n" ~ state.system ~ "<|im_end|>\n" -}}{%- endif -%}
{%- for m in messages -%}
  {%- set content = m.content if m.content is string else m.content | tojson -%}
  {{- "<|im_start|>" ~ m.role ~ "\n" -}}
  {%- if m.role == "tool" -%}{{- "<|tool_response_start|>" ~ content ~ "<|tool_response_end|>" -}}
  {%- else -%}{{- content -}}
  {%- endif -%}
  {{- "<|im_end|>\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\n" -}}{%- endif -%}
)jinja";

constexpr char kLfm2_5[] = R"jinja({#- The chats of LFM2.5, in the wording of lfm2-export. -#}
{%- set preserve_thinking = preserve_thinking | default(false) -%}
{%- macro text_of(content) -%}
  {%- if content is string -%}{{- content -}}
  {%- else -%}
    {%- for part in content -%}
      {%- if part.type == "text" -%}{{- part.text -}}
      {%- elif part.type == "image" -%}{{- "<image>" -}}
      {%- else -%}{{- part | tojson -}}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- macro argument(value) -%}
  {%- if value is string -%}
    {%- set escaped = value | replace("\\", "\\\\") | replace("'", "\\'") -%}
    {{- "'" ~ (escaped | replace("\n", "\\n") | replace("\r", "\\r")) ~ "'" -}}
  {%- elif value is mapping or value is iterable -%}{{- value | tojson -}}
  {%- else -%}{{- value | string -}}
  {%- endif -%}
{%- endmacro -%}
{%- set state = namespace(system="", last_user=-1) -%}
{%- if messages[0].role == "system" -%}
  {%- set state.system = text_of(messages[0].content) -%}
  {%- set messages = messages[1:] -%}
{%- endif -%}
{%- if tools -%}
  {%- set state.system = state.system ~ ("\n" if state.system else "") ~ "List of tools: [" -%}
  {%- for tool in tools -%}
    {%- set state.system = state.system ~ (tool if tool is string else tool | tojson) ~ ("" if loop.last else ", ") -%}
  {%- endfor -%}
  {%- set state.system = state.system ~ "]" -%}
{%- endif -%}
{{- bos_token -}}
{%- if state.system -%}{{- "<|im_start|>system\n" ~ state.system ~ "<|im_end|>\n" -}}{%- endif -%}
{%- for m in messages -%}{%- if m.role == "user" -%}{%- set state.last_user = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
  {{- "<|im_start|>" ~ m.role ~ "\n" -}}
  {%- set content = text_of(m.content) if m.content else "" -%}
  {%- if m.role == "assistant" -%}
    {%- set keep = preserve_thinking or loop.index0 > state.last_user -%}
    {%- if m.thinking and keep -%}{{- "<think>" ~ m.thinking ~ "</think>" -}}{%- endif -%}
    {%- if not keep and "</think>" in content -%}{%- set content = content.split("</think>")[-1] | trim -%}{%- endif -%}
    {{- content -}}
    {%- if m.tool_calls -%}
      {{- "<|tool_call_start|>[" -}}
      {%- for call in m.tool_calls -%}
        {{- call.function.name ~ "(" -}}
        {%- for name, value in call.function.arguments.items() -%}
          {{- name ~ "=" ~ argument(value) ~ ("" if loop.last else ", ") -}}
        {%- endfor -%}
        {{- ")" ~ ("" if loop.last else ", ") -}}
      {%- endfor -%}
      {{- "]<|tool_call_end|>" -}}
    {%- endif -%}
  {%- else -%}{{- content -}}
  {%- endif -%}
  {{- "<|im_end|>\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\n" -}}{%- endif -%}
)jinja";

}  // namespace

std::string JinjaOf(ChatTemplate kind) {
  switch (kind) {
    case ChatTemplate::kNone: return "";
    case ChatTemplate::kLfm2: return kLfm2;
    case ChatTemplate::kLfm2_5: return kLfm2_5;
  }
  return "";
}

}  // namespace lfm2::tools
