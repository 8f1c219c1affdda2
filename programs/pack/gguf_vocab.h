// Reads a vocabulary from the tokenizer keys of a GGUF file.
#ifndef LFM2_PROGRAMS_PACK_GGUF_VOCAB_H_
#define LFM2_PROGRAMS_PACK_GGUF_VOCAB_H_

#include <cstdint>
#include <optional>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"
#include "programs/pack/gguf_reader.h"
#include "programs/pack/vocab_writer.h"

namespace lfm2::tools {

// Tokens that end an answer, in addition to eos.
inline constexpr const char* kGgufStopKeys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};

// vocab_size: rows of the embedding, and the required size of the vocabulary. chat_format: in place of the chat
// template of the file; without it an unknown template is refused. Refuses tokenizers other than LFM2's.
Error ReadGgufVocab(const Gguf& gguf, uint32_t vocab_size, const std::optional<OwnedChatFormat>& chat_format,
                    VocabSource* vocab);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_VOCAB_H_
