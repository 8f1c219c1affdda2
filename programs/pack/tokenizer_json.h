// The vocabulary of a Hugging Face directory: tokenizer.json, tokenizer_config.json and the chat template.
#ifndef LFM2_PROGRAMS_PACK_TOKENIZER_JSON_H_
#define LFM2_PROGRAMS_PACK_TOKENIZER_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"
#include "programs/pack/vocab_writer.h"

namespace lfm2::tools {

// Tokens, types and merges. vocab_size: rows of the embedding; ids that the tokenizer does not use become unused
// tokens. Refuses tokenizers other than LFM2's byte-level BPE, naming what differs.
Error ReadTokenizerJson(const nlohmann::json& tokenizer, uint32_t vocab_size, VocabSource* vocab);

// Special tokens, and whether texts begin with one. generation: generation_config.json, or an empty object.
Error ReadTokenizerConfig(const nlohmann::json& config, const nlohmann::json& generation, VocabSource* vocab);

// jinja: the text of chat_template.jinja, if there is such a file; otherwise tokenizer_config.json has it. chosen: in
// place of this template; without it an unknown template is refused.
Error ReadChatTemplate(const std::optional<std::string>& jinja, const nlohmann::json& config,
                       const std::optional<OwnedChatFormat>& chosen, VocabSource* vocab);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_TOKENIZER_JSON_H_
