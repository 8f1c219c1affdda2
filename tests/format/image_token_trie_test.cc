// The token trie in an image: opening the image checks its place and nothing else.
#include <doctest/doctest.h>

#include "lfm2/format/image.h"
#include "tests/format/tiny_image.h"
#include "tests/pack/image_copy.h"

namespace lfm2::test {

namespace {

// Opens an image with these header fields of the token trie, and then the trie. bytes: an image, and possibly more.
Status OpenWithTrie(std::string bytes, uint64_t offset, uint64_t trie_bytes, uint64_t file_bytes) {
  ImageHeader h = HeaderOf(bytes);
  h.token_trie_offset = offset;
  h.token_trie_bytes = trie_bytes;
  h.file_bytes = file_bytes;
  std::memcpy(&bytes[0], &h, sizeof(h));
  ImageCopy copy(bytes);
  FixCrc(copy.data(), h.metadata_bytes);
  Image image;
  TokenTrie trie;
  const Status status = image.Open(copy.storage());
  if (!status.ok()) return status;
  CHECK(image.token_trie_bytes() == trie_bytes);
  return trie_bytes == 0 ? status : image.OpenTokenTrie(&trie);
}

}  // namespace

TEST_CASE("a token trie is at the end of the file, where it follows from the rest, or there is none") {
  TinyOptions dense;
  dense.moe = false;
  for (const TinyOptions& options : {TinyOptions(), dense}) {
    const std::string with = TinyImage(options);
    const ImageHeader h = HeaderOf(with);
    const uint64_t at = h.token_trie_offset, size = h.token_trie_bytes, whole = h.file_bytes;
    const uint64_t end = h.record_layers > 0 ? at : h.pinned_offset + h.pinned_bytes;
    REQUIRE((size > 0 && at + size == whole && at % kRecordAlignment == 0 && whole == with.size()));
    CHECK(OpenWithTrie(with, at, size, whole).ok());
    // Like older images, and with any bytes after them.
    CHECK(OpenWithTrie(with.substr(0, static_cast<size_t>(end)), 0, 0, end).ok());
    CHECK(OpenWithTrie(with, 0, 0, end).ok());
    {
      ImageCopy without(with);
      ImageHeader none = h;
      none.token_trie_offset = none.token_trie_bytes = 0;
      none.file_bytes = end;
      std::memcpy(without.data(), &none, sizeof(none));
      FixCrc(without.data(), h.metadata_bytes);
      Image image;
      TokenTrie trie;
      REQUIRE(image.Open(without.storage()).ok());
      CHECK(image.OpenTokenTrie(&trie).code() == StatusCode::kFailedPrecondition);
      CHECK(image.VerifyTokenTrie().code() == StatusCode::kFailedPrecondition);
    }
    const struct {
      uint64_t offset, bytes, file_bytes;
      const char* where;
    } bad[] = {
        {0, size, whole, "header.token_trie_offset"},
        {at + 8, size, whole, "header.token_trie_offset"},
        {at + kRecordAlignment, size, whole, "header.token_trie_offset"},
        {UINT64_MAX - 4095, size, whole, "header.token_trie_offset"},
        {0, 0, whole, "header.file_bytes"},
        {at, 0, whole, "header.file_bytes"},
        {at, size + 1, whole, "header.file_bytes"},
        {at, size - 1, whole, "header.file_bytes"},
        {at, size, whole - 1, "header.file_bytes"},
        {at, size, whole + 1, "image"},
        {at, whole, whole, "header.file_bytes"},
        {at, whole + 1, whole, "header.file_bytes"},
        {at, UINT64_MAX, whole, "header.file_bytes"},
        // at + bytes is file_bytes, in 64 bits.
        {at, uint64_t{0} - 8, at - 8, "header.file_bytes"},
        {at, uint64_t{0} - (at - 4096), 4096, "header.pinned_bytes"},
    };
    for (const auto& b : bad) {
      CAPTURE(b.offset);
      CAPTURE(b.bytes);
      CAPTURE(b.file_bytes);
      const Status status = OpenWithTrie(with, b.offset, b.bytes, b.file_bytes);
      CHECK(status.code() == StatusCode::kCorrupt);
      CHECK(std::string(status.where()) == b.where);
    }
    // Smaller by a page: the file would end before the trie, or inside it.
    CHECK(!OpenWithTrie(with, at - kRecordAlignment, size, whole - kRecordAlignment).ok());
  }
}

TEST_CASE("opening an image does not check its token trie; opening the trie does, and VerifyTokenTrie checks its CRC") {
  const std::string bytes = TinyImage(TinyOptions());
  ImageCopy copy(bytes);
  Image image;
  TokenTrie trie;
  REQUIRE(image.Open(copy.storage()).ok());
  REQUIRE(image.OpenTokenTrie(&trie).ok());
  CHECK(image.VerifyTokenTrie().ok());
  CHECK(trie.bytes().data() == copy.data() + HeaderOf(bytes).token_trie_offset);
  CHECK(trie.token_count() == image.vocab().size());
  CHECK(image.OpenTokenTrie(nullptr).code() == StatusCode::kInvalidArgument);
  image.Close();
  copy.data()[HeaderOf(bytes).token_trie_offset] ^= std::byte{1};
  REQUIRE(image.Open(copy.storage()).ok());
  CHECK(image.OpenTokenTrie(&trie).code() == StatusCode::kCorrupt);
  CHECK(image.VerifyTokenTrie().code() == StatusCode::kCorrupt);
}

}  // namespace lfm2::test
