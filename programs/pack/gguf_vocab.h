// A vocabulary from a GGUF file's tokenizer keys.
#ifndef LFM2_PROGRAMS_PACK_GGUF_VOCAB_H_
#define LFM2_PROGRAMS_PACK_GGUF_VOCAB_H_

#include <cstdint>
#include <optional>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"
#include "programs/pack/gguf_reader.h"
#include "programs/pack/vocab_writer.h"

namespace lfm2::tools {

// Tokens beside eos that end an answer.
inline constexpr const char* kGgufStopKeys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};

// vocab_size: what the embedding has rows for, and so what the vocabulary must have. chat_format: in place of what
// the file's template is recognised as; without it an unknown template is refused. Refuses tokenizers other than
// LFM2's.
Error ReadGgufVocab(const Gguf& gguf, uint32_t vocab_size, const std::optional<OwnedChatFormat>& chat_format,
                    VocabSource* vocab);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_VOCAB_H_
