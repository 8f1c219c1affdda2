#include "programs/pack/gguf_vocab.h"

#include "programs/pack/recognize_chat.h"
#include "programs/pack/vocab_writer.h"

namespace lfm2::tools {

namespace {

Error DemandText(const Gguf& gguf, const char* key, const char* usual) {
  std::string value;
  LFM2_RETURN_IF_FAILED(gguf.GetString(key, &value));
  if (value != usual) return Error::Of("the key ", key, " is ", value, "; only ", usual, " is supported");
  return Error();
}

Error GetStrings(const Gguf& gguf, const char* key, const std::vector<std::string>** out) {
  const GgufValue* value = gguf.Find(key);
  if (value == nullptr) return Error::Of("the GGUF file lacks the key ", key);
  if (!value->is_array || value->type != GgufType::kString) {
    return Error::Of("the key ", key, " is ", Shown(*value), ", not a list of texts");
  }
  *out = &value->strings;
  return Error();
}

// *token keeps its value if the file has no such key.
Error GetToken(const Gguf& gguf, const char* key, uint32_t vocab_size, int32_t* token) {
  if (gguf.Find(key) == nullptr) return Error();
  uint32_t id = 0;
  LFM2_RETURN_IF_FAILED(gguf.GetU32(key, &id));
  if (id >= vocab_size)
    return Error::Of("the key ", key, " is ", id, ", but the vocabulary has ", vocab_size, " tokens");
  *token = static_cast<int32_t>(id);
  return Error();
}

Error GetTokens(const Gguf& gguf, uint32_t vocab_size, VocabSource* vocab) {
  const std::vector<std::string>* tokens = nullptr;
  LFM2_RETURN_IF_FAILED(GetStrings(gguf, "tokenizer.ggml.tokens", &tokens));
  if (tokens->size() != vocab_size) {
    return Error::Of("the key tokenizer.ggml.tokens has ", uint64_t{tokens->size()},
                     " elements, but the embedding has ", vocab_size, " rows");
  }
  vocab->tokens = *tokens;
  std::vector<uint32_t> types;
  LFM2_RETURN_IF_FAILED(gguf.GetU32Array("tokenizer.ggml.token_type", vocab_size, &types));
  for (const uint32_t type : types) vocab->types.push_back(static_cast<int>(type));

  const std::vector<std::string>* merges = nullptr;
  LFM2_RETURN_IF_FAILED(GetStrings(gguf, "tokenizer.ggml.merges", &merges));
  for (const std::string& spelled : *merges) {
    vocab->merges.emplace_back();
    if (!SplitMerge(spelled, &vocab->merges.back())) {
      return Error::Of("an element of the key tokenizer.ggml.merges has no space between two halves: ", spelled);
    }
  }
  return Error();
}

Error GetTemplate(const Gguf& gguf, const std::optional<OwnedChatFormat>& chat_format, VocabSource* vocab) {
  if (chat_format.has_value()) {
    vocab->chat_format = *chat_format;
    return Error();
  }
  if (gguf.Find("tokenizer.chat_template") == nullptr) return Error();
  std::string jinja;
  LFM2_RETURN_IF_FAILED(gguf.GetString("tokenizer.chat_template", &jinja));
  return RecognizeChat(jinja, vocab->TextOf(vocab->bos), vocab->TextOf(vocab->eos), &vocab->chat_format);
}

}  // namespace

Error ReadGgufVocab(const Gguf& gguf, uint32_t vocab_size, const std::optional<OwnedChatFormat>& chat_format,
                    VocabSource* vocab) {
  LFM2_RETURN_IF_FAILED(DemandText(gguf, "tokenizer.ggml.model", "gpt2"));
  LFM2_RETURN_IF_FAILED(DemandText(gguf, "tokenizer.ggml.pre", "lfm2"));
  LFM2_RETURN_IF_FAILED(GetTokens(gguf, vocab_size, vocab));
  LFM2_RETURN_IF_FAILED(GetToken(gguf, "tokenizer.ggml.bos_token_id", vocab_size, &vocab->bos));
  LFM2_RETURN_IF_FAILED(GetToken(gguf, "tokenizer.ggml.eos_token_id", vocab_size, &vocab->eos));
  LFM2_RETURN_IF_FAILED(GetToken(gguf, "tokenizer.ggml.padding_token_id", vocab_size, &vocab->pad));
  for (const char* key : kGgufStopKeys) {
    int32_t stop = kNoToken;
    LFM2_RETURN_IF_FAILED(GetToken(gguf, key, vocab_size, &stop));
    if (stop != kNoToken) vocab->stop.push_back(stop);
  }
  vocab->add_bos = true;  // default of LFM2's tokenizer
  if (const GgufValue* value = gguf.Find("tokenizer.ggml.add_bos_token")) {
    uint64_t number = 0;
    if (value->is_array || !IntegerAt(*value, 0, &number)) {
      return Error::Of("the key tokenizer.ggml.add_bos_token is ", Shown(*value), ", neither true nor false");
    }
    vocab->add_bos = number != 0;
  }
  return GetTemplate(gguf, chat_format, vocab);
}

}  // namespace lfm2::tools
