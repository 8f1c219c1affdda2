// How do I save a chat and continue it tomorrow?
//
// `Conversation::Save` writes the sequence, with its keys and values, to a sink, and `Load` reads it from a source, so
// that nothing is computed again. The state belongs to the model and the `kv_cache`; another machine can load it.
// Writing to a temporary name and renaming keeps the old state whole if power fails. Flash has no rename: `StateStore`
// (docs/sessions.md) keeps two slots there.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static lfm2::Status SaveTo(const char* name) {
  std::FILE* const out = std::fopen("chat.state.new", "wb");
  if (out == nullptr) return lfm2::Status(lfm2::StatusCode::kIo, "chat.state.new", "cannot be opened");
  lfm2::Status status = chat.Save([&](lfm2::Span<const std::byte> bytes) {
    return std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
  });
  const bool written = std::fclose(out) == 0;
  if (status.ok() && (!written || std::rename("chat.state.new", name) != 0)) {
    status = lfm2::Status(lfm2::StatusCode::kIo, "chat.state", "cannot be written");
  }
  return status;
}

static lfm2::Status LoadFrom(const char* name) {
  std::FILE* const in = std::fopen(name, "rb");
  if (in == nullptr) return lfm2::Status(lfm2::StatusCode::kIo, "chat.state", "cannot be opened");
  const lfm2::Status status = chat.Load(
      [&](lfm2::Span<std::byte> bytes) { return std::fread(bytes.data(), 1, bytes.size(), in) == bytes.size(); });
  std::fclose(in);
  return status;
}

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you heat the hallway to 17 degrees, please", 64, Show));
  LFM2_RETURN_IF_ERROR(SaveTo("chat.state"));

  // Tomorrow, in another process:
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(LoadFrom("chat.state"));
  std::printf("\n%u positions loaded\n", session.position());
  LFM2_RETURN_IF_ERROR(chat.Ask({lfm2::ChatRole::kTool, "{\"ok\": true}"}, 64, Show));
  std::printf("\n");
  return lfm2::Status();
}

int main(int argc, char** argv) {
  const lfm2::Status status = Run(argc > 1 ? argv[1] : "build/release/models/home.lfm2");
  char message[256];
  status.Format(message, sizeof(message));
  if (!status.ok()) std::fprintf(stderr, "%s\n", message);
  return status.ok() ? 0 : 1;
}

// Prints:
//   <|tool_call_start|>[set_heating(room="hallway", celsius=17)]<|tool_call_end|>
//   33 positions loaded
//   I set the hallway to 17 degrees.
