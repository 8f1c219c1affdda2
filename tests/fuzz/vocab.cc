// The vocabulary of an image. Input: either changes to the bytes of a good section, or tokens and merges to build one
// of; then a text for it.
#include "lfm2/format/vocab.h"

#include "lfm2/text/chat.h"
#include "tests/fuzz/encode_check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace vocab {

constexpr char kText[] = "the  aaaa<|im_end|> \xe2\x82\xac\xe2\x82\xac <think> 123";

// Any format that an image has writes a chat that has all of everything.
void UseChat(const Vocab& vocab) {
  const ChatFormat& format = vocab.chat_format();
  size_t bytes = 0, pieces = 0;
  for (const auto text : kChatTexts) bytes += (format.*text).size();
  const std::string_view tool = "{\"name\": \"f\"}", call = R"({"name": "f", "arguments": {"a": "'", "b": [{}]}})";
  const ChatMessage messages[] = {{ChatRole::kUser, "x"},
                                  {ChatRole::kAssistant, "<think>a</think> b", "c", {&call, 1}},
                                  {ChatRole::kTool, "d"},
                                  {ChatRole::kAssistant, "e"}};
  ChatPrompt prompt;
  prompt.messages = messages;
  prompt.tools = {&tool, 1};
  prompt.date = "2026-11-25";
  const Status status = RenderChat(format, vocab.TokenBytes(vocab.bos()), prompt, [&](ChatPiece piece) {
    LFM2_HOLDS(!piece.text.empty());
    pieces += piece.text.size();
  });
  LFM2_HOLDS(status.ok() != format.name.empty());
  LFM2_HOLDS(pieces <= 4096 + 4 * bytes + vocab.TokenBytes(vocab.bos()).size());
}

// Whatever opens can be used.
void Use(const Vocab& vocab, std::string_view text) {
  for (const bool parse_special : {false, true}) {
    EncodeOptions options;
    options.parse_special = parse_special;
    LFM2_HOLDS(Decoded(vocab, Encoded(vocab, text, options)) == text);
  }
  for (uint32_t left = 0; left < vocab.size(); left += 7) {
    const VocabMerge* const merge = vocab.FindMerge(left, left % 3);
    LFM2_HOLDS(merge == nullptr || merge->merged < vocab.size());
    const int32_t token = static_cast<int32_t>(left);
    LFM2_HOLDS(vocab.TokenBytes(token).size() <= vocab.size() * 64);
    LFM2_HOLDS(vocab.IsSpecial(token) == (vocab.type(token) == TokenType::kControl));
  }
  for (const int32_t token : vocab.stop_tokens()) LFM2_HOLDS(vocab.Contains(token) && vocab.IsStop(token));
  for (const int32_t token : {vocab.bos(), vocab.eos(), vocab.pad()}) {
    LFM2_HOLDS(token == kNoToken || vocab.Contains(token));
  }
  UseChat(vocab);
}

// op: 0 a word of the header, 1 a word anywhere, 2 a byte anywhere, 3 the section's size, 4 a byte of the chat section.
std::string Changed(Input* input) {
  static const std::string good = BuiltVocab(TinyVocabSource());
  static const size_t chat = tools::ChatFormatBytes(TinyVocabSource().chat_format.view()).size() + 7;
  std::string bytes = good;
  const uint32_t changes = input->Below(6);
  for (uint32_t i = 0; i < changes && !bytes.empty(); ++i) {
    const uint32_t op = input->Below(5);
    const uint32_t place = input->Take<uint16_t>();
    const uint64_t value = input->Number();
    if (op == 3) {
      bytes.resize(place % 2 == 0 ? static_cast<size_t>(value % (bytes.size() + 1)) : bytes.size() + value % 64);
      continue;
    }
    const size_t at = op == 0   ? place % sizeof(VocabHeader) / 4 * 4
                      : op == 4 ? good.size() - chat + place % chat
                                : place;
    const size_t size = op == 2 || op == 4 ? 1 : 4;
    if (at + size <= bytes.size()) std::memcpy(&bytes[at], &value, size);
  }
  return bytes;
}

// Adds tokens and merges of the input's to those of the good vocabulary.
tools::VocabSource Built(Input* input) {
  static const tools::VocabSource good = TinyVocabSource();
  tools::VocabSource source = good;
  const uint32_t tokens = input->Below(5), merges = input->Below(5);
  for (uint32_t i = 0; i < tokens; ++i) {
    source.types.push_back(static_cast<int>(input->Below(8)));
    source.tokens.emplace_back(input->Bytes(input->Below(12)));
  }
  for (uint32_t i = 0; i < merges; ++i) {
    const auto half = [&] {
      return input->Below(4) == 0 ? std::string(input->Bytes(input->Below(4)))
                                  : source.tokens[input->Take<uint16_t>() % source.tokens.size()];
    };
    std::string left = half();
    source.merges.emplace_back(std::move(left), half());
  }
  for (int32_t* id : {&source.bos, &source.eos, &source.pad}) {
    if (input->Below(2) == 1) *id = static_cast<int32_t>(input->Number());
  }
  const uint32_t stops = input->Below(12);
  for (uint32_t i = 0; i < stops; ++i) source.stop.push_back(static_cast<int32_t>(input->Number()));
  return source;
}

void Run(std::string_view bytes) {
  Input input(bytes);
  std::string section, refusal;
  const bool built = input.Below(2) == 1;
  if (!built) {
    section = Changed(&input);
  } else if (!tools::BuildVocab(Built(&input), &section, &refusal)) {
    CheckSentence(tools::Error::Of(refusal));
    LFM2_HOLDS(!refusal.empty());
    return;
  }
  const VocabBytes copy(section);
  Vocab vocab;
  const Status status = Vocab::Open(copy.span(), &vocab);
  CheckSentence(status);
  LFM2_HOLDS(status.ok() || !built);
  if (!status.ok()) return;
  Use(vocab, kText);
  Use(vocab, input.Rest());
}

std::vector<std::string> Seeds() {
  using test::Raw;
  const auto change = [](char op, uint16_t at, char value) {
    return std::string(1, op) + Raw(at) + std::string("\0", 1) + value;
  };
  return {std::string("\0\0some text", 11),
          std::string("\0\1", 2) + change(0, 24, 2),
          std::string("\0\3", 2) + change(4, 3, 1) + change(4, 5, 2) + change(4, 20, 3),
          std::string("\0\2", 2) + change(1, 200, 1) + change(3, 0, 9),
          std::string("\0\1", 2) + change(2, 3500, 7),
          std::string("\1\2\1\1\3the\3\4<|x>", 14) + std::string("\1\30\0\1\31\0\0\0\0\1\0\2text", 16)};
}

std::vector<std::string> Words() {
  return {std::string(4, '\xff'), std::string(4, '\0'), "<|", "the", std::string("\0\0\0\1", 4)};
}

}  // namespace vocab

const Target kVocab = {"vocab", 128, &vocab::Run, &vocab::Seeds, &vocab::Words};

}  // namespace lfm2::fuzz
