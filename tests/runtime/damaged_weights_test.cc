// Weights are not read when an image opens, so damage in them shows only at work: answers may be wrong then, but
// nothing outside the arena is written, nothing outside the image read, and every call comes back.
#include <doctest/doctest.h>

#include <random>

#include "tests/pack/pack_gguf.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

std::string PackedHome() {
  tools::FileSource source;
  tools::MemorySink sink;
  REQUIRE(source.Open(std::string(LFM2_TEST_DATA) + "/home/Q4_0.gguf").ok());
  REQUIRE(PackGguf(source, PackOptions(), &sink).ok());
  return std::string(sink.bytes());
}

TEST_CASE("a session survives any weights: infinities, NaNs, noise") {
  const std::string packed = PackedHome();
  ImageHeader header;
  std::memcpy(&header, packed.data(), sizeof(header));
  const size_t begin = static_cast<size_t>(header.pinned_offset + header.vocab_bytes);
  ImageCopy copy(packed);
  std::mt19937 random(1);
  SessionOptions options;
  options.context_length = 96;
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    std::memcpy(copy.data() + begin, packed.data() + begin, packed.size() - begin);
    const int kind = round % 4;
    const size_t changes = kind == 0 ? packed.size() : size_t{1} << (random() % 16);
    for (size_t i = 0; i < changes; ++i) {
      const size_t at = kind == 0 ? i : begin + random() % (packed.size() - begin);
      if (at < begin) continue;
      // Noise everywhere; noise here and there; the exponents of NaNs and infinities; ones.
      const unsigned value = kind == 2   ? (random() % 2 == 0 ? 0x7cu : 0x7fu)
                             : kind == 3 ? 0xffu
                                         : static_cast<unsigned>(random());
      copy.data()[at] = static_cast<std::byte>(value);
    }
    Image image;
    LFM2_REQUIRE_OK(image.Open(copy.storage()));
    OpenSession open(image, options);
    Conversation conversation;
    LFM2_REQUIRE_OK(conversation.Open(open.session.get(), {}));
    size_t length = 0;
    const Status status = conversation.Ask("Turn it on", 30, [&](std::string_view text) { length += text.size(); });
    const bool expected = status.ok() || status.code() == StatusCode::kInvalidArgument;
    INFO(Text(status));
    CHECK(expected);
    CHECK(open.arena.RimIsIntact());
  }
}

TEST_CASE("damage is found by the CRCs") {
  const std::string packed = PackedHome();
  ImageHeader header;
  std::memcpy(&header, packed.data(), sizeof(header));
  ImageCopy copy(packed);
  Image image;
  LFM2_REQUIRE_OK(image.Open(copy.storage()));
  LFM2_REQUIRE_OK(image.VerifyPinned());
  LFM2_REQUIRE_OK(image.VerifyRecord(3, 31));
  copy.data()[header.pinned_offset + header.pinned_bytes - 1] ^= std::byte{1};
  CHECK(image.VerifyPinned().code() == StatusCode::kCorrupt);
  copy.data()[packed.size() - kRecordAlignment] ^= std::byte{1};
  const Status status = image.VerifyRecord(3, 31);
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK(status.index() == 127);
}

}  // namespace
}  // namespace lfm2::test
