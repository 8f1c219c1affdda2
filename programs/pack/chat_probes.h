// The chats that tell templates apart.
#ifndef LFM2_PROGRAMS_PACK_CHAT_PROBES_H_
#define LFM2_PROGRAMS_PACK_CHAT_PROBES_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lfm2::tools {

struct ChatProbe {
  std::string what;             // for people
  nlohmann::ordered_json chat;  // messages, tools (or null), add_generation_prompt
  std::string date;
  // A chat with contents other than strings, which a template may refuse.
  bool is_detail = false;
};

// Together they cover every piece of a ChatFormat, and no two published templates write all of them alike.
const std::vector<ChatProbe>& ChatProbes();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_CHAT_PROBES_H_
