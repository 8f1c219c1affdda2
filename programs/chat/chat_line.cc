#include "programs/chat/chat_line.h"

#include <algorithm>
#include <iterator>

namespace lfm2::tools {

namespace {

using Kind = ChatLine::Kind;

enum class Text : uint8_t { kNone, kOptional, kNeeded };

struct Command {
  const char* name;
  Kind kind;
  Text text;
  const char* shown;  // in /help; nullptr for another name of the command before it
  const char* what;
};

constexpr Command kCommands[] = {
    {"/help", Kind::kHelp, Text::kNone, "/help, /?", "list the commands"},
    {"/?", Kind::kHelp, Text::kNone, nullptr, nullptr},
    {"/tool", Kind::kTool, Text::kNeeded, "/tool TEXT", "answer the tool call of the model"},
    {"/regenerate", Kind::kRegenerate, Text::kNone, "/regenerate, /retry", "replace the last answer by another one"},
    {"/retry", Kind::kRegenerate, Text::kNone, nullptr, nullptr},
    {"/continue", Kind::kContinue, Text::kNone, "/continue", "continue an answer that was stopped or cut off"},
    {"/reset", Kind::kReset, Text::kNone, "/reset, /new, /clear", "start a new chat"},
    {"/new", Kind::kReset, Text::kNone, nullptr, nullptr},
    {"/clear", Kind::kReset, Text::kNone, nullptr, nullptr},
    {"/system", Kind::kSystem, Text::kOptional, "/system TEXT",
     "start a new chat with this system text; without one, show it"},
    {"/save", Kind::kSave, Text::kNeeded, "/save FILE", "save the chat"},
    {"/load", Kind::kLoad, Text::kNeeded, "/load FILE", "continue a saved chat in place of this one"},
    {"/stats", Kind::kStats, Text::kNone, "/stats", "show speed and memory"},
    {"/quit", Kind::kQuit, Text::kNone, "/quit, /exit, /bye, Ctrl-D", "leave"},
    {"/exit", Kind::kQuit, Text::kNone, nullptr, nullptr},
    {"/bye", Kind::kQuit, Text::kNone, nullptr, nullptr},
};
constexpr char kSpaces[] = " \t\r\n\v\f";

}  // namespace

bool IsBlank(const std::string& text) { return text.find_first_not_of(kSpaces) == std::string::npos; }

Error ParseChatLine(const std::string& typed, ChatLine* line) {
  *line = ChatLine();
  if (IsBlank(typed)) return Error();
  line->kind = Kind::kMessage;
  if (typed[0] != '/' || typed.compare(0, 2, "//") == 0) {
    line->text = typed[0] == '/' ? typed.substr(1) : typed;
    return Error();
  }
  const std::string name = typed.substr(0, typed.find_first_of(kSpaces));
  const auto command =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& c) { return name == c.name; });
  if (command == std::end(kCommands)) {
    return Error::Of("unknown command ", name,
                     ": /help lists the commands, and //TEXT sends a message that begins with /");
  }
  const size_t begin = typed.find_first_not_of(kSpaces, name.size());
  if (begin != std::string::npos) line->text = typed.substr(begin);
  if (!line->text.empty()) line->text.resize(line->text.find_last_not_of(kSpaces) + 1);
  line->kind = command->kind;
  if (command->text == Text::kNeeded && line->text.empty()) {
    return Error::Of(name, " needs what follows it: ", command->shown);
  }
  if (command->text == Text::kNone && !line->text.empty()) return Error::Of(name, " takes nothing after it");
  return Error();
}

std::string ChatHelp() {
  std::string help;
  const auto add = [&](std::string shown, const char* what) {
    shown.resize(28, ' ');
    help += "  " + shown + what + "\n";
  };
  for (const Command& command : kCommands) {
    if (command.shown != nullptr) add(command.shown, command.what);
  }
  add("//TEXT", "send a message that begins with /: /TEXT");
  add("Ctrl-C", "stop the answer, or discard what is typed");
  return help;
}

}  // namespace lfm2::tools
