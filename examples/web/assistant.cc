// The model in a browser, without a heap: the image and the arena are consecutive in the memory of the WebAssembly
// module, which engine.js creates with the size that the plan gives and which never grows. Text is passed in both
// directions through one buffer.
#include <emscripten/emscripten.h>

#include "lfm2_bundled.h"

// The end of static variables and the stack, defined by the linker: only its address is used.
extern "C" std::byte __heap_base;

namespace {

constexpr uint32_t kContextLength = 1024;
constexpr uint32_t kPrefillChunk = 32;
constexpr uint64_t kPageBytes = 65536;
constexpr uint64_t kAddressSpace = kPageBytes * 65536;
constexpr size_t kHeaderBytes = sizeof(lfm2::ImageHeader);

char g_text[16384];
size_t g_text_bytes;

// The answer that was started last.
char g_answer[4096];
size_t g_answer_bytes;
size_t g_answer_taken;
int32_t g_tokens[1024];
uint32_t g_token_count;

// System text and tools, which a conversation reads again whenever its context is restarted.
char g_instructions[8192];
std::string_view g_tools[32];

uint64_t g_planned_image;
uint64_t g_planned_memory;
uint32_t g_image_bytes;
lfm2::MemoryStorage g_storage;
lfm2::Image g_image;
lfm2::Session g_session;
lfm2::Conversation g_chat;

lfm2::SessionOptions Options(const lfm2::ModelConfig& config) {
  lfm2::SessionOptions options;
  options.context_length = lfm2::Min(kContextLength, config.context_length);
  options.prefill_chunk = kPrefillChunk;
  return options;
}

uint64_t ImageAddress() {
  return lfm2::RoundUp<uint64_t>(reinterpret_cast<uintptr_t>(&__heap_base), lfm2::kRecordAlignment);
}
uint64_t ArenaAddress() { return lfm2::RoundUp<uint64_t>(ImageAddress() + g_image_bytes, lfm2::kAlignment); }
std::byte* At(uint64_t address) { return reinterpret_cast<std::byte*>(static_cast<uintptr_t>(address)); }

// Appends a line of output: a number and a name, without characters that would end the line.
void WriteLine(uint64_t number, std::string_view name) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  if (g_text_bytes + count + name.size() + 2 > sizeof(g_text)) return;
  while (count > 0) g_text[g_text_bytes++] = digits[--count];
  g_text[g_text_bytes++] = ' ';
  for (const char c : name) g_text[g_text_bytes++] = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  g_text[g_text_bytes++] = '\n';
}

// Replaces the text by the reason of a failure.
bool Succeeds(const lfm2::Status& status) {
  g_text_bytes = status.ok() ? 0 : status.Format(g_text, sizeof(g_text));
  return status.ok();
}

// The size of the model whose header is in the text, and the memory that it needs.
lfm2::Status Plan(uint64_t* image_bytes, uint64_t* memory_bytes) {
  const auto header = lfm2::LoadAs<lfm2::ImageHeader>(g_text);
  if (std::memcmp(header.magic, lfm2::kImageMagic, sizeof(header.magic)) != 0) {
    return lfm2::Status(lfm2::StatusCode::kCorrupt, "the file", "is not a model image");
  }
  const lfm2::ModelConfig config = lfm2::ConfigFromHeader(header);
  LFM2_RETURN_IF_ERROR(lfm2::CheckConfig(config));
  *image_bytes = header.file_bytes;
  const uint64_t arena_bytes = lfm2::MakePlan(config, Options(config)).total_bytes;
  // Each is limited first, so that the sum cannot overflow.
  *memory_bytes = ImageAddress() + lfm2::Min(*image_bytes, kAddressSpace) + lfm2::kAlignment +
                  lfm2::Min(arena_bytes, kAddressSpace);
  if (*memory_bytes <= kAddressSpace) return lfm2::Status();
  return lfm2::Status(lfm2::StatusCode::kUnsupported, "the model", "does not fit the 4 GB of WebAssembly, bytes",
                      *image_bytes);
}

lfm2::Status Verify() {
  LFM2_RETURN_IF_ERROR(g_image.VerifyPinned());
  for (uint32_t layer = 0; layer < g_image.config().moe_layers(); ++layer) {
    for (uint32_t expert = 0; expert < g_image.config().experts; ++expert) {
      LFM2_RETURN_IF_ERROR(g_image.VerifyRecord(layer, expert));
    }
  }
  return lfm2::Status();
}

lfm2::Status OpenModel() {
  g_storage = lfm2::MemoryStorage({At(ImageAddress()), g_image_bytes});
  LFM2_RETURN_IF_ERROR(g_image.Open(g_storage));
  LFM2_RETURN_IF_ERROR(Verify());
  const uint64_t memory_bytes = __builtin_wasm_memory_size(0) * kPageBytes;
  const uint64_t arena_bytes = memory_bytes - lfm2::Min(memory_bytes, ArenaAddress());
  return g_session.Open(g_image, Options(g_image.config()), {At(ArenaAddress()), static_cast<size_t>(arena_bytes)});
}

// bytes of the text: the system text and each tool as JSON, with a zero after each.
lfm2::Status BeginChat(uint32_t bytes) {
  if (bytes > sizeof(g_instructions)) {
    return lfm2::Status(lfm2::StatusCode::kInvalidArgument, "instructions", "are too long", bytes,
                        sizeof(g_instructions));
  }
  std::memcpy(g_instructions, g_text, bytes);
  lfm2::ConversationOptions options;
  size_t tools = 0;
  bool is_system = true;
  for (std::string_view left(g_instructions, bytes); !left.empty(); is_system = false) {
    const size_t end = lfm2::Min(left.find('\0'), left.size());
    if (is_system) {
      options.system = {left.data(), end};
    } else if (tools < sizeof(g_tools) / sizeof(g_tools[0])) {
      g_tools[tools++] = {left.data(), end};
    }
    left.remove_prefix(lfm2::Min(end + 1, left.size()));
  }
  if (tools > 0) options.tools = {g_tools, tools};
  // Greedy decoding: commands have one right answer.
  options.sampler.temperature = 0.0f;
  options.sampler.repetition_penalty = 1.0f;
  return g_chat.Open(&g_session, options);
}

lfm2::Status BeginAnswer(lfm2::ChatRole role, std::string_view content, uint32_t max_tokens) {
  g_answer_bytes = g_answer_taken = g_token_count = 0;
  if (g_chat.room() < g_session.options().context_length / 4) {
    // If nothing can be removed from the context, the answer may still fit.
    static_cast<void>(g_chat.DropOldest(g_session.options().context_length / 2));
  }
  lfm2::AnswerOptions options(max_tokens);
  options.on_token = [](void*, int32_t token, lfm2::Span<const float>) {
    if (g_token_count < sizeof(g_tokens) / sizeof(g_tokens[0])) g_tokens[g_token_count++] = token;
  };
  return g_chat.BeginAsk({role, content}, options);
}

// Writes the tool calls in the answer to the text, as JSON, one per line.
lfm2::Status WriteCalls() {
  g_text_bytes = 0;
  lfm2::ToolCallReader reader({g_answer, g_answer_bytes});
  for (lfm2::ToolCall call; reader.Next(&call);) {
    std::string_view json;
    LFM2_RETURN_IF_ERROR(lfm2::WriteToolCall(call, {g_text + g_text_bytes, sizeof(g_text) - g_text_bytes - 1}, &json));
    g_text_bytes += json.size();
    g_text[g_text_bytes++] = '\n';
  }
  return reader.status();
}

}  // namespace

extern "C" {

// The buffer for text in both directions, and the number of bytes written to it. Every function below that writes text
// replaces the buffer's content.
EMSCRIPTEN_KEEPALIVE char* TextAddress() { return g_text; }
EMSCRIPTEN_KEEPALIVE uint32_t TextCapacity() { return sizeof(g_text); }
EMSCRIPTEN_KEEPALIVE uint32_t TextBytes() { return static_cast<uint32_t>(g_text_bytes); }

// Reads the first HeaderBytes() of a model from the text: stores its size, and the bytes of memory that a module needs
// for it. Called in a module without a model. false: it cannot be used, and the text has the reason; this holds for all
// functions below that return a bool.
EMSCRIPTEN_KEEPALIVE uint32_t HeaderBytes() { return kHeaderBytes; }
EMSCRIPTEN_KEEPALIVE bool ReadHeader() { return Succeeds(Plan(&g_planned_image, &g_planned_memory)); }
EMSCRIPTEN_KEEPALIVE double ImageBytes() { return static_cast<double>(g_planned_image); }
EMSCRIPTEN_KEEPALIVE double MemoryBytes() { return static_cast<double>(g_planned_memory); }

// The address to copy a model of image_bytes to, in a module with enough memory; Open is called next.
EMSCRIPTEN_KEEPALIVE std::byte* ImageRoom(uint32_t image_bytes) {
  g_image_bytes = image_bytes;
  return At(ImageAddress());
}
// Checks every byte of the model and opens it.
EMSCRIPTEN_KEEPALIVE bool Open() { return Succeeds(OpenModel()); }

// Writes lines of a number and a name to the text: the context's length and the kernels, the bytes of the image and the
// model's name, then the uses of the memory, in bytes.
EMSCRIPTEN_KEEPALIVE void Describe() {
  g_text_bytes = 0;
  const lfm2::Plan plan = lfm2::MakePlan(g_image.config(), g_session.options());
  WriteLine(g_session.options().context_length, g_session.kernels_name());
  WriteLine(g_image.file_bytes(), g_image.name());
  WriteLine(ImageAddress(), "program and stack");
  WriteLine(g_image.file_bytes(), "model image");
  for (uint32_t i = 0; i < plan.count; ++i) WriteLine(plan.regions[i].bytes, plan.regions[i].name);
}

// Clears the chat. bytes of the text: the system text and each tool as JSON, with a zero byte after each; 0: neither.
EMSCRIPTEN_KEEPALIVE bool Begin(uint32_t bytes) { return Succeeds(BeginChat(bytes)); }
// Adds the message in the first bytes of the text, which Step then answers: a user's message, or the result of a tool.
// AddResult is for all results but the last if there were several calls.
EMSCRIPTEN_KEEPALIVE bool Ask(uint32_t bytes, uint32_t max_tokens) {
  return Succeeds(BeginAnswer(lfm2::ChatRole::kUser, {g_text, bytes}, max_tokens));
}
EMSCRIPTEN_KEEPALIVE bool AddResult(uint32_t bytes) {
  return Succeeds(g_chat.Add({lfm2::ChatRole::kTool, {g_text, bytes}}));
}
EMSCRIPTEN_KEEPALIVE bool TellResult(uint32_t bytes, uint32_t max_tokens) {
  return Succeeds(BeginAnswer(lfm2::ChatRole::kTool, {g_text, bytes}, max_tokens));
}
EMSCRIPTEN_KEEPALIVE bool IsBusy() { return g_chat.is_busy(); }
// Computes a fraction of a token.
EMSCRIPTEN_KEEPALIVE bool Step() {
  return Succeeds(g_chat.Step([](std::string_view text) {
    for (const char c : text) {
      if (g_answer_bytes < sizeof(g_answer)) g_answer[g_answer_bytes++] = c;
    }
  }));
}
EMSCRIPTEN_KEEPALIVE void Stop() { g_chat.Abort(); }

// Writes the part of the answer since the last call to the text.
EMSCRIPTEN_KEEPALIVE void TakeAnswer() {
  g_text_bytes = g_answer_bytes - g_answer_taken;
  std::memcpy(g_text, g_answer + g_answer_taken, g_text_bytes);
  g_answer_taken = g_answer_bytes;
}
// Number of tokens in the context, and of the current or last answer.
EMSCRIPTEN_KEEPALIVE uint32_t Position() { return g_session.position(); }
EMSCRIPTEN_KEEPALIVE uint32_t AnswerTokens() { return g_token_count; }
EMSCRIPTEN_KEEPALIVE int32_t* AnswerTokenIds() { return g_tokens; }

// Writes the tool calls in the answer to the text: {"name": "...", "arguments": {...}}, one per line. false: one is
// malformed.
EMSCRIPTEN_KEEPALIVE bool ReadCalls() {
  const lfm2::Status status = WriteCalls();
  return status.ok() || Succeeds(status);
}

}  // extern "C"
