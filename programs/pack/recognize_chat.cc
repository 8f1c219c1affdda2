#include "programs/pack/recognize_chat.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "lfm2/text/chat.h"
#include "programs/files/json_dumps.h"
#include "programs/jinja/render.h"
#include "programs/pack/chat_probes.h"
#include "programs/text/chat_json.h"
#include "programs/text/described_chat.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

// The prompt that a renderer writes for a chat, or its error.
struct Rendered {
  Error error;
  std::string text;
};

class Template {
 public:
  Template(const std::string& jinja, const std::string& bos, const std::string& eos)
      : jinja_(jinja), bos_(bos), eos_(eos) {}

  Rendered Render(const Json& chat, const std::string& date) const {
    JinjaContext context;
    context.values = chat;
    context.values["bos_token"] = bos_;
    context.values["eos_token"] = eos_;
    context.date = date;
    Rendered out;
    out.error = RenderJinja(jinja_, context, &out.text);
    return out;
  }
  const std::string& bos() const { return bos_; }

 private:
  const std::string& jinja_;
  const std::string& bos_;
  const std::string& eos_;
};

Rendered RenderOwn(const ChatFormat& format, const std::string& bos, const ChatProbe& probe) {
  Rendered out;
  ChatJson chat;
  out.error = chat.ReadMessages(format, probe.chat["messages"]);
  if (out.error.ok()) out.error = chat.ReadTools(probe.chat["tools"]);
  if (!out.error.ok()) return out;
  ChatPrompt prompt = chat.Prompt(probe.chat["add_generation_prompt"] == true);
  prompt.date = probe.date;
  out.error = Error::From(RenderChat(format, bos, prompt, [&](const ChatPiece& piece) { out.text += piece.text; }));
  return out;
}

// The system text that the template writes for a chat without one, or with an empty one.
std::string DefaultSystem(const Template& source, bool is_empty) {
  Json messages = Json::array();
  if (is_empty) messages.push_back({{"role", "system"}, {"content", ""}});
  messages.push_back({{"role", "user"}, {"content", "x"}});
  const Json chat = {{"messages", messages}, {"tools", nullptr}, {"add_generation_prompt", false}};
  const Rendered rendered = source.Render(chat, "2026-11-25");
  const std::string begin = source.bos() + "<|im_start|>system\n";
  const std::string end = "<|im_end|>\n<|im_start|>user\nx<|im_end|>\n";
  const std::string& text = rendered.text;
  const bool has_one = text.size() >= begin.size() + end.size() && text.rfind(begin, 0) == 0 &&
                       text.compare(text.size() - end.size(), end.size(), end) == 0;
  return has_one ? text.substr(begin.size(), text.size() - begin.size() - end.size()) : std::string();
}

// Where two renderings first differ.
struct Difference {
  const ChatProbe* probe = nullptr;  // null: no difference
  Rendered own;
  size_t alike = 0;  // of all probes
};

// Details that the template refuses are not compared. all: continue counting after the first difference.
Difference Compare(const ChatFormat& format, const std::string& bos, const std::vector<Rendered>& wanted, bool all) {
  Difference difference;
  const std::vector<ChatProbe>& probes = ChatProbes();
  for (size_t i = 0; i < probes.size(); ++i) {
    if (probes[i].is_detail && !wanted[i].error.ok()) continue;
    const Rendered own = RenderOwn(format, bos, probes[i]);
    if (wanted[i].error.ok() && own.error.ok() && own.text == wanted[i].text) {
      ++difference.alike;
      continue;
    }
    if (difference.probe == nullptr) {
      difference.probe = &probes[i];
      difference.own = own;
    }
    if (!all) break;
  }
  return difference;
}

// The published format with the details of this template, if it writes all probes alike.
bool FitDetails(ChatFormat format, const std::string& bos, const std::vector<Rendered>& wanted, OwnedChatFormat* fit) {
  const ChatFormat published = format;
  for (uint8_t contents = 0; contents <= static_cast<uint8_t>(ChatContents::kPartObjects); ++contents) {
    for (uint8_t flags = 0; flags <= (kChatReasoning | kChatGivenEmpty); ++flags) {
      if ((flags & kChatThinking) != 0) continue;
      // The details of the published format first.
      format.contents = static_cast<ChatContents>((static_cast<uint8_t>(published.contents) + contents) % 4);
      format.flags = published.flags ^ flags;
      if (format.has(kChatReasoning) && !format.has(kChatThinking)) continue;
      if (Compare(format, bos, wanted, false).probe != nullptr) continue;
      *fit = OwnedChatFormat(format);
      return true;
    }
  }
  return false;
}

// Some characters around a byte, as JSON.
std::string Around(const std::string& text, size_t at) {
  size_t begin = at - std::min<size_t>(at, 12), end = std::min(text.size(), at + 24);
  while (begin > 0 && IsContinuation(text[begin])) --begin;
  while (end < text.size() && IsContinuation(text[end])) ++end;
  return JsonString(text.substr(begin, end - begin));
}

std::string Advice(std::string_view nearest) {
  return "; if a published template is right all the same, name it (--template " + std::string(nearest) +
         "), or describe this one in a JSON file (--template FILE.json, see docs/tools.md)";
}

Error Refuse(const ChatFormat& nearest, const Difference& difference, const Rendered& wanted) {
  const std::string begin = "the chat template is not one that this library knows: the nearest is " +
                            std::string(nearest.name) + ", but of a chat with " + difference.probe->what;
  if (!wanted.error.ok()) {
    return Error::Of(begin, " it reports: ", wanted.error.text(), Advice(nearest.name));
  }
  if (!difference.own.error.ok()) {
    return Error::Of(begin, " it makes a prompt, and ", nearest.name, " reports: ", difference.own.error.text(),
                     Advice(nearest.name));
  }
  const std::string &own = difference.own.text, &want = wanted.text;
  const size_t at = static_cast<size_t>(
      std::mismatch(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(own.size(), want.size())),
                    want.begin())
          .first -
      own.begin());
  return Error::Of(begin, " it writes ", Around(want, at), " where ", nearest.name, " writes ", Around(own, at),
                   ", at byte ", uint64_t{at}, Advice(nearest.name));
}

}  // namespace

Error RecognizeChat(const std::string& jinja, const std::string& bos, const std::string& eos, OwnedChatFormat* format) {
  const Template source(jinja, bos, eos);
  std::vector<Rendered> wanted;
  for (const ChatProbe& probe : ChatProbes()) {
    wanted.push_back(source.Render(probe.chat, probe.date));
    // A template that fails for a plain question is not tried further.
    if (!wanted[0].error.ok()) {
      return Error::Of("the chat template cannot be run: ", wanted[0].error.text(), Advice("lfm2"));
    }
  }

  OwnedChatFormat described;
  if (FindDescription(jinja, &described) && Compare(described.view(), bos, wanted, false).probe == nullptr) {
    *format = described;
    return Error();
  }
  const std::string system = DefaultSystem(source, false);
  const bool if_empty = !system.empty() && DefaultSystem(source, true) == system;
  Difference nearest_difference;
  ChatFormat nearest;
  for (ChatFormat known : KnownChatFormats()) {
    known.default_system = system;
    if (if_empty) known.flags |= kChatDefaultIfEmpty;
    if (FitDetails(known, bos, wanted, format)) return Error();
    const Difference difference = Compare(known, bos, wanted, true);
    if (nearest.name.empty() || difference.alike > nearest_difference.alike) {
      nearest = known;
      nearest_difference = difference;
    }
  }
  const size_t at = static_cast<size_t>(nearest_difference.probe - ChatProbes().data());
  return Refuse(nearest, nearest_difference, wanted[at]);
}

}  // namespace lfm2::tools
