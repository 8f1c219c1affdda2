// The vocabulary of a Hugging Face directory. Input: options, then tokenizer.json, tokenizer_config.json,
// generation_config.json and chat_template.jinja.
#include "programs/pack/tokenizer_json.h"

#include "programs/export/chat_templates.h"
#include "programs/files/strict_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace tokenizer_json {

using nlohmann::json;

// Gives the bytes tokens, after those of the input: without all of them no vocabulary can be built.
void AddBytes(uint32_t first, json* tokenizer) {
  static const std::vector<std::string> spelled = test::ByteSpellings();
  if (!tokenizer->contains("model") || !(*tokenizer)["model"].is_object()) return;
  json& list = (*tokenizer)["model"]["vocab"];
  if (!list.is_object()) return;
  for (uint32_t b = 0; b < 256; ++b) list[spelled[b]] = first + b;
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint8_t flags = input.Byte();
  const uint32_t own_tokens = input.Byte();
  json tokenizer, config, generation = json::object();
  const std::string_view generation_text = "{}";
  tools::Error error = tools::ParseStrictJson(input.Part(), &tokenizer);
  if (error.ok()) error = tools::ParseStrictJson(input.Part(), &config);
  const std::string_view third = input.Part();
  if (error.ok()) error = tools::ParseStrictJson(third.empty() ? generation_text : third, &generation);
  CheckSentence(error);
  if (!error.ok()) return;
  const bool add_bytes = (flags & 1) != 0;
  const uint32_t vocab_size = own_tokens + (add_bytes ? 256 : 0);
  if (add_bytes) AddBytes(own_tokens, &tokenizer);
  tools::VocabSource source;
  std::optional<std::string> jinja;
  if ((flags & 2) != 0) jinja = input.Rest();
  error = tools::ReadTokenizerJson(tokenizer, vocab_size, &source);
  if (error.ok()) error = tools::ReadTokenizerConfig(config, generation, &source);
  if (error.ok()) error = tools::ReadChatTemplate(jinja, config, {}, &source);
  CheckSentence(error);
  if (!error.ok()) return;
  LFM2_HOLDS(source.tokens.size() == vocab_size && source.types.size() == vocab_size);
  std::string section, refusal;
  if (!tools::BuildVocab(source, &section, &refusal)) {
    CheckSentence(tools::Error::Of(refusal));
    return;
  }
  const VocabBytes copy(section);
  Vocab vocab;
  LFM2_HOLDS(Vocab::Open(copy.span(), &vocab).ok());
}

std::vector<std::string> Seeds() {
  json tokenizer = json::parse(
      R"({"normalizer":null,"added_tokens":[{"id":0,"content":"<|pad|>","special":true},{"id":1,"content":"<b>",)"
      R"("special":false,"lstrip":false}],"model":{"type":"BPE","byte_fallback":false,"vocab":{"ab":2,"abc":3},)"
      R"("merges":[["a","b"],"ab c"],"continuing_subword_prefix":null},"pre_tokenizer":{"type":"Sequence",)"
      R"("pretokenizers":[{"type":"Split","pattern":{"Regex":""},"behavior":"Isolated","invert":false},)"
      R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}})");
  tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
      R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string text = tokenizer.dump();
  const std::string config = R"({"bos_token":"<b>","eos_token":{"content":"<|pad|>"},"pad_token":null,)"
                             R"("add_bos_token":true,"chat_template":[{"name":"default","template":"x"}]})";
  return {"\1\4" + text + "\xff{\"bos_token\":\"<b>\"}\xff{\"eos_token_id\":[0,1]}",
          "\3\4" + text + "\xff{}\xff\xff" + tools::JinjaOf(*tools::FindChatFormat("lfm2")),
          "\3\4" + text + "\xff{}\xff\xff" + tools::JinjaOf(*tools::FindChatFormat("lfm2_5_date")),
          "\1\4" + text + "\xff" + config + "\xff{\"eos_token_id\":0}",
          "\3\6" + text + "\xff{}\xff\xff<|im_start|>",
          std::string("\0\4", 2) + text + "\xff{}"};
}

std::vector<std::string> Words() {
  std::vector<std::string> words = {"[\"a\",\"b\"]",    "[\"ab\",\"c\"]", "[\"\",\"a\"]", "\"a b\"",    "\"a\":2",
                                    "\"\":3",           "\xff",           "null",         "true",       "-1",
                                    "4294967296",       "bos_token",      "<|im_start|>", "<|im_end|>", "tojson",
                                    "List of tools: [", "{%- ",           "{{- ",         " -%}",       " | trim"};
  for (const char* key : {"id", "content", "special", "lstrip", "merges", "vocab", "model", "added_tokens",
                          "normalizer", "eos_token", "pad_token", "add_bos_token", "eos_token_id", "chat_template",
                          "template", "name", "ignore_merges", "end_of_word_suffix"}) {
    words.push_back("\"" + std::string(key) + "\":");
  }
  return words;
}

}  // namespace tokenizer_json

const Target kTokenizerJson = {"tokenizer_json", 5120, &tokenizer_json::Run, &tokenizer_json::Seeds,
                               &tokenizer_json::Words};

}  // namespace lfm2::fuzz
