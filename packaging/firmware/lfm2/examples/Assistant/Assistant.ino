// Answers each line of the serial monitor. The model image is in memory-mapped flash and used in place; nothing is allocated.
#include <lfm2.h>

// The address of the image, and the available size. These are the upper 5.75 MB of a Teensy 4.1's flash, without the
// part that holds its EEPROM.
static const std::byte* const kImage = reinterpret_cast<const std::byte*>(0x60200000);
static const size_t kImageRoom = 0x5c0000;

// All memory that the model writes; if it is too small, the session's Status states the size that is needed.
alignas(lfm2::kAlignment) static std::byte arena[224 * 1024];
static lfm2::MemoryStorage flash;
static lfm2::Image image;
static lfm2::Session session;
static lfm2::Conversation chat;
static lfm2::Status status;

static void Print(std::string_view text) { Serial.write(text.data(), text.size()); }

static lfm2::Status Open() {
  lfm2::SessionOptions options;
  options.context_length = 128;
  options.prefill_chunk = 4;
  options.max_word_bytes = 64;
  flash = lfm2::MemoryStorage({kImage, kImageRoom});
  LFM2_RETURN_IF_ERROR(image.Open(flash));
  return session.Open(image, options, arena);
}

// Each line starts a new chat: 128 positions hold one question and its answer.
static lfm2::Status Answer(std::string_view line) {
  LFM2_RETURN_IF_ERROR(chat.Open(&session, {}));
  return chat.Ask(line, 64, Print);
}

void setup() {
  Serial.begin(115200);
  status = Open();
}

void loop() {
  static char line[160];
  static size_t length = 0;
  while (status.ok() && Serial.available() > 0) {
    const char next = static_cast<char>(Serial.read());
    if (next != '\n') {
      if (length < sizeof(line)) line[length++] = next;
      continue;
    }
    status = Answer(std::string_view(line, length));
    length = 0;
    Serial.println();
  }
  if (!status.ok()) {
    char message[160];
    status.Format(message, sizeof(message));
    Serial.println(message);
    delay(1000);
  }
}
