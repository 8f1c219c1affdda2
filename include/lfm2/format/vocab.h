// The vocabulary section of a model image: a validated view over its bytes (docs/format-vocab.md), used in place.
#ifndef LFM2_FORMAT_VOCAB_H_
#define LFM2_FORMAT_VOCAB_H_

#include <cstring>
#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/chat_format.h"

namespace lfm2 {

// Used in place of a token id where there is no token.
inline constexpr int32_t kNoToken = -1;
inline constexpr uint32_t kMaxVocabTokens = 1u << 24;
inline constexpr uint32_t kMaxStopTokens = 8;

// How text is split into words before merging. The numbers are part of the image format.
enum class Pretokenizer : uint32_t {
  kLfm2 = 1,
};

// The numbers are those of GGUF's tokenizer.ggml.token_type.
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // a special token: structure, made from user text only on request
  kUserDefined = 4,  // its text always becomes this token
  kUnused = 5,
  kByte = 6,
};

// The first 128 bytes of the section; the arrays follow in the order of VocabLayout.
struct VocabHeader {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes;
  uint64_t section_bytes;
  uint32_t token_count;
  uint32_t merge_count;
  uint32_t special_count;
  uint32_t text_bytes;
  int32_t bos;
  int32_t eos;
  int32_t pad;
  uint32_t flags;
  uint32_t chat_bytes;
  uint32_t pretokenizer;
  uint32_t stop_count;
  int32_t stop[kMaxStopTokens];
  uint8_t reserved[28];
};
static_assert(sizeof(VocabHeader) == 128 && offsetof(VocabHeader, stop) == 68, "the format fixes these");

// The magic bytes of the vocabulary of an image.
inline constexpr char kVocabMagic[8] = {'L', 'F', 'M', '2', 'V', 'O', 'C', '\n'};
inline constexpr uint32_t kVocabVersion = 2;
// A flag: prompts begin with bos.
inline constexpr uint32_t kVocabFlagAddBos = 1;
// Assigned, not supported yet: a word that is itself a token becomes that token, whatever the merges are.
inline constexpr uint32_t kVocabFlagIgnoreMerges = 2;

// A pair of tokens that becomes one: (the token in whose run this is, right) -> merged. Lower ranks merge first.
struct VocabMerge {
  uint32_t right;
  uint32_t rank;
  uint32_t merged;
};
static_assert(sizeof(VocabMerge) == 12, "the format fixes this");

// Offsets of the arrays from the start of the section, each a multiple of 8, computed from the counts alone.
struct VocabLayout {
  uint64_t text_begin;  // uint32_t[token_count + 1]: token t is text[text_begin[t] .. text_begin[t + 1])
  uint64_t
      merge_begin;  // uint32_t[token_count + 1]: merges with left token t are [merge_begin[t] .. merge_begin[t + 1])
  uint64_t merges;  // VocabMerge[merge_count], each run sorted by `right`
  uint64_t byte_tokens;  // uint32_t[256]: the token of each single byte
  uint64_t specials;     // uint32_t[special_count]: tokens that are looked for in text, sorted by their bytes
  uint64_t types;        // TokenType[token_count]
  uint64_t text;         // bytes of all tokens
  uint64_t chat;         // the pieces of the chat template
  uint64_t section_bytes;

  static constexpr VocabLayout Of(uint64_t tokens, uint64_t merge_count, uint64_t special_count, uint64_t text_bytes,
                                  uint64_t chat_bytes) {
    VocabLayout l{};
    l.text_begin = sizeof(VocabHeader);
    l.merge_begin = RoundUp<uint64_t>(l.text_begin + (tokens + 1) * sizeof(uint32_t), 8);
    l.merges = RoundUp<uint64_t>(l.merge_begin + (tokens + 1) * sizeof(uint32_t), 8);
    l.byte_tokens = RoundUp<uint64_t>(l.merges + merge_count * sizeof(VocabMerge), 8);
    l.specials = l.byte_tokens + 256 * sizeof(uint32_t);
    l.types = RoundUp<uint64_t>(l.specials + special_count * sizeof(uint32_t), 8);
    l.text = RoundUp<uint64_t>(l.types + tokens, 8);
    l.chat = RoundUp<uint64_t>(l.text + text_bytes, 8);
    l.section_bytes = RoundUp<uint64_t>(l.chat + chat_bytes, 8);
    return l;
  }
};

// Does not own the bytes, which outlive it. Copied by value; const calls may come from several threads.
class Vocab {
 public:
  Vocab() = default;

  // Checks everything that later reads rely on: counts, ids, offsets, order, and that merging never changes text, so
  // that tokens always decode to exactly the bytes that they were encoded from. Accepts any bytes, and reads the
  // section once. bytes: the whole section, aligned to 8. Errors: kCorrupt, kUnsupported, kInvalidArgument.
  static Status Open(Span<const std::byte> bytes, Vocab* out) {
    Vocab v;
    LFM2_RETURN_IF_ERROR(v.CheckHeader(bytes));
    LFM2_RETURN_IF_ERROR(v.CheckTokens());
    LFM2_RETURN_IF_ERROR(v.CheckMerges());
    LFM2_RETURN_IF_ERROR(v.CheckSpecials());
    *out = v;
    return Status();
  }

  // The number of tokens; whether an id is a token.
  uint32_t size() const { return header_.token_count; }
  bool Contains(int32_t token) const { return token >= 0 && static_cast<uint32_t>(token) < header_.token_count; }
  // kNoToken if the model has none.
  int32_t bos() const { return header_.bos; }
  int32_t eos() const { return header_.eos; }
  int32_t pad() const { return header_.pad; }
  // Whether the model expects bos before plain text.
  bool add_bos() const { return (header_.flags & kVocabFlagAddBos) != 0; }
  // How messages become a prompt; without a name if the model has no chat template.
  const ChatFormat& chat_format() const { return chat_format_; }
  // Tokens that end an answer, including eos.
  Span<const int32_t> stop_tokens() const { return {header_.stop, header_.stop_count}; }
  bool IsStop(int32_t token) const {
    for (uint32_t i = 0; i < header_.stop_count; ++i) {
      if (header_.stop[i] == token) return true;
    }
    return false;
  }

  // A token's bytes, which need not be whole UTF-8 sequences; for a special token its text. Empty for an id outside the
  // vocabulary.
  std::string_view TokenBytes(int32_t token) const {
    if (!Contains(token)) return {};
    const uint32_t begin = text_begin_[token];
    return {text_ + begin, text_begin_[token + 1] - begin};
  }
  TokenType type(int32_t token) const { return Contains(token) ? types_[token] : TokenType::kUnknown; }
  // Whether the token is structure and not text to show.
  bool IsSpecial(int32_t token) const { return type(token) == TokenType::kControl; }

  // The token of one byte: merging a word starts with these.
  uint32_t ByteToken(uint8_t byte) const { return byte_tokens_[byte]; }
  // The merge of two neighbours; nullptr if there is none. left < size(). O(log of the merges with this left).
  const VocabMerge* FindMerge(uint32_t left, uint32_t right) const {
    uint32_t low = merge_begin_[left], high = merge_begin_[left + 1];
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (merges_[middle].right < right) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < merge_begin_[left + 1] && merges_[low].right == right ? &merges_[low] : nullptr;
  }

  // All merges of a left token, sorted by their right ones. left < size().
  Span<const VocabMerge> MergesOf(uint32_t left) const {
    return {merges_ + merge_begin_[left], merge_begin_[left + 1] - merge_begin_[left]};
  }
  uint32_t merge_count() const { return header_.merge_count; }

  // The longest token that `text` begins with among the user defined and, if `control`, the special ones; kNoToken.
  int32_t MatchSpecial(std::string_view text, bool control) const {
    uint32_t low = 0, high = header_.special_count;
    int32_t found = kNoToken;
    // [low, high) are the tokens that agree with the first `length` bytes of text.
    for (size_t length = 0; low < high; ++length) {
      const int32_t first = static_cast<int32_t>(specials_[low]);
      if (TokenBytes(first).size() == length) {
        if (control || type(first) == TokenType::kUserDefined) found = first;
        ++low;
      }
      if (length == text.size()) break;
      low = FirstSpecial(low, high, length, text[length], false);
      high = FirstSpecial(low, high, length, text[length], true);
    }
    return found;
  }
  // Whether a token that MatchSpecial looks for begins with this byte.
  bool StartsSpecial(uint8_t byte, bool control) const {
    return ((control ? control_start_ : user_start_)[byte >> 5] >> (byte & 31) & 1u) != 0;
  }

 private:
  static Status Bad(const char* where, const char* what, uint64_t value, uint64_t expected) {
    return Status(StatusCode::kCorrupt, where, what, value, expected);
  }

  // The first of [low, high) whose byte at `at` is not below `byte` (if `above`: is above it). All are equal before
  // `at`.
  uint32_t FirstSpecial(uint32_t low, uint32_t high, size_t at, char byte, bool above) const {
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      const std::string_view bytes = TokenBytes(static_cast<int32_t>(specials_[middle]));
      const uint8_t b = static_cast<uint8_t>(bytes[at]), want = static_cast<uint8_t>(byte);
      if (b < want || (above && b == want)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  Status CheckHeader(Span<const std::byte> bytes) {
    if (bytes.data() == nullptr || bytes.size() < sizeof(VocabHeader)) {
      return Bad("vocabulary", "is shorter than its header", bytes.size(), sizeof(VocabHeader));
    }
    if (reinterpret_cast<uintptr_t>(bytes.data()) % 8 != 0) {
      return Status(StatusCode::kInvalidArgument, "vocabulary address", "is not aligned to 8 bytes");
    }
    std::memcpy(&header_, bytes.data(), sizeof(header_));
    const VocabHeader& h = header_;
    if (std::memcmp(h.magic, kVocabMagic, sizeof(kVocabMagic)) != 0) {
      return Status(StatusCode::kCorrupt, "vocabulary.magic", "is not LFM2VOC");
    }
    if (h.version != kVocabVersion) {
      return Status(StatusCode::kUnsupported, "vocabulary.version", "is not supported (pack the model again)",
                    h.version, kVocabVersion);
    }
    if (h.header_bytes != sizeof(VocabHeader)) {
      return Bad("vocabulary.header_bytes", "is wrong", h.header_bytes, sizeof(VocabHeader));
    }
    if (h.token_count == 0 || h.token_count > kMaxVocabTokens) {
      return Bad("vocabulary.token_count", "is out of bounds", h.token_count, kMaxVocabTokens);
    }
    const VocabLayout l = VocabLayout::Of(h.token_count, h.merge_count, h.special_count, h.text_bytes, h.chat_bytes);
    if (h.section_bytes != l.section_bytes) {
      return Bad("vocabulary.section_bytes", "does not match the counts", h.section_bytes, l.section_bytes);
    }
    if (h.section_bytes != bytes.size()) {
      return Bad("vocabulary.section_bytes", "is not the size of the section", h.section_bytes, bytes.size());
    }
    if ((h.flags & ~kVocabFlagAddBos) != 0) {
      return Status(StatusCode::kUnsupported, "vocabulary.flags", "has a flag that is not supported", h.flags);
    }
    if (h.pretokenizer != static_cast<uint32_t>(Pretokenizer::kLfm2)) {
      return Status(StatusCode::kUnsupported, "vocabulary.pretokenizer", "is not supported", h.pretokenizer);
    }
    for (const uint8_t byte : h.reserved) {
      if (byte != 0) return Status(StatusCode::kUnsupported, "vocabulary.reserved", "is not zero", byte);
    }
    LFM2_RETURN_IF_ERROR(CheckId("vocabulary.bos", h.bos, true));
    LFM2_RETURN_IF_ERROR(CheckId("vocabulary.eos", h.eos, true));
    LFM2_RETURN_IF_ERROR(CheckId("vocabulary.pad", h.pad, true));
    if (h.stop_count > kMaxStopTokens)
      return Bad("vocabulary.stop_count", "is too large", h.stop_count, kMaxStopTokens);
    for (uint32_t i = 0; i < h.stop_count; ++i)
      LFM2_RETURN_IF_ERROR(CheckId("vocabulary.stop", h.stop[i], false).At(i));

    const std::byte* const base = bytes.data();
    text_begin_ = reinterpret_cast<const uint32_t*>(base + l.text_begin);
    merge_begin_ = reinterpret_cast<const uint32_t*>(base + l.merge_begin);
    merges_ = reinterpret_cast<const VocabMerge*>(base + l.merges);
    byte_tokens_ = reinterpret_cast<const uint32_t*>(base + l.byte_tokens);
    specials_ = reinterpret_cast<const uint32_t*>(base + l.specials);
    types_ = reinterpret_cast<const TokenType*>(base + l.types);
    text_ = reinterpret_cast<const char*>(base + l.text);
    return ReadChatFormat({base + l.chat, h.chat_bytes}, &chat_format_);
  }

  Status CheckId(const char* where, int32_t token, bool may_be_none) const {
    if (Contains(token) || (may_be_none && token == kNoToken)) return Status();
    return Bad(where, "is not a token of this vocabulary", static_cast<uint32_t>(token), header_.token_count);
  }

  // Runs [begin[t], begin[t + 1]) that cover [0, end) in order.
  Status CheckRuns(const char* where, const uint32_t* begin, uint32_t end) const {
    if (begin[0] != 0) return Bad(where, "does not start with 0", begin[0], 0);
    for (uint32_t t = 0; t < header_.token_count; ++t) {
      if (begin[t + 1] < begin[t]) return Bad(where, "goes backwards", begin[t + 1], begin[t]).At(t + 1);
    }
    if (begin[header_.token_count] != end)
      return Bad(where, "ends in the wrong place", begin[header_.token_count], end);
    return Status();
  }

  Status CheckTokens() const {
    LFM2_RETURN_IF_ERROR(CheckRuns("vocabulary.text_begin", text_begin_, header_.text_bytes));
    for (uint32_t t = 0; t < header_.token_count; ++t) {
      const uint8_t type = static_cast<uint8_t>(types_[t]);
      if (type < static_cast<uint8_t>(TokenType::kNormal) || type > static_cast<uint8_t>(TokenType::kByte)) {
        return Bad("vocabulary.types", "holds an unknown type", type, static_cast<uint8_t>(TokenType::kByte)).At(t);
      }
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t token = byte_tokens_[byte];
      const std::string_view bytes =
          token < header_.token_count ? TokenBytes(static_cast<int32_t>(token)) : std::string_view();
      if (bytes.size() != 1 || static_cast<uint8_t>(bytes[0]) != byte) {
        return Status(StatusCode::kCorrupt, "vocabulary.byte_tokens", "names a token that is not this byte", token)
            .At(byte);
      }
    }
    return Status();
  }

  Status CheckMerges() const {
    LFM2_RETURN_IF_ERROR(CheckRuns("vocabulary.merge_begin", merge_begin_, header_.merge_count));
    for (uint32_t left = 0; left < header_.token_count; ++left) {
      const std::string_view a = TokenBytes(static_cast<int32_t>(left));
      for (uint32_t i = merge_begin_[left]; i < merge_begin_[left + 1]; ++i) {
        const VocabMerge& m = merges_[i];
        if (m.right >= header_.token_count) {
          return Bad("vocabulary.merges", "names a token that does not exist", m.right, header_.token_count).At(i);
        }
        if (m.merged >= header_.token_count) {
          return Bad("vocabulary.merges", "makes a token that does not exist", m.merged, header_.token_count).At(i);
        }
        if (i > merge_begin_[left] && merges_[i - 1].right >= m.right) {
          return Bad("vocabulary.merges", "is not sorted", m.right, merges_[i - 1].right).At(i);
        }
        if (m.rank >= header_.merge_count) {
          return Bad("vocabulary.merges", "has a rank that is too large", m.rank, header_.merge_count).At(i);
        }
        const std::string_view b = TokenBytes(static_cast<int32_t>(m.right));
        const std::string_view merged = TokenBytes(static_cast<int32_t>(m.merged));
        if (merged.size() != a.size() + b.size() || std::string_view(merged.data(), a.size()) != a ||
            std::string_view(merged.data() + a.size(), b.size()) != b) {
          return Status(StatusCode::kCorrupt, "vocabulary.merges", "makes a token of other bytes", m.merged).At(i);
        }
      }
    }
    return Status();
  }

  Status CheckSpecials() {
    std::string_view last;
    for (uint32_t i = 0; i < header_.special_count; ++i) {
      const int32_t token = static_cast<int32_t>(specials_[i]);
      const TokenType t = type(token);
      if (t != TokenType::kControl && t != TokenType::kUserDefined) {
        return Status(StatusCode::kCorrupt, "vocabulary.specials", "names no special or user defined token",
                      specials_[i])
            .At(i);
      }
      const std::string_view bytes = TokenBytes(token);
      if (bytes <= last)
        return Status(StatusCode::kCorrupt, "vocabulary.specials", "is not sorted", specials_[i]).At(i);
      last = bytes;
      const uint8_t start = static_cast<uint8_t>(bytes[0]);
      control_start_[start >> 5] |= 1u << (start & 31);
      if (t == TokenType::kUserDefined) user_start_[start >> 5] |= 1u << (start & 31);
    }
    return Status();
  }

  VocabHeader header_{};
  const uint32_t* text_begin_ = nullptr;
  const uint32_t* merge_begin_ = nullptr;
  const VocabMerge* merges_ = nullptr;
  const uint32_t* byte_tokens_ = nullptr;
  const uint32_t* specials_ = nullptr;
  const TokenType* types_ = nullptr;
  const char* text_ = nullptr;
  ChatFormat chat_format_;
  // One bit per byte that a special (any, or user defined) token begins with.
  uint32_t control_start_[8] = {};
  uint32_t user_start_[8] = {};
};

}  // namespace lfm2

#endif  // LFM2_FORMAT_VOCAB_H_
