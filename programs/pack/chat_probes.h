// The chats by which templates are told apart.
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
  // How a template reads a chat in JSON that is not made of texts alone: it may refuse that.
  bool is_detail = false;
};

// Between them they reach every piece of a ChatFormat, and no two published templates write all of them alike.
const std::vector<ChatProbe>& ChatProbes();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_CHAT_PROBES_H_
