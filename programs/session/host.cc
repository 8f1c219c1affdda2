#include "programs/session/host.h"

#include <cstdlib>
#include <ctime>
#include <fstream>

namespace lfm2::tools {

namespace {

// Calls f(value) for the first line "name: value" of a file in /proc.
template <class F>
void ForValue(const char* path, const std::string& name, F&& f) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.compare(0, name.size(), name) != 0) continue;
    const size_t colon = line.find(':');
    const size_t value = line.find_first_not_of(" \t", colon == std::string::npos ? colon : colon + 1);
    if (value == std::string::npos) continue;
    f(line.substr(value));
    return;
  }
}

uint64_t StatusBytes(const char* name) {
  uint64_t bytes = 0;
  ForValue("/proc/self/status", std::string(name) + ":",
           [&](const std::string& value) { bytes = std::strtoull(value.c_str(), nullptr, 10) * 1024; });
  return bytes;
}

}  // namespace

ResidentMemory ReadResidentMemory() { return {StatusBytes("RssAnon"), StatusBytes("RssFile"), StatusBytes("VmHWM")}; }

std::string ProcessorName() {
  std::string name;
  const auto take = [&](const std::string& value) { name = value; };
  ForValue("/proc/cpuinfo", "model name", take);
  if (name.empty()) ForValue("/proc/cpuinfo", "Model", take);  // boards with an Arm processor
  return name;
}

std::string TimeNow() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  char text[32];
  if (::gmtime_r(&now, &utc) == nullptr || std::strftime(text, sizeof(text), "%FT%TZ", &utc) == 0) return "";
  return text;
}

}  // namespace lfm2::tools
