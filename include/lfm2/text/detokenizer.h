// Tokens to text: all at once as bytes, or one by one as text that can be displayed.
#ifndef LFM2_TEXT_DETOKENIZER_H_
#define LFM2_TEXT_DETOKENIZER_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/vocab.h"
#include "lfm2/text/utf8.h"

namespace lfm2 {

// Writes the exact bytes of all tokens to `out` and their number to *count. Special tokens give their text, or nothing
// without show_special. Errors: kInvalidArgument for an id that is not a token; kOutputTooSmall where `out` is too
// small (*count is the number of bytes).
inline Status Detokenize(const Vocab& vocab, Span<const int32_t> tokens, bool show_special, Span<char> out,
                         size_t* count) {
  size_t size = 0;
  *count = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!vocab.Contains(tokens[i])) {
      return Status(StatusCode::kInvalidArgument, "token", "is not in the vocabulary", static_cast<uint32_t>(tokens[i]),
                    vocab.size())
          .At(static_cast<uint32_t>(i));
    }
    if (!show_special && vocab.IsSpecial(tokens[i])) continue;
    const std::string_view bytes = vocab.TokenBytes(tokens[i]);
    if (size < out.size()) std::memcpy(out.data() + size, bytes.data(), Min(bytes.size(), out.size() - size));
    size += bytes.size();
  }
  *count = size;
  if (size <= out.size()) return Status();
  return Status(StatusCode::kOutputTooSmall, "text", "does not fit the buffer: bytes", size, out.size());
}

// Converts tokens to text as they are generated. A character often spans tokens: only whole UTF-8 characters are passed
// on, so up to 3 bytes are held back. Bytes that belong to no character become U+FFFD, one for each maximal subpart.
class TextStream {
 public:
  // Put may be called only on a stream made by the other constructor.
  constexpr TextStream() = default;
  // vocab must outlive the stream.
  explicit TextStream(const Vocab& vocab, bool show_special = false) : vocab_(&vocab), show_special_(show_special) {}

  // The bytes held back: up to 3 bytes of an incomplete character. Save them to restore the stream with SetHeld.
  std::string_view held() const { return {hold_, held_}; }
  // Restores the bytes held back. Returns false, with nothing changed, if they are not the beginning of a character.
  bool SetHeld(std::string_view bytes) {
    if (bytes.size() >= sizeof(hold_)) return false;
    if (!bytes.empty()) {
      const Utf8Char c = ReadUtf8(bytes);
      if (c.kind != Utf8Char::Kind::kIncomplete || c.length != bytes.size()) return false;
      std::memcpy(hold_, bytes.data(), bytes.size());
    }
    held_ = static_cast<uint8_t>(bytes.size());
    return true;
  }

  // Calls sink(std::string_view) with the text that is complete, in order, in any number of parts. The views are valid
  // during the call. An id that is not a token adds nothing.
  template <class Sink>
  void Put(int32_t token, Sink&& sink) {
    if (!show_special_ && vocab_->IsSpecial(token)) return;
    std::string_view bytes = vocab_->TokenBytes(token);
    while (held_ > 0 && !bytes.empty()) {
      hold_[held_] = bytes[0];
      const Utf8Char c = ReadUtf8({hold_, held_ + size_t{1}});
      if (c.kind == Utf8Char::Kind::kInvalid) {  // the new byte may begin a character
        sink(kReplacement);
        held_ = 0;
        break;
      }
      bytes.remove_prefix(1);
      ++held_;
      if (c.kind == Utf8Char::Kind::kValid) {
        sink(std::string_view(hold_, held_));
        held_ = 0;
      }
    }
    size_t whole = 0;
    while (whole < bytes.size()) {
      const Utf8Char c = ReadUtf8(TextFrom(bytes, whole));
      if (c.kind == Utf8Char::Kind::kValid) {
        whole += c.length;
        continue;
      }
      if (whole > 0) sink(TextPart(bytes, 0, whole));
      bytes.remove_prefix(whole);
      whole = 0;
      if (c.kind == Utf8Char::Kind::kIncomplete) {
        std::memcpy(hold_, bytes.data(), c.length);
        held_ = static_cast<uint8_t>(c.length);
        return;
      }
      sink(kReplacement);
      bytes.remove_prefix(c.length);
    }
    if (whole > 0) sink(bytes);
  }

  // Ends the text: bytes still held back become U+FFFD. The stream can be used for another text.
  template <class Sink>
  void Flush(Sink&& sink) {
    if (held_ > 0) sink(kReplacement);
    held_ = 0;
  }

 private:
  static constexpr std::string_view kReplacement = "\xef\xbf\xbd";

  const Vocab* vocab_ = nullptr;
  bool show_special_ = false;
  uint8_t held_ = 0;
  char hold_[4] = {};
};

}  // namespace lfm2

#endif  // LFM2_TEXT_DETOKENIZER_H_
