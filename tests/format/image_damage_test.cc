// Damaged images: each is refused, or opens and can be read without leaving its bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "lfm2/format/image.h"
#include "tests/format/read_everything.h"
#include "tests/format/tiny_image.h"
#include "tests/pack/image_copy.h"

namespace lfm2::test {
namespace {

// Opens the bytes, and reads everything if that succeeds. Returns whether it did.
bool OpensSafely(const MemoryStorage& storage) {
  Image image;
  const Status status = image.Open(storage);
  CHECK(image.is_open() == status.ok());
  if (!status.ok()) {
    char text[256];
    CHECK(status.Format(text, sizeof(text)) > 10);
    return false;
  }
  static_cast<void>(ReadEverything(image));
  return true;
}

}  // namespace

TEST_CASE("every truncation is refused") {
  const std::string bytes = TinyImage(TinyOptions());
  const uint64_t metadata = HeaderOf(bytes).metadata_bytes;
  const ImageCopy copy(bytes);
  for (size_t size = 0; size < bytes.size(); size += size < metadata ? 1 : 37) {
    // A copy of exactly this length, so that sanitizers detect reads beyond its end.
    const ImageCopy part(std::string_view(bytes).substr(0, size));
    REQUIRE(!OpensSafely(part.storage()));
  }
}

TEST_CASE("every changed byte of header and directory is found, whatever it is changed to") {
  const std::string bytes = TinyImage(TinyOptions());
  const uint64_t metadata = HeaderOf(bytes).metadata_bytes;
  ImageCopy copy(bytes);
  for (size_t at = 0; at < metadata; ++at) {
    for (const int pattern : {0x01, 0x10, 0x80, 0xff}) {
      copy.data()[at] ^= static_cast<std::byte>(pattern);
      REQUIRE(!OpensSafely(copy.storage()));
      copy.data()[at] ^= static_cast<std::byte>(pattern);
    }
  }
  CHECK(OpensSafely(copy.storage()));
}

TEST_CASE("every changed byte of header and directory with a correct CRC is refused or harmless") {
  TinyOptions dense;
  dense.moe = false;
  dense.untied = true;
  for (const TinyOptions& options : {TinyOptions(), dense}) {
    const std::string bytes = TinyImage(options);
    const uint64_t metadata = HeaderOf(bytes).metadata_bytes;
    ImageCopy copy(bytes);
    for (size_t at = 0; at < metadata; ++at) {
      for (const int pattern : {0x01, 0x02, 0x10, 0x80, 0xff}) {
        copy.data()[at] ^= static_cast<std::byte>(pattern);
        FixCrc(copy.data(), metadata);
        const bool opened = OpensSafely(copy.storage());
        // The fields from magic to vocab_bytes, the directory, the record table and the token trie's size all follow
        // from the config and the types. Of the CRCs, one has been corrected and the others are not checked here.
        const ImageHeader h = HeaderOf(bytes);
        const bool is_crc = (at >= offsetof(ImageHeader, metadata_crc) && at < offsetof(ImageHeader, tensor_count)) ||
                            (at >= offsetof(ImageHeader, pinned_crc) && at < offsetof(ImageHeader, record_layers));
        const bool is_derived =
            at < offsetof(ImageHeader, hidden_size) || (at >= h.directory_offset && at < h.record_crc_offset) ||
            (at >= offsetof(ImageHeader, token_trie_bytes) && at < offsetof(ImageHeader, token_trie_crc));
        if (is_derived && !is_crc) CHECK(!opened);
        copy.data()[at] ^= static_cast<std::byte>(pattern);
      }
    }
  }
}

TEST_CASE("10,000 random mutations, with a corrected metadata CRC, are refused or harmless") {
  const std::string bytes = TinyImage(TinyOptions());
  const ImageHeader h = HeaderOf(bytes);
  ImageCopy copy(bytes);
  XorShift random(11);
  // What is mutated: fields of the header, directory and tables, the vocabulary, anything.
  const struct {
    uint64_t begin, bytes;
  } regions[] = {{0, 512},
                 {h.directory_offset, h.metadata_bytes - h.directory_offset},
                 {h.pinned_offset, h.vocab_bytes},
                 {0, bytes.size()}};
  int opened = 0;
  for (int i = 0; i < 10000; ++i) {
    const auto& region = regions[i % 4];
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      const uint64_t at = region.begin + random.Below(region.bytes);
      switch (random.Below(4)) {
        case 0: copy.data()[at] = static_cast<std::byte>(random.Next()); break;
        case 1: copy.data()[at] ^= static_cast<std::byte>(1 << random.Below(8)); break;
        case 2: {  // a whole word, as an attacker would choose it
          const uint32_t words[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, static_cast<uint32_t>(random.Next())};
          const uint32_t word = words[random.Below(6)];
          const uint64_t aligned = at / 4 * 4;
          if (aligned + 4 <= bytes.size()) std::memcpy(copy.data() + aligned, &word, sizeof(word));
          break;
        }
        default: {  // a piece from elsewhere
          const uint64_t count = std::min<uint64_t>(1 + random.Below(64), bytes.size() - at);
          std::memcpy(copy.data() + at, bytes.data() + random.Below(bytes.size() - count), static_cast<size_t>(count));
        }
      }
    }
    FixCrc(copy.data(), h.metadata_bytes);
    opened += OpensSafely(copy.storage()) ? 1 : 0;
    std::memcpy(copy.data(), bytes.data(), bytes.size());
  }
  // Neither all nor none: weights may be anything, the other regions hardly anything else.
  CHECK(opened > 1000);
  CHECK(opened < 9000);
}

}  // namespace lfm2::test
