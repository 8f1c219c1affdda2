#include "programs/text/described_chat.h"

#include "programs/text/chat_format_json.h"

namespace lfm2::tools {

namespace {

constexpr char kPiecesBegin[] = "{#- pieces: ", kPiecesEnd[] = " -#}\n";

}  // namespace

std::string DescriptionOf(const ChatFormat& format) {
  for (ChatFormat known : KnownChatFormats()) {
    known.default_system = format.default_system;
    known.flags |= format.flags & kChatDefaultIfEmpty;
    if (SamePieces(known, format)) return std::string();
  }
  std::string json;
  // A comment ends at #}.
  for (const char c : ChatFormatJson(format).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) {
    json += c == '#' ? "\\u0023" : std::string(1, c);
  }
  return kPiecesBegin + json + kPiecesEnd;
}

bool FindDescription(const std::string& jinja, OwnedChatFormat* format) {
  const size_t begin = jinja.find(kPiecesBegin);
  const size_t end = begin == std::string::npos ? begin : jinja.find(kPiecesEnd, begin);
  if (end == std::string::npos) return false;
  const size_t from = begin + sizeof(kPiecesBegin) - 1;
  return ParseChatFormat(jinja.substr(from, end - from), format).ok();
}

}  // namespace lfm2::tools
