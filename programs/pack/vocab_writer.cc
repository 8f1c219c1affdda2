#include "programs/pack/vocab_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include "programs/pack/byte_level.h"

namespace lfm2::tools {
namespace {

bool Fail(std::string* error, const std::string& sentence) {
  *error = sentence;
  return false;
}

struct Draft {
  std::vector<std::string> bytes;  // of each token
  std::unordered_map<std::string, uint32_t> by_bytes;
  std::vector<std::vector<VocabMerge>> merges;  // by left token
  std::vector<uint32_t> specials;
  std::array<uint32_t, 256> byte_tokens;
  std::vector<int32_t> stops;
};

bool DraftTokens(const VocabSource& source, Draft* draft, std::string* error) {
  const size_t count = source.tokens.size();
  if (count == 0 || count > kMaxVocabTokens) {
    return Fail(error, "the vocabulary has " + std::to_string(count) + " tokens");
  }
  if (source.types.size() != count) {
    return Fail(error, "there are " + std::to_string(count) + " tokens but " + std::to_string(source.types.size()) +
                           " token types");
  }
  draft->bytes.resize(count);
  for (size_t t = 0; t < count; ++t) {
    const std::string& spelled = source.tokens[t];
    std::string& bytes = draft->bytes[t];
    const int type = source.types[t];
    if (type < static_cast<int>(TokenType::kNormal) || type > static_cast<int>(TokenType::kByte)) {
      return Fail(error, "token " + std::to_string(t) + " has the unknown type " + std::to_string(type));
    }
    // A token with other characters stands for its own text, as in byte-level decoders.
    const bool decoded = type == static_cast<int>(TokenType::kByte)     ? DecodeByteToken(spelled, &bytes)
                         : type == static_cast<int>(TokenType::kNormal) ? DecodeByteLevel(spelled, &bytes)
                                                                        : false;
    if (!decoded) bytes = spelled;
  }
  // If two tokens have the same bytes, merges refer to the normal one.
  for (const bool normal : {true, false}) {
    for (size_t t = 0; t < count; ++t) {
      if ((source.types[t] == static_cast<int>(TokenType::kNormal)) == normal) {
        draft->by_bytes.emplace(draft->bytes[t], static_cast<uint32_t>(t));
      }
    }
  }
  for (int b = 0; b < 256; ++b) {
    const auto found = draft->by_bytes.find(std::string(1, static_cast<char>(b)));
    if (found == draft->by_bytes.end()) {
      return Fail(error, "the vocabulary has no token for the byte " + std::to_string(b) +
                             ": it is not a byte-level vocabulary");
    }
    draft->byte_tokens[static_cast<size_t>(b)] = found->second;
  }
  return true;
}

bool DraftMerges(const VocabSource& source, Draft* draft, std::string* error) {
  draft->merges.resize(source.tokens.size());
  for (size_t rank = 0; rank < source.merges.size(); ++rank) {
    const auto& [left_spelled, right_spelled] = source.merges[rank];
    const std::string name = "merge " + std::to_string(rank) + " (" + left_spelled + " " + right_spelled + ")";
    std::string left, right;
    if (!DecodeByteLevel(left_spelled, &left) || !DecodeByteLevel(right_spelled, &right)) {
      return Fail(error, name + " is not in byte-level spelling");
    }
    if (left.empty() || right.empty()) return Fail(error, name + " has an empty half");
    const auto l = draft->by_bytes.find(left), r = draft->by_bytes.find(right), m = draft->by_bytes.find(left + right);
    if (l == draft->by_bytes.end() || r == draft->by_bytes.end() || m == draft->by_bytes.end()) {
      return Fail(error, name + " has a half or a result that is not a token");
    }
    draft->merges[l->second].push_back({r->second, static_cast<uint32_t>(rank), m->second});
  }
  for (auto& run : draft->merges) {
    std::sort(run.begin(), run.end(), [](const VocabMerge& a, const VocabMerge& b) { return a.right < b.right; });
    for (size_t i = 1; i < run.size(); ++i) {
      if (run[i].right == run[i - 1].right) {
        return Fail(error, "merges " + std::to_string(std::min(run[i].rank, run[i - 1].rank)) + " and " +
                               std::to_string(std::max(run[i].rank, run[i - 1].rank)) + " are the same pair");
      }
    }
  }
  return true;
}

bool DraftSpecials(const VocabSource& source, Draft* draft, std::string* error) {
  const int count = static_cast<int>(source.tokens.size());
  const auto is_control = [&](int32_t t) {
    return source.types[static_cast<size_t>(t)] == static_cast<int>(TokenType::kControl);
  };
  std::unordered_map<std::string, bool> seen;
  for (int32_t t = 0; t < count; ++t) {
    const bool user = source.types[static_cast<size_t>(t)] == static_cast<int>(TokenType::kUserDefined);
    const std::string& text = draft->bytes[static_cast<size_t>(t)];
    if ((user || is_control(t)) && !text.empty() && seen.emplace(text, true).second) {
      draft->specials.push_back(static_cast<uint32_t>(t));
    }
  }
  std::sort(draft->specials.begin(), draft->specials.end(),
            [&](uint32_t a, uint32_t b) { return draft->bytes[a] < draft->bytes[b]; });

  const auto add_stop = [&](int32_t t) {
    if (t != kNoToken && std::find(draft->stops.begin(), draft->stops.end(), t) == draft->stops.end())
      draft->stops.push_back(t);
  };
  add_stop(source.eos);
  for (const int32_t t : source.stop) add_stop(t);
  for (int32_t t = 0; t < count; ++t) {
    const std::string& text = draft->bytes[static_cast<size_t>(t)];
    if (is_control(t) && (text == "<|im_end|>" || text == "<|endoftext|>")) add_stop(t);
  }
  for (const int32_t t : {source.bos, source.pad}) {
    if (t != kNoToken && (t < 0 || t >= count))
      return Fail(error, "the special token id " + std::to_string(t) + " is not a token");
  }
  for (const int32_t t : draft->stops) {
    if (t < 0 || t >= count) return Fail(error, "the stop token id " + std::to_string(t) + " is not a token");
  }
  if (draft->stops.size() > kMaxStopTokens) {
    return Fail(error, "there are " + std::to_string(draft->stops.size()) + " stop tokens, more than " +
                           std::to_string(kMaxStopTokens));
  }
  return true;
}

template <class T>
void PutArray(std::string* out, uint64_t offset, const std::vector<T>& values) {
  if (!values.empty()) std::memcpy(&(*out)[static_cast<size_t>(offset)], values.data(), values.size() * sizeof(T));
}

}  // namespace

bool SplitMerge(std::string_view spelled, std::pair<std::string, std::string>* merge) {
  const size_t space = spelled.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == spelled.size()) return false;
  *merge = {std::string(spelled.substr(0, space)), std::string(spelled.substr(space + 1))};
  return true;
}

bool BuildVocab(const VocabSource& source, std::string* bytes, std::string* error) {
  Draft draft;
  if (!DraftTokens(source, &draft, error) || !DraftMerges(source, &draft, error) ||
      !DraftSpecials(source, &draft, error)) {
    return false;
  }
  std::vector<uint32_t> text_begin(1, 0), merge_begin(1, 0);
  std::vector<VocabMerge> merges;
  std::vector<uint8_t> types;
  std::string text;
  for (size_t t = 0; t < draft.bytes.size(); ++t) {
    text += draft.bytes[t];
    if (text.size() > UINT32_MAX) return Fail(error, "the tokens' text is longer than 4 GiB");
    text_begin.push_back(static_cast<uint32_t>(text.size()));
    merges.insert(merges.end(), draft.merges[t].begin(), draft.merges[t].end());
    merge_begin.push_back(static_cast<uint32_t>(merges.size()));
    types.push_back(static_cast<uint8_t>(source.types[t]));
  }

  const ChatFormat chat_format = source.chat_format.view();
  for (const auto piece : kChatTexts) {
    const size_t size = (chat_format.*piece).size();
    if (size > kMaxChatTextBytes) {
      return Fail(error, "a text of the chat template has " + std::to_string(size) + " bytes, more than " +
                             std::to_string(kMaxChatTextBytes));
    }
  }
  const std::string chat = ChatFormatBytes(chat_format);

  VocabHeader h{};
  std::memcpy(h.magic, kVocabMagic, sizeof(h.magic));
  h.version = kVocabVersion;
  h.header_bytes = sizeof(VocabHeader);
  h.token_count = static_cast<uint32_t>(draft.bytes.size());
  h.merge_count = static_cast<uint32_t>(merges.size());
  h.special_count = static_cast<uint32_t>(draft.specials.size());
  h.text_bytes = static_cast<uint32_t>(text.size());
  h.bos = source.bos;
  h.eos = source.eos;
  h.pad = source.pad;
  h.flags = source.add_bos ? kVocabFlagAddBos : 0;
  h.chat_bytes = static_cast<uint32_t>(chat.size());
  h.pretokenizer = static_cast<uint32_t>(Pretokenizer::kLfm2);
  h.stop_count = static_cast<uint32_t>(draft.stops.size());
  for (size_t i = 0; i < kMaxStopTokens; ++i) h.stop[i] = i < draft.stops.size() ? draft.stops[i] : kNoToken;
  const VocabLayout layout = VocabLayout::Of(h.token_count, h.merge_count, h.special_count, h.text_bytes, h.chat_bytes);
  h.section_bytes = layout.section_bytes;

  bytes->assign(static_cast<size_t>(layout.section_bytes), '\0');
  std::memcpy(&(*bytes)[0], &h, sizeof(h));
  PutArray(bytes, layout.text_begin, text_begin);
  PutArray(bytes, layout.merge_begin, merge_begin);
  PutArray(bytes, layout.merges, merges);
  PutArray(bytes, layout.byte_tokens, std::vector<uint32_t>(draft.byte_tokens.begin(), draft.byte_tokens.end()));
  PutArray(bytes, layout.specials, draft.specials);
  PutArray(bytes, layout.types, types);
  std::memcpy(&(*bytes)[static_cast<size_t>(layout.text)], text.data(), text.size());
  std::memcpy(bytes->data() + layout.chat, chat.data(), chat.size());
  return true;
}

}  // namespace lfm2::tools
