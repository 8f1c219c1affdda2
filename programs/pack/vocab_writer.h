// Builds the vocabulary section of a model image (docs/format-vocab.md).
#ifndef LFM2_PROGRAMS_PACK_VOCAB_WRITER_H_
#define LFM2_PROGRAMS_PACK_VOCAB_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lfm2/format/vocab.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// A vocabulary in the form that checkpoints have.
struct VocabSource {
  // As in GGUF's tokenizer.ggml.tokens: normal tokens in byte-level spelling (each byte as one printable character, a
  // space as U+0120), all others as their own text.
  std::vector<std::string> tokens;
  // GGUF's tokenizer.ggml.token_type, one for each token.
  std::vector<int> types;
  // Both halves in byte-level spelling, best first.
  std::vector<std::pair<std::string, std::string>> merges;
  // kNoToken if there is none.
  int32_t bos = kNoToken;
  int32_t eos = kNoToken;
  int32_t pad = kNoToken;
  // Further tokens that end an answer. eos, and the special tokens <|im_end|> and <|endoftext|>, always do.
  std::vector<int32_t> stop;
  bool add_bos = false;
  // Without a name: none.
  OwnedChatFormat chat_format;

  // The spelling of a token; empty for kNoToken and ids without a token.
  std::string TextOf(int32_t token) const {
    return token < 0 || static_cast<size_t>(token) >= tokens.size() ? std::string()
                                                                    : tokens[static_cast<size_t>(token)];
  }
};

// GGUF writes a merge as two halves with a space between them. Returns false if there is no such space.
bool SplitMerge(std::string_view spelled, std::pair<std::string, std::string>* merge);

// Returns false if the source is not a byte-level BPE vocabulary; *error is a sentence that names the token or merge.
bool BuildVocab(const VocabSource& source, std::string* bytes, std::string* error);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_VOCAB_WRITER_H_
