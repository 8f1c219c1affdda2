// Text to tokens and back. Input: options, how the text is cut into pieces, and the text.
#include "lfm2/text/tokenizer.h"

#include "lfm2/text/chat_encoder.h"
#include "tests/fuzz/encode_check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace tokenizer {

// The text with every maximal subpart of what is no UTF-8 replaced.
std::string Replaced(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    out += c.kind == Utf8Char::Kind::kValid ? std::string(text.substr(0, c.length)) : "\xef\xbf\xbd";
    text.remove_prefix(c.length);
  }
  return out;
}

void CheckWords(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = WordSplitter::FirstWord(rest, true);
    LFM2_HOLDS(length > 0 && length <= rest.size());
    // A word that is decided from less text stays what it is with more.
    for (const size_t known : {length, length + 1, length + 5, rest.size() / 2}) {
      if (known == 0 || known > rest.size()) continue;
      const size_t early = WordSplitter::FirstWord(rest.substr(0, known), false);
      LFM2_HOLDS(early == 0 || early == length);
    }
    rest.remove_prefix(length);
  }
}

void CheckStream(const std::vector<int32_t>& tokens, std::string_view text) {
  std::string shown;
  TextStream stream(TinyVocab(), true);
  const auto sink = [&shown](std::string_view part) { shown += part; };
  for (const int32_t token : tokens) stream.Put(token, sink);
  stream.Flush(sink);
  LFM2_HOLDS(shown == Replaced(text));
}

// Pieces, cut where no special token is, encode as the whole does.
void CheckPieces(std::string_view text, uint32_t piece_bytes, const std::vector<int32_t>& want) {
  std::vector<std::byte> scratch(static_cast<size_t>(ChatScratchBytes(text.size())));
  std::vector<int32_t> tokens(text.size() + 1);
  TokenWriter writer(tokens);
  const Tokenizer tokenizer(TinyVocab());
  PieceEncoder encoder(tokenizer, scratch, &writer);
  for (size_t at = 0; at < text.size(); at += piece_bytes) {
    LFM2_HOLDS(encoder.Put(text.substr(at, piece_bytes), AddedTokens::kUserDefined).ok());
  }
  LFM2_HOLDS(encoder.Finish().ok());
  size_t count = 0;
  LFM2_HOLDS(writer.Finish(&count).ok());
  tokens.resize(count);
  LFM2_HOLDS(tokens == want);
}

// Scratch and room that are too small are refused, with what they would have to be.
void CheckSmall(std::string_view text, EncodeOptions options, const std::vector<int32_t>& want, uint32_t less) {
  size_t count = 0;
  std::vector<std::byte> scratch(static_cast<size_t>(Tokenizer::ScratchBytes(text.size())));
  std::vector<int32_t> tokens(want.size() - std::min<size_t>(want.size(), less));
  const Status full = Tokenizer(TinyVocab()).Encode(text, options, scratch, tokens, &count);
  LFM2_HOLDS(full.ok() == (tokens.size() == want.size()) && count == want.size());
  scratch.resize(scratch.size() / 4);
  tokens.resize(want.size());
  const Status small = Tokenizer(TinyVocab()).Encode(text, options, scratch, tokens, &count);
  LFM2_HOLDS(small.ok() || (small.code() == StatusCode::kArenaTooSmall && small.limit() > scratch.size()));
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint8_t flags = input.Byte();
  const uint32_t piece_bytes = 1 + input.Below(32);
  const std::string_view text = input.Rest();
  EncodeOptions options;
  options.parse_special = (flags & 1) != 0;
  options.add_bos = (flags & 2) != 0;
  const Vocab& vocab = TinyVocab();
  const std::vector<int32_t> tokens = Encoded(vocab, text, options);
  const std::string front(options.add_bos ? vocab.TokenBytes(vocab.bos()) : std::string_view());
  LFM2_HOLDS(Decoded(vocab, tokens) == front + std::string(text));
  if (!options.parse_special) {
    for (size_t i = options.add_bos ? 1 : 0; i < tokens.size(); ++i) LFM2_HOLDS(!vocab.IsSpecial(tokens[i]));
  }
  CheckWords(text);
  CheckStream(tokens, front + std::string(text));
  CheckSmall(text, options, tokens, flags >> 4);
  // User defined tokens may not span pieces; all of this vocabulary's have one of these.
  if (flags == 4 && text.find_first_of("<\xe2") == std::string_view::npos) CheckPieces(text, piece_bytes, tokens);
}

std::vector<std::string> Seeds() {
  const auto seed = [](char flags, const std::string& text) { return std::string(1, flags) + '\3' + text; };
  return {seed(0, "the  other's 12345 words\r\n\n  ...!"), seed(4, "  the\n\n\taaaaaaa 'LL x'\xc5\xbf  "),
          seed(3, "<|im_start|>user\n<|im_end|><think>a</think>"), seed(0x10, "\xe2\x82\xac\xe2\x82\xac\xe2\x82"),
          seed(4, "\xf0\x9f\x98\x80\xed\xa0\x80\xc0\xaf\xff\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4")};
}

std::vector<std::string> Words() {
  std::vector<std::string> words = {"'s",       "'LL",          "  ",           "\r\n",
                                    "\xc2\xa0", "\xe3\x80\x80", "\xe2\x82\xac", "\xf0\x9f",
                                    "\xd9\xa1", "\xf4\x8f\xbf", "\xe2\x85\xa3", "\xcc\x81"};
  for (const std::string& token : TinyVocabSource().tokens) {
    if (token.size() > 2) words.push_back(token);
  }
  return words;
}

}  // namespace tokenizer

const Target kTokenizer = {"tokenizer", 256, &tokenizer::Run, &tokenizer::Seeds, &tokenizer::Words};

}  // namespace lfm2::fuzz
