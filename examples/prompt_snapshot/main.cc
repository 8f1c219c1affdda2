// Firmware whose prompt was computed on a PC: the state after system text and tools is in flash and is loaded at start,
// so that only the question has to be computed before the first answer. With PROMPT_FROM_TEXT it computes the prompt
// itself, as firmware without a snapshot has to; the answer is the same.
#include "board.h"
#include "console.h"
#include "model.h"

// Put into read-only memory by prompt.S: tools.json, or the snapshot.
extern "C" const char prompt_begin[];
extern "C" const char prompt_end[];

namespace {

constexpr uint32_t kContext = 512;
// Names no room, so that the answer depends on the system text.
constexpr std::string_view kCommand = "Set the heating to 17 degrees, please";

std::string_view Flash() { return {prompt_begin, static_cast<size_t>(prompt_end - prompt_begin)}; }

#if defined(PROMPT_FROM_TEXT)

// The objects of a JSON list, which are the tools. Their strings have no braces.
size_t SplitTools(std::string_view json, std::string_view* tools, size_t capacity) {
  size_t count = 0, begin = 0;
  uint32_t depth = 0;
  for (size_t i = 0; i < json.size() && count < capacity; ++i) {
    if (json[i] == '{' && depth++ == 0) begin = i;
    if (json[i] == '}' && --depth == 0) tools[count++] = {json.data() + begin, i + 1 - begin};
  }
  return count;
}

lfm2::Status BeginTold() {
  static std::string_view tools[8];
  lfm2::ConversationOptions options = Greedy();
  options.system = PROMPT_SYSTEM;
  options.tools = {tools, SplitTools(Flash(), tools, 8)};
  return g_chat.Open(&g_session, options);
}

#else

lfm2::Status BeginTold() {
  LFM2_RETURN_IF_ERROR(BeginChat());
  std::string_view left = Flash();
  return g_chat.Load([&](lfm2::Span<std::byte> to) {
    if (to.size() > left.size()) return false;
    std::memcpy(to.data(), left.data(), to.size());
    left.remove_prefix(to.size());
    return true;
  });
}

#endif

lfm2::Status Run() {
  LFM2_RETURN_IF_ERROR(OpenModel(nullptr, kContext));
  Ticks();  // here and below: the board's clock has to be read before it wraps
  LFM2_RETURN_IF_ERROR(BeginTold());
  Ticks();
  LFM2_RETURN_IF_ERROR(g_chat.BeginAsk(kCommand, LFM2_ANSWER_TOKENS));
  uint64_t first = 0;
  while (g_chat.is_busy()) {
    LFM2_RETURN_IF_ERROR(g_chat.Step([&](std::string_view text) {
      if (first == 0) first = Ticks();
      Print(text);
    }));
    Ticks();
  }
  Print("\n# ticks until the first token: ");
  Print(first);
  Print("\n");
  return lfm2::Status();
}

}  // namespace

int Main() {
  const lfm2::Status status = Run();
  if (status.ok()) return 0;
  static char message[256];
  Print({message, status.Format(message, sizeof(message))});
  Print("\n");
  return 1;
}
