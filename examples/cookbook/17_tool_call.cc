// How do I answer a tool call?
//
// `ToolCallReader` returns the calls in an answer with typed arguments, in whichever spelling the model has written
// them. Check each value before acting on it. Then add one message of the role `kTool` for each call, and ask for the
// next answer. The small model has learnt its tools; other models are told of theirs in `ConversationOptions::tools`.

#include <cstdio>
#include <cstring>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte arena[4 << 20];
static lfm2::posix::MappedFile file;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;

static void Show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

static char answer[512];
static size_t answer_bytes;
static bool Keep(std::string_view text) {
  if (text.size() > sizeof(answer) - answer_bytes) return false;
  std::memcpy(answer + answer_bytes, text.data(), text.size());
  answer_bytes += text.size();
  return true;
}

static std::string_view SetHeating(const lfm2::ToolCall& call) {
  char bytes[32];
  std::string_view room;
  int64_t celsius = 0;
  if (call.name() != "set_heating" || !call.GetString("room", bytes, &room).ok() ||
      !call.GetInteger("celsius", &celsius).ok() || celsius < 5 || celsius > 30) {
    return "{\"ok\": false}";
  }
  std::printf("%.*s: %d degrees\n", static_cast<int>(room.size()), room.data(), static_cast<int>(celsius));
  return "{\"ok\": true}";
}

static lfm2::Status Run(const char* path) {
  lfm2::SessionOptions options;
  options.context_length = 512;
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(lfm2::OpenModel(file, options, arena, &image, &session));
  lfm2::ConversationOptions greedy;
  greedy.sampler.temperature = 0.0f;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, greedy));
  LFM2_RETURN_IF_ERROR(chat.Ask("Could you heat the hallway to 17 degrees, please", 64, Keep));
  lfm2::ToolCallReader calls({answer, answer_bytes});
  for (lfm2::ToolCall call; calls.Next(&call);) {
    LFM2_RETURN_IF_ERROR(chat.Add({lfm2::ChatRole::kTool, SetHeating(call)}));
  }
  LFM2_RETURN_IF_ERROR(calls.status());
  LFM2_RETURN_IF_ERROR(chat.Answer(64, Show));
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
//   hallway: 17 degrees
//   I set the hallway to 17 degrees.
