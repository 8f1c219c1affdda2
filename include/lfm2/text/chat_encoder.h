// Encodes a chat to tokens, without a buffer for the whole prompt.
#ifndef LFM2_TEXT_CHAT_ENCODER_H_
#define LFM2_TEXT_CHAT_ENCODER_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/bpe.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/pretokenizer.h"
#include "lfm2/text/tokenizer.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Encodes text that arrives in pieces to the tokens that Tokenizer::Encode gives for the whole text. Words may span
// pieces, added tokens may not. The text that the next piece could still change is held in a window, which must fit one
// word.
class PieceEncoder {
 public:
  // All arguments must outlive the encoder. scratch is divided into the window and the scratch of the tokenizer.
  PieceEncoder(const Tokenizer& tokenizer, Span<std::byte> scratch, TokenWriter* writer)
      : tokenizer_(tokenizer), writer_(writer), scratch_bytes_(scratch.size()) {
    const size_t window = WindowFor(scratch.size());
    window_ = {reinterpret_cast<char*>(scratch.data()), window};
    scratch_ = scratch.subspan(window, scratch.size() - window);
  }

  // Bytes of scratch for words of up to max_word_bytes bytes.
  static constexpr uint64_t ScratchBytes(uint64_t max_word_bytes) {
    return BytesForWindow(Min(max_word_bytes, WordMerger::kMaxWordBytes - kLookAhead) + kLookAhead);
  }

  // Errors: kArenaTooSmall where a word does not fit the window; limit() is for a word of twice the size, because the
  // end of the word is not known yet.
  Status Put(std::string_view piece, AddedTokens added) {
    Status status;
    const auto on_text = [&](std::string_view text) {
      if (status.ok()) status = Append(text);
    };
    const auto on_added = [&](int32_t token) {
      if (status.ok()) status = Finish();
      if (status.ok()) writer_->Put(token);
    };
    tokenizer_.SplitAtAdded(piece, added, on_text, on_added);
    return status;
  }

  // Encodes the rest at the end of the text.
  Status Finish() {
    LFM2_RETURN_IF_ERROR(EncodeWindow(true));
    return Status();
  }

 private:
  // Most bytes after a word that WordSplitter may need to decide: more than two characters.
  static constexpr uint64_t kLookAhead = 16;

  static constexpr uint64_t BytesForWindow(uint64_t window) { return window + WordMerger::ScratchBytes(window); }
  // The largest window that leaves enough scratch for a word that fills it.
  static constexpr size_t WindowFor(uint64_t scratch_bytes) {
    uint64_t low = 0, high = Min<uint64_t>(scratch_bytes, WordMerger::kMaxWordBytes);
    while (low < high) {
      const uint64_t middle = high - (high - low) / 2;
      if (BytesForWindow(middle) <= scratch_bytes) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return static_cast<size_t>(low);
  }

  Status Append(std::string_view text) {
    while (!text.empty()) {
      if (used_ == window_.size()) LFM2_RETURN_IF_ERROR(EncodeWindow(false));
      if (used_ == window_.size()) {
        return Status(StatusCode::kArenaTooSmall, "chat encoder scratch",
                      "is too small for one of the chat's words (see max_word_bytes): bytes", scratch_bytes_,
                      BytesForWindow(2 * Max<uint64_t>(used_, kLookAhead)));
      }
      const size_t part = Min(window_.size() - used_, text.size());
      std::memcpy(window_.data() + used_, text.data(), part);
      used_ += part;
      text.remove_prefix(part);
    }
    return Status();
  }

  // Encodes the words that later text cannot change; with `final`, all words.
  Status EncodeWindow(bool final) {
    size_t at = 0;
    while (at < used_) {
      const std::string_view rest(window_.data() + at, used_ - at);
      const size_t length = WordSplitter::FirstWord(rest, final);
      if (length == 0) break;
      LFM2_RETURN_IF_ERROR(tokenizer_.EncodeWord(TextPart(rest, 0, length), scratch_, writer_));
      at += length;
    }
    used_ -= at;
    if (at > 0 && used_ > 0) std::memmove(window_.data(), window_.data() + at, used_);
    return Status();
  }

  const Tokenizer& tokenizer_;
  TokenWriter* writer_;
  size_t scratch_bytes_;
  Span<char> window_;
  Span<std::byte> scratch_;
  size_t used_ = 0;
};

// Bytes of scratch that EncodeChat needs for a chat whose longest word has max_word_bytes bytes: about 10 per byte. A
// run of white space counts as one word, including its newlines.
constexpr uint64_t ChatScratchBytes(uint64_t max_word_bytes) { return PieceEncoder::ScratchBytes(max_word_bytes); }

// Writes the tokens of the rendered prompt (RenderChat) to `out` and their number to *count. Text in contents never
// becomes an added token, special or user defined, unless content_specials is set: then it does, as in Hugging Face's
// apply_chat_template. Set it for trusted contents only. scratch: any alignment, used during the call only. Errors:
// those of RenderChat and Tokenizer::Encode.
inline Status EncodeChat(const Tokenizer& tokenizer, const ChatFormat& format, const ChatPrompt& prompt,
                         bool content_specials, Span<std::byte> scratch, Span<int32_t> out, size_t* count) {
  TokenWriter writer(out);
  *count = 0;
  PieceEncoder encoder(tokenizer, scratch, &writer);
  Status status;
  const auto sink = [&](ChatPiece piece) {
    const bool trusted = piece.is_template || content_specials;
    if (status.ok()) status = encoder.Put(piece.text, trusted ? AddedTokens::kAll : AddedTokens::kNone);
  };
  const Vocab& vocab = tokenizer.vocab();
  LFM2_RETURN_IF_ERROR(RenderChat(format, vocab.TokenBytes(vocab.bos()), prompt, sink));
  LFM2_RETURN_IF_ERROR(status);
  LFM2_RETURN_IF_ERROR(encoder.Finish());
  return writer.Finish(count);
}

}  // namespace lfm2

#endif  // LFM2_TEXT_CHAT_ENCODER_H_
