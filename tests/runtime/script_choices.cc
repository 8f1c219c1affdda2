#include "tests/runtime/script_choices.h"

namespace lfm2::test {

std::string ScriptChoices::Text(uint32_t words) {
  static const char* const kWords[] = {"Turn",
                                       " the",
                                       " light",
                                       " on",
                                       "\n",
                                       "\n\n",
                                       " na\xc3\xafve",
                                       " \xf0\x9f\x99\x82",
                                       "\xe4\xbd\xa0\xe5\xa5\xbd",
                                       " 21",
                                       " <|im_end|>",
                                       " <think>",
                                       "</think>",
                                       " {\"ok\": true}",
                                       "User:",
                                       "\xff\xc3"};
  std::string text;
  for (uint32_t n = Below(words + 1); n > 0; --n) text += kWords[Below(16)];
  return text;
}

SamplerOptions ScriptChoices::Sampler() {
  SamplerOptions sampler;
  sampler.temperature = Below(2) == 0 ? 0.0f : 1.5f;
  sampler.repetition_penalty = Below(2) == 0 ? 1.0f : 1.1f;
  sampler.min_p = 0.0f;
  sampler.top_k = Below(2) == 0 ? 0 : 40;
  sampler.seed = random_();
  return sampler;
}

Message ScriptChoices::NextMessage(bool of_history) {
  const ChatRole kRoles[] = {ChatRole::kUser, ChatRole::kUser, ChatRole::kTool, ChatRole::kAssistant,
                             ChatRole::kSystem};
  Message message;
  message.role = kRoles[Below(of_history ? 4 : Below(20) == 0 ? 5 : 3)];
  message.content = Text(5);
  if (message.role == ChatRole::kAssistant && Below(2) == 0) message.thinking = Text(2);
  if (message.role == ChatRole::kAssistant && Below(3) == 0)
    message.tool_calls = {R"({"name":"f","arguments":{"a":1}})", R"({"name":"g"})"};
  return message;
}

// Tokens that an answer is made to begin with: characters cut into bytes, whole and broken, thoughts, stop texts.
std::vector<int32_t> ScriptChoices::ForcedTokens() {
  static const char* const kParts[] = {"\xf0\x9f\x99\x82", "\xe4\xbd\xa0", "\xf0\x9f", "\xc3", "a", "<think>",  "ab",
                                       "</think>",         "User:",        "\n\n",     "\xff", "b", "\xc3\xa9", "c"};
  std::vector<int32_t> forced;
  for (uint32_t n = Below(6); n > 0; --n) {
    for (const char byte : std::string(kParts[Below(14)])) {
      forced.push_back(static_cast<int32_t>(vocab_.ByteToken(static_cast<uint8_t>(byte))));
    }
  }
  const uint32_t last = Below(12);
  if (last < 2) forced.push_back(last == 0 ? vocab_.eos() : 10);  // 10: <|tool_call_start|>
  return forced;
}

AnswerSpec ScriptChoices::Spec() {
  AnswerSpec spec;
  spec.max_tokens = Below(8) == 0 ? 0 : 1 + Below(10);
  if (Below(6) == 0) spec.begin = Below(2) == 0 ? "<think>" : "Well " + std::string("<think></think>");
  static const char* const kStops[] = {"User:", "\n\n", "\xf0\x9f\x99\x82", "ab", "abc", "b", "\xef\xbf\xbd", "on)"};
  if (Below(2) == 0) {
    for (uint32_t n = Below(4); n > 0; --n) spec.stop_texts.push_back(kStops[Below(8)]);
  }
  if (Below(2) == 0) spec.max_thought_tokens = Below(6);
  spec.has_sampler = Below(4) == 0;
  if (spec.has_sampler) spec.sampler = Sampler();
  if (Below(2) == 0) spec.forced = ForcedTokens();
  if (Below(3) == 0) spec.pieces = 1 + Below(4);
  return spec;
}

}  // namespace lfm2::test
