// What has to hold of text, its tokens, and the text that they turn back into.
#ifndef LFM2_TESTS_FUZZ_ENCODE_CHECK_H_
#define LFM2_TESTS_FUZZ_ENCODE_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "lfm2/text/detokenizer.h"
#include "lfm2/text/tokenizer.h"
#include "tests/fuzz/fuzz_target.h"

namespace lfm2::fuzz {

// Encodes, with scratch and room of just the size needed.
inline std::vector<int32_t> Encoded(const Vocab& vocab, std::string_view text, EncodeOptions options) {
  std::vector<std::byte> scratch(static_cast<size_t>(Tokenizer::ScratchBytes(text.size())));
  std::vector<int32_t> tokens(text.size() + 1);
  size_t count = 0;
  LFM2_HOLDS(Tokenizer(vocab).Encode(text, options, scratch, tokens, &count).ok());
  tokens.resize(count);
  return tokens;
}

inline std::string Decoded(const Vocab& vocab, const std::vector<int32_t>& tokens) {
  size_t size = 0;
  static_cast<void>(Detokenize(vocab, tokens, true, {}, &size));
  std::string text(size, '\0');
  LFM2_HOLDS(Detokenize(vocab, tokens, true, {text.data(), text.size()}, &size).ok());
  return text;
}

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_ENCODE_CHECK_H_
