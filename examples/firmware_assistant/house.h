// The devices that the assistant controls. On a real board, each line printed here would set a pin or send a message.
#ifndef LFM2_EXAMPLES_FIRMWARE_ASSISTANT_HOUSE_H_
#define LFM2_EXAMPLES_FIRMWARE_ASSISTANT_HOUSE_H_

#include <string_view>

#include "console.h"
#include "lfm2.h"

inline constexpr std::string_view kDone = "{\"ok\": true}", kRefused = "{\"ok\": false}";

inline void Begin(std::string_view room, std::string_view what) {
  Print("[");
  Print(room);
  Print("] ");
  Print(what);
}
inline void Report(std::string_view room, std::string_view what, std::string_view value) {
  Begin(room, what);
  Print(value);
  Print("\n");
}
// A number within the range of the device.
inline std::string_view Set(std::string_view room, std::string_view what, int64_t value, int64_t least, int64_t most) {
  Begin(room, what);
  if (value < least || value > most) {
    Print("cannot be that\n");
    return kRefused;
  }
  Print(static_cast<uint64_t>(value));
  Print("\n");
  return kDone;
}

// Executes the call within the limits of the devices, and returns the tool's result as JSON for the model. Does nothing
// if an argument is missing or has the wrong type.
inline std::string_view Act(const lfm2::ToolCall& call) {
  const std::string_view tool = call.name();
  int64_t number = 0;
  if (tool == "start_timer") {
    return call.GetInteger("minutes", &number).ok() ? Set("timer", "minutes: ", number, 1, 9999) : kRefused;
  }
  char room_bytes[32], text_bytes[64];
  std::string_view room, text;
  bool on = false;
  if (!call.GetString("room", room_bytes, &room).ok()) return kRefused;
  if (tool == "set_heating") {
    return call.GetInteger("celsius", &number).ok() ? Set(room, "heating: ", number, 5, 30) : kRefused;
  }
  if (tool == "set_light" && call.GetBool("on", &on).ok()) {
    on ? Report(room, "light: ", "on") : Report(room, "light: ", "off");
  } else if (tool == "lock_door" && call.GetBool("locked", &on).ok()) {
    on ? Report(room, "door: ", "locked") : Report(room, "door: ", "unlocked");
  } else if (tool == "set_color" && call.GetString("color", text_bytes, &text).ok()) {
    Report(room, "light: ", text);
  } else if (tool == "play" && call.GetString("what", text_bytes, &text).ok()) {
    Report(room, "plays: ", text);
  } else if (tool == "get_temperature") {
    Report(room, "thermometer: ", "19");
    return "{\"celsius\": 19}";
  } else {
    return kRefused;
  }
  return kDone;
}

#endif  // LFM2_EXAMPLES_FIRMWARE_ASSISTANT_HOUSE_H_
