// The pieces of a chat template in an image: what is cut short or unknown is refused by its first wrong byte.
#include "lfm2/format/chat_format.h"

#include <doctest/doctest.h>

#include <string>

namespace lfm2::test {
namespace {

Status Read(const std::string& bytes, ChatFormat* format) {
  return ReadChatFormat({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, format);
}

// A header, the name "ab" and the answer "xyz".
std::string SmallFormat() {
  std::string bytes(sizeof(ChatHeader), '\0');
  bytes[0] = kChatFlags;
  bytes[offsetof(ChatHeader, contents)] = 3;
  bytes[offsetof(ChatHeader, text_bytes)] = 2;
  bytes[offsetof(ChatHeader, text_bytes) + 2 * (kChatTextCount - 1)] = 3;
  return bytes + "abxyz";
}

}  // namespace

TEST_CASE("a whole format is read, and no bytes are none") {
  ChatFormat format;
  REQUIRE(Read("", &format).ok());
  CHECK(format.name.empty());
  const std::string bytes = SmallFormat();
  REQUIRE(Read(bytes, &format).ok());
  CHECK((format.name == "ab" && format.answer == "xyz" && format.default_system.empty()));
  CHECK((format.has(kChatThinking) && format.has(kChatDefaultIfEmpty)));
  CHECK(format.contents == ChatContents::kPartObjects);
}

TEST_CASE("a format that is cut short or too long, or without a name, is corrupt") {
  const std::string good = SmallFormat();
  for (size_t size = 1; size < good.size(); ++size) {
    ChatFormat format;
    CAPTURE(size);
    CHECK(Read(good.substr(0, size), &format).code() == StatusCode::kCorrupt);
  }
  ChatFormat format;
  CHECK(Read(good + "!", &format).code() == StatusCode::kCorrupt);
  std::string unnamed = good;
  unnamed[offsetof(ChatHeader, text_bytes)] = 0;
  unnamed[offsetof(ChatHeader, text_bytes) + 2] = 2;
  CHECK(Read(unnamed, &format).code() == StatusCode::kCorrupt);
}

TEST_CASE("every flag and number that this version does not have is unsupported, at its byte") {
  const std::string good = SmallFormat();
  const uint8_t most[offsetof(ChatHeader, text_bytes)] = {kChatFlags, 2, 2, 2, 1, 1, 3, 0};
  for (size_t i = 0; i < sizeof(most); ++i) {
    CAPTURE(i);
    ChatFormat format;
    std::string bytes = good;
    bytes[i] = static_cast<char>(most[i]);
    CHECK(Read(bytes, &format).ok());
    bytes[i] = static_cast<char>(most[i] + 1);
    const Status status = Read(bytes, &format);
    CHECK((status.code() == StatusCode::kUnsupported && status.value() == i));
  }
}

}  // namespace lfm2::test
