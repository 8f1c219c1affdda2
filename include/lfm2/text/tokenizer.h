// Text to tokens: byte-level BPE with a Vocab.
#ifndef LFM2_TEXT_TOKENIZER_H_
#define LFM2_TEXT_TOKENIZER_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"
#include "lfm2/text/bpe.h"
#include "lfm2/text/pretokenizer.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Which added tokens are recognised in text.
enum class AddedTokens : uint8_t {
  kNone,         // for untrusted text: the text of an added token stays text
  kUserDefined,  // all but special ones, as Hugging Face's tokenizers with split_special_tokens
  kAll,          // also special ones: for trusted text only, because they can end a turn
};

// How a text is encoded.
struct EncodeOptions {
  // AddedTokens::kAll in place of kUserDefined.
  bool parse_special = false;
  // Whether to begin with the bos token, if the vocabulary has one. Vocab::add_bos() is what the model expects.
  bool add_bos = false;
};

// Collects tokens. Where they do not fit it continues counting, so that one failed call returns the size that is
// needed.
class TokenWriter {
 public:
  explicit TokenWriter(Span<int32_t> out) : out_(out) {}
  void Put(int32_t token) {
    if (count_ < out_.size()) out_[count_] = token;
    ++count_;
  }
  size_t count() const { return count_; }
  // kOutputTooSmall if not all tokens fit; *count is their number in any case.
  Status Finish(size_t* count) const {
    *count = count_;
    if (count_ <= out_.size()) return Status();
    return Status(StatusCode::kOutputTooSmall, "tokens", "do not fit the buffer", count_, out_.size());
  }

 private:
  Span<int32_t> out_;
  size_t count_ = 0;
};

// Tokenizes any bytes: invalid UTF-8 becomes byte tokens (WordSplitter has the details), and detokenizing gives exactly
// the original bytes. All functions are const. Several threads may share a Tokenizer, each with its own scratch.
class Tokenizer {
 public:
  // vocab must outlive the tokenizer.
  explicit Tokenizer(const Vocab& vocab) : vocab_(&vocab) {}

  // The vocabulary that it was made with.
  const Vocab& vocab() const { return *vocab_; }

  // Bytes of scratch for texts whose longest word has max_word_bytes bytes: about 9 per byte. A word is a run of
  // letters, of white space or of punctuation; max_word_bytes = text.size() is always enough.
  static constexpr uint64_t ScratchBytes(uint64_t max_word_bytes) {
    return WordMerger::ScratchBytes(Min(max_word_bytes, WordMerger::kMaxWordBytes));
  }

  // Writes the tokens of `text` to `out` and their number to *count. scratch: any alignment, used during the call only.
  // Errors: kArenaTooSmall where a word needs more scratch (limit() is the number of bytes); kOutputTooSmall where
  // `out` is too small (*count is the number of tokens); kUnsupported for a word of more than 1 GiB.
  Status Encode(std::string_view text, EncodeOptions options, Span<std::byte> scratch, Span<int32_t> out,
                size_t* count) const {
    TokenWriter writer(out);
    *count = 0;
    if (options.add_bos && vocab_->bos() != kNoToken) writer.Put(vocab_->bos());
    Status status;
    const auto on_text = [&](std::string_view part) {
      if (status.ok()) status = EncodeSegment(part, scratch, &writer);
    };
    const AddedTokens added = options.parse_special ? AddedTokens::kAll : AddedTokens::kUserDefined;
    SplitAtAdded(text, added, on_text, [&](int32_t token) { writer.Put(token); });
    LFM2_RETURN_IF_ERROR(status);
    return writer.Finish(count);
  }

  // Calls on_text(part) and on_added(token) for the parts of `text` from left to right. At each place the longest
  // matching token is taken. Parts may be empty.
  template <class OnText, class OnAdded>
  void SplitAtAdded(std::string_view text, AddedTokens added, OnText&& on_text, OnAdded&& on_added) const {
    const bool control = added == AddedTokens::kAll;
    size_t begin = 0;
    for (size_t at = added == AddedTokens::kNone ? text.size() : 0; at < text.size();) {
      int32_t token = kNoToken;
      if (vocab_->StartsSpecial(static_cast<uint8_t>(text[at]), control)) {
        token = vocab_->MatchSpecial(TextFrom(text, at), control);
      }
      if (token == kNoToken) {
        ++at;
        continue;
      }
      on_text(TextPart(text, begin, at - begin));
      on_added(token);
      at += vocab_->TokenBytes(token).size();
      begin = at;
    }
    on_text(TextFrom(text, begin));
  }

  // Encodes one word, as returned by WordSplitter.
  Status EncodeWord(std::string_view word, Span<std::byte> scratch, TokenWriter* writer) const {
    if (word.size() == 1) {
      writer->Put(static_cast<int32_t>(vocab_->ByteToken(static_cast<uint8_t>(word[0]))));
      return Status();
    }
    if (word.size() > WordMerger::kMaxWordBytes) {
      return Status(StatusCode::kUnsupported, "text", "has a word that is too long: bytes", word.size(),
                    WordMerger::kMaxWordBytes);
    }
    const uint64_t needed = WordMerger::ScratchBytes(word.size());
    if (scratch.size() < needed) {
      return Status(StatusCode::kArenaTooSmall, "tokenizer scratch",
                    "is too small for the longest word of the text: bytes", scratch.size(), needed);
    }
    WordMerger(*vocab_, word, scratch).Run([&](uint32_t token) { writer->Put(static_cast<int32_t>(token)); });
    return Status();
  }

 private:
  Status EncodeSegment(std::string_view text, Span<std::byte> scratch, TokenWriter* writer) const {
    while (!text.empty()) {
      const size_t length = WordSplitter::FirstWord(text, true);
      LFM2_RETURN_IF_ERROR(EncodeWord(TextPart(text, 0, length), scratch, writer));
      text.remove_prefix(length);
    }
    return Status();
  }

  const Vocab* vocab_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_TOKENIZER_H_
