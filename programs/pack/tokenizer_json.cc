#include "programs/pack/tokenizer_json.h"

#include <algorithm>
#include <iterator>

#include "lfm2/format/model_config.h"
#include "programs/files/strict_json.h"
#include "programs/pack/recognize_chat.h"

namespace lfm2::tools {

namespace {

// The split pattern of the library's pretokenizer, and its spelling in LFM2.5-8B-A1B. They are equivalent: `\s*`
// matches all but the last line break, and a single blank is left for the last alternative.
constexpr const char* kPatterns[] = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
                                     R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
                                     R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
                                     R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s)"};

bool IsKnownPattern(const nlohmann::json& regex) {
  return std::any_of(std::begin(kPatterns), std::end(kPatterns), [&](const char* known) { return regex == known; });
}

const nlohmann::json& At(const nlohmann::json& value, const char* key) {
  static const nlohmann::json kNull;
  const auto found = value.is_object() ? value.find(key) : value.end();
  return !value.is_object() || found == value.end() ? kNull : *found;
}

Error DemandFalse(const nlohmann::json& object, const char* what, const char* key) {
  const nlohmann::json& value = At(object, key);
  if (value.is_null() || value == false) return Error();
  return Error::Of(what, " has ", key, " ", Shown(value), ", which is not supported");
}

// Exactly a sequence of a split by the pattern and byte-level spelling.
Error CheckPretokenizer(const nlohmann::json& pre) {
  const nlohmann::json& steps = At(pre, "pretokenizers");
  bool known = At(pre, "type") == "Sequence" && steps.is_array() && steps.size() == 2;
  known = known && At(steps[0], "type") == "Split" && At(steps[0], "behavior") == "Isolated";
  known = known && At(steps[0], "invert") != true && IsKnownPattern(At(At(steps[0], "pattern"), "Regex"));
  known = known && At(steps[1], "type") == "ByteLevel" && At(steps[1], "use_regex") != true;
  known = known && At(steps[1], "add_prefix_space") != true;
  return known ? Error() : Error::Of("the pre_tokenizer is not LFM2's: ", Shown(pre));
}

Error ReadTokens(const nlohmann::json& list, uint32_t vocab_size, VocabSource* vocab) {
  if (!list.is_object()) return Error::Of("the model has no vocab");
  for (const auto& [text, id] : list.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab_size) {
      return Error::Of("the token ", Shown(nlohmann::json(text)), " has the id ", Shown(id), ", but the embedding has ",
                       vocab_size, " rows");
    }
    const size_t at = id.get<size_t>();
    if (vocab->types[at] != static_cast<int>(TokenType::kUnused)) {
      return Error::Of("two tokens have the id ", uint64_t{at}, ": ", Shown(nlohmann::json(vocab->tokens[at])), " and ",
                       Shown(nlohmann::json(text)));
    }
    vocab->tokens[at] = text;
    vocab->types[at] = static_cast<int>(TokenType::kNormal);
  }
  return Error();
}

Error ReadAddedTokens(const nlohmann::json& list, uint32_t vocab_size, VocabSource* vocab) {
  if (list.is_null()) return Error();
  if (!list.is_array()) return Error::Of("the key added_tokens is not a list");
  for (const nlohmann::json& token : list) {
    const nlohmann::json& id = At(token, "id");
    const nlohmann::json& text = At(token, "content");
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab_size || !text.is_string()) {
      return Error::Of("an added token is ", Shown(token), ", with no content or no id below ", vocab_size);
    }
    for (const char* key : {"single_word", "lstrip", "rstrip"}) {
      LFM2_RETURN_IF_FAILED(DemandFalse(token, "an added token", key));
    }
    const size_t at = id.get<size_t>();
    if (vocab->types[at] != static_cast<int>(TokenType::kUnused) && vocab->tokens[at] != text) {
      return Error::Of("the added token ", Shown(text), " has the id ", uint64_t{at}, " of another token");
    }
    vocab->tokens[at] = text.get<std::string>();
    vocab->types[at] = static_cast<int>(At(token, "special") == true ? TokenType::kControl : TokenType::kUserDefined);
  }
  return Error();
}

Error ReadMerges(const nlohmann::json& list, VocabSource* vocab) {
  if (!list.is_array()) return Error::Of("the model has no merges");
  for (const nlohmann::json& merge : list) {
    std::pair<std::string, std::string> halves;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      halves = {merge[0].get<std::string>(), merge[1].get<std::string>()};
    } else if (!merge.is_string() || !SplitMerge(merge.get_ref<const std::string&>(), &halves)) {
      return Error::Of("a merge is ", Shown(merge), ", not of two halves");
    }
    vocab->merges.push_back(std::move(halves));
  }
  return Error();
}

// The id of a special token that the config names by its text, or by an object with its content.
Error FindToken(const nlohmann::json& config, const char* key, const VocabSource& vocab, int32_t* id) {
  const nlohmann::json& named = At(config, key);
  const nlohmann::json& text = named.is_object() ? At(named, "content") : named;
  if (text.is_null()) return Error();
  const auto found = text.is_string() ? std::find(vocab.tokens.begin(), vocab.tokens.end(), text.get<std::string>())
                                      : vocab.tokens.end();
  if (found == vocab.tokens.end()) return Error::Of("the key ", key, " is ", Shown(named), ", which is not a token");
  *id = static_cast<int32_t>(found - vocab.tokens.begin());
  return Error();
}

}  // namespace

Error ReadTokenizerJson(const nlohmann::json& tokenizer, uint32_t vocab_size, VocabSource* vocab) {
  if (vocab_size > kMaxVocabSize) return Error::Of("the vocabulary has ", vocab_size, " tokens");
  const nlohmann::json& model = At(tokenizer, "model");
  if (At(model, "type") != "BPE") return Error::Of("the model is of the type ", Shown(At(model, "type")), ", not BPE");
  for (const char* key : {"byte_fallback", "ignore_merges", "fuse_unk"}) {
    LFM2_RETURN_IF_FAILED(DemandFalse(model, "the model", key));
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (At(model, key) != "") LFM2_RETURN_IF_FAILED(DemandFalse(model, "the model", key));
  }
  LFM2_RETURN_IF_FAILED(DemandFalse(tokenizer, "the tokenizer", "normalizer"));
  LFM2_RETURN_IF_FAILED(CheckPretokenizer(At(tokenizer, "pre_tokenizer")));
  vocab->types.assign(vocab_size, static_cast<int>(TokenType::kUnused));
  vocab->tokens.resize(vocab_size);
  for (uint32_t i = 0; i < vocab_size; ++i) vocab->tokens[i] = "[PAD" + std::to_string(i) + "]";
  LFM2_RETURN_IF_FAILED(ReadTokens(At(model, "vocab"), vocab_size, vocab));
  LFM2_RETURN_IF_FAILED(ReadAddedTokens(At(tokenizer, "added_tokens"), vocab_size, vocab));
  return ReadMerges(At(model, "merges"), vocab);
}

Error ReadTokenizerConfig(const nlohmann::json& config, const nlohmann::json& generation, VocabSource* vocab) {
  LFM2_RETURN_IF_FAILED(FindToken(config, "bos_token", *vocab, &vocab->bos));
  LFM2_RETURN_IF_FAILED(FindToken(config, "eos_token", *vocab, &vocab->eos));
  LFM2_RETURN_IF_FAILED(FindToken(config, "pad_token", *vocab, &vocab->pad));
  vocab->add_bos = vocab->bos != kNoToken;  // default of LFM2's tokenizer
  JsonMembers members(config);
  members.OptionalBool("add_bos_token", &vocab->add_bos);
  if (!members.error().ok()) return members.error();
  const nlohmann::json& eos = At(generation, "eos_token_id");
  for (const nlohmann::json& id : eos.is_array() ? eos : nlohmann::json::array({eos})) {
    if (id.is_null()) continue;
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab->tokens.size()) {
      return Error::Of("the key eos_token_id has ", Shown(id), ", which is not a token");
    }
    if (id.get<int32_t>() != vocab->eos) vocab->stop.push_back(id.get<int32_t>());
  }
  return Error();
}

Error ReadChatTemplate(const std::optional<std::string>& jinja, const nlohmann::json& config,
                       const std::optional<OwnedChatFormat>& chosen, VocabSource* vocab) {
  if (chosen.has_value()) {
    vocab->chat_format = *chosen;
    return Error();
  }
  const nlohmann::json* text = &At(config, "chat_template");
  if (text->is_array()) {
    const auto usual =
        std::find_if(text->begin(), text->end(), [](const nlohmann::json& t) { return At(t, "name") == "default"; });
    text = usual == text->end() ? &At(nlohmann::json(), "") : &At(*usual, "template");
  }
  if (!jinja.has_value() && !text->is_string()) return Error();
  return RecognizeChat(jinja.has_value() ? *jinja : text->get<std::string>(), vocab->TextOf(vocab->bos),
                       vocab->TextOf(vocab->eos), &vocab->chat_format);
}

}  // namespace lfm2::tools
