// Tokens to text: all at once as bytes, or one by one as text that may be shown.
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

// Writes the bytes of all tokens to `out`, exactly, and their number to *count. Special tokens write their text, or
// nothing if !show_special. Errors: kInvalidArgument for an id that is no token; kOutputTooSmall where `out` is too
// small (*count is how many bytes there are).
inline Status Detokenize(const Vocab& vocab, Span<const int32_t> tokens, bool show_special, Span<char> out,
                         size_t* count) {
  size_t size = 0;
  *count = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!vocab.Contains(tokens[i])) {
      return Status(StatusCode::kInvalidArgument, "token", "is not one of the vocabulary",
                    static_cast<uint32_t>(tokens[i]), vocab.size())
          .At(static_cast<uint32_t>(i));
    }
    if (!show_special && vocab.IsSpecial(tokens[i])) continue;
    const std::string_view bytes = vocab.TokenBytes(tokens[i]);
    if (size < out.size()) std::memcpy(out.data() + size, bytes.data(), Min(bytes.size(), out.size() - size));
    size += bytes.size();
  }
  *count = size;
  if (size <= out.size()) return Status();
  return Status(StatusCode::kOutputTooSmall, "text", "does not fit its memory: bytes", size, out.size());
}

// Text from tokens as they are generated. A character often spans tokens: only whole UTF-8 sequences are handed out, so
// at most 3 bytes are held back. Bytes that belong to no character become U+FFFD, one for each maximal subpart.
class TextStream {
 public:
  // Put comes only behind another constructor's.
  constexpr TextStream() = default;
  // vocab must outlive the stream.
  explicit TextStream(const Vocab& vocab, bool show_special = false) : vocab_(&vocab), show_special_(show_special) {}

  // What is held back: at most 3 bytes of a character that has not ended. To be kept and set again.
  std::string_view held() const { return {hold_, held_}; }
  // Returns false, with nothing changed, for bytes that are not the beginning of a character.
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

  // Calls sink(std::string_view) with what can be shown now, in order, perhaps in several parts, perhaps not at all.
  // The views are valid during the call. An id that is no token adds nothing.
  template <class Sink>
  void Put(int32_t token, Sink&& sink) {
    if (!show_special_ && vocab_->IsSpecial(token)) return;
    std::string_view bytes = vocab_->TokenBytes(token);
    while (held_ > 0 && !bytes.empty()) {
      hold_[held_] = bytes[0];
      const Utf8Char c = ReadUtf8({hold_, held_ + size_t{1}});
      if (c.kind == Utf8Char::Kind::kInvalid) {  // the new byte begins anew
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

  // The end of the text: what is still held back can not become a character any more. The stream is as new.
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
