// A model in flash, no file, no heap: the image is part of the program and used in place, and the arena is a static
// array whose size the compiler computes from the plan.
#include <cstdio>

#include "lfm2.h"

#include "home_config.h"  // made by lfm2-inspect --header: kHomeHf is the shape of the model

// The image, put into read-only memory by image.S.
extern "C" const std::byte lfm2_image_begin[];
extern "C" const std::byte lfm2_image_end[];

namespace {

constexpr lfm2::SessionOptions Options() {
  lfm2::SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 8;
  options.max_word_bytes = 64;
  return options;
}

alignas(lfm2::kAlignment) std::byte g_arena[lfm2::ArenaBytes(kHomeHf, Options())];
static_assert(sizeof(g_arena) < 512 * 1024, "leaves room in 512 KB of RAM");

lfm2::MemoryStorage g_flash;
lfm2::Image g_image;
lfm2::Session g_session;
lfm2::Conversation g_chat;

lfm2::Status Run(const char* command) {
  g_flash = lfm2::MemoryStorage({lfm2_image_begin, static_cast<size_t>(lfm2_image_end - lfm2_image_begin)});
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(g_flash, Options(), g_arena, &g_image, &g_session));
  LFM2_RETURN_IF_ERROR(g_chat.Open(&g_session, {}));
  return g_chat.Ask(command, 64, [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); });
}

}  // namespace

int main(int argc, char** argv) {
  const lfm2::Status status = Run(argc > 1 ? argv[1] : "Could you heat the hallway to 17 degrees, please");
  char message[256] = "";
  if (!status.ok()) status.Format(message, sizeof(message));
  std::puts(message);
  return status.ok() ? 0 : 1;
}
