// The devices that the assistant controls. On a real board each line that is printed here sets a pin or sends a
// message.
#ifndef LFM2_EXAMPLES_FIRMWARE_ASSISTANT_HOUSE_H_
#define LFM2_EXAMPLES_FIRMWARE_ASSISTANT_HOUSE_H_

#include <string_view>

#include "console.h"
#include "tool_call.h"

// Whole numbers of up to four digits; -1 for anything else.
inline int ReadNumber(std::string_view text) {
  int number = 0;
  if (text.empty() || text.size() > 4) return -1;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

inline void Report(std::string_view room, std::string_view what, std::string_view value) {
  Print("[");
  Print(room);
  Print("] ");
  Print(what);
  Print(value);
  Print("\n");
}

// Does what the call says, within what the devices can, and returns the tool's answer as JSON for the model.
inline std::string_view Act(const ToolCall& call) {
  constexpr std::string_view kDone = "{\"ok\": true}", kRefused = "{\"ok\": false}";
  const std::string_view room = call["room"];
  if (call.name == "set_light") {
    Report(room, "light: ", call["on"] == "True" ? "on" : "off");
    return kDone;
  }
  if (call.name == "set_color") {
    Report(room, "light: ", call["color"]);
    return kDone;
  }
  if (call.name == "set_heating") {
    const int celsius = ReadNumber(call["celsius"]);
    if (celsius < 5 || celsius > 30) {
      Report(room, "heating: not to ", call["celsius"]);
      return kRefused;
    }
    Report(room, "heating: ", call["celsius"]);
    return kDone;
  }
  if (call.name == "lock_door") {
    Report(room, "door: ", call["locked"] == "True" ? "locked" : "unlocked");
    return kDone;
  }
  if (call.name == "play") {
    Report(room, "plays: ", call["what"]);
    return kDone;
  }
  if (call.name == "start_timer") {
    if (ReadNumber(call["minutes"]) < 1) return kRefused;
    Report("timer", "minutes: ", call["minutes"]);
    return kDone;
  }
  if (call.name == "get_temperature") {
    Report(room, "thermometer: ", "19");
    return "{\"celsius\": 19}";
  }
  Report("house", "knows no ", call.name);
  return kRefused;
}

#endif  // LFM2_EXAMPLES_FIRMWARE_ASSISTANT_HOUSE_H_
