// Text to tokens: byte-level BPE over a Vocab.
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

// Which added tokens are looked for in text.
enum class AddedTokens : uint8_t {
  kNone,         // for text that is not trusted: the text of an added token stays text
  kUserDefined,  // all but the special ones, as Hugging Face's tokenizers do with split_special_tokens
  kAll,          // the special ones too: only for text that is trusted, because it can end a turn
};

struct EncodeOptions {
  // AddedTokens::kAll instead of kUserDefined.
  bool parse_special = false;
  // Begins with the bos token, where the vocabulary has one. Vocab::add_bos() says what the model expects.
  bool add_bos = false;
};

// Collects tokens; counts on where they do not fit, so that one failed call says how much room is needed.
class TokenWriter {
 public:
  explicit TokenWriter(Span<int32_t> out) : out_(out) {}
  void Put(int32_t token) {
    if (count_ < out_.size()) out_[count_] = token;
    ++count_;
  }
  size_t count() const { return count_; }
  // kOutputTooSmall if not all tokens fitted.
  Status Finish(size_t* count) const {
    *count = count_;
    if (count_ <= out_.size()) return Status();
    return Status(StatusCode::kOutputTooSmall, "tokens", "do not fit their memory", count_, out_.size());
  }

 private:
  Span<int32_t> out_;
  size_t count_ = 0;
};

// Tokenising never fails on bytes: text that is not UTF-8 becomes byte tokens (WordSplitter says how it splits), and
// the tokens of any text turn back into exactly its bytes. Reading is const; several threads may share one Tokenizer,
// each with its own scratch.
class Tokenizer {
 public:
  // vocab must outlive the tokenizer.
  explicit Tokenizer(const Vocab& vocab) : vocab_(&vocab) {}

  const Vocab& vocab() const { return *vocab_; }

  // Scratch for texts whose longest word has max_word_bytes bytes: about 9 a byte. A word is a run of letters, of
  // spaces or of punctuation; a text without them is one word.
  static constexpr uint64_t ScratchBytes(uint64_t max_word_bytes) {
    return WordMerger::ScratchBytes(Min(max_word_bytes, WordMerger::kMaxWordBytes));
  }

  // Writes the tokens of `text` to `out` and their number to *count. scratch: any alignment, used during the call only.
  // Errors: kArenaTooSmall where a word needs more scratch (limit() is how much); kOutputTooSmall where `out` is too
  // small (*count is how many tokens there are); kUnsupported for a word beyond 1 GiB.
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

  // Calls on_text(part) and on_added(token) for the parts of `text` from left to right: at each place the longest of
  // the tokens that are looked for counts. Parts may be empty.
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

  // The tokens of one word, as WordSplitter finds them.
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
