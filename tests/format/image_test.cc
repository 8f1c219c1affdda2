// Opening an image: whatever the bytes are, it is a Status or an image in which nothing can be read out of range.
#include "lfm2/format/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "lfm2/base/crc32c.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/pack_gguf.h"
#include "tests/pack/tiny_gguf.h"
#include "tools/common/byte_source.h"

namespace lfm2::test {
namespace {

std::string TinyImage(const TinyOptions& options) {
  const std::string gguf = MakeTinyGguf(options).Bytes();
  tools::MemorySink sink;
  const tools::Error error = PackGguf(tools::MemorySource(gguf), PackOptions(), &sink);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return sink.bytes();
}

ImageHeader HeaderOf(const std::string& bytes) { return LoadAs<ImageHeader>(bytes.data()); }

// Makes the metadata CRC right again, so that what lies behind it is reached.
void FixCrc(std::byte* image, uint64_t metadata_bytes) {
  const uint32_t zero = 0;
  std::memcpy(image + offsetof(ImageHeader, metadata_crc), &zero, sizeof(zero));
  const uint32_t crc = Crc32c(0, image, static_cast<size_t>(metadata_bytes));
  std::memcpy(image + offsetof(ImageHeader, metadata_crc), &crc, sizeof(crc));
}

// Reads everything that a session would read, and more; a sanitizer sees what is out of range.
uint64_t ReadEverything(const Image& image) {
  uint64_t sum = 0;
  const auto read = [&sum](const uint8_t* data, uint64_t bytes) {
    REQUIRE(data != nullptr);
    sum += data[0] + data[bytes / 2] + data[bytes - 1];
  };
  const ModelConfig& config = image.config();
  for (uint32_t t = 0; t < image.tensor_count(); ++t) {
    const TensorEntry entry = image.tensor(t);
    if (entry.role < static_cast<uint16_t>(TensorRole::kExpertGate)) {
      read(image.PinnedData(entry), entry.bytes);
      continue;
    }
    for (uint32_t e = 0; e < config.experts; ++e) {
      read(image.Record(entry.layer - config.dense_layers, e) + entry.offset, entry.bytes);
    }
  }
  const Vocab& vocab = image.vocab();
  for (int32_t t = -1; t <= static_cast<int32_t>(vocab.size()); ++t) {
    for (const char c : vocab.TokenBytes(t)) sum += static_cast<uint8_t>(c);
    sum += vocab.IsSpecial(t) + vocab.IsStop(t);
  }
  for (uint32_t left = 0; left < vocab.size(); ++left) {
    const VocabMerge* merge = vocab.FindMerge(left, vocab.ByteToken('b'));
    if (merge != nullptr) sum += vocab.TokenBytes(static_cast<int32_t>(merge->merged)).size();
  }
  for (const char* text : {"<|im_start|>", "<|im", "abc", "\xff"})
    sum += static_cast<uint32_t>(vocab.MatchSpecial(text, true) + 1);
  sum += std::strlen(image.name());
  return sum;
}

// Opens the bytes; where that succeeds, reads everything. Returns whether it did.
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

TEST_CASE("a good image opens, once") {
  const ImageCopy copy(TinyImage(TinyOptions()));
  Image image;
  CHECK(!image.is_open());
  REQUIRE(image.Open(copy.storage()).ok());
  CHECK(image.is_open());
  CHECK(ReadEverything(image) > 0);
  CHECK(image.Open(copy.storage()).code() == StatusCode::kFailedPrecondition);
  CHECK(image.is_open());
}

TEST_CASE("an image in a larger flash partition opens, one at an odd address says so") {
  const std::string bytes = TinyImage(TinyOptions());
  const ImageCopy partition(bytes + std::string(5000, '\xff'));
  Image image;
  CHECK(image.Open(partition.storage()).ok());
  const ImageCopy shifted(std::string(32, '\0') + bytes);
  Image other;
  const MemoryStorage odd({const_cast<ImageCopy&>(shifted).data() + 32, bytes.size()});
  CHECK(other.Open(odd).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("files of other kinds and versions are told what they are") {
  std::string bytes = TinyImage(TinyOptions());
  Image image;
  CHECK(image.Open(ImageCopy("").storage()).code() == StatusCode::kCorrupt);
  CHECK(image.Open(ImageCopy("GGUF" + std::string(1000, '\0')).storage()).code() == StatusCode::kCorrupt);
  bytes[8] = 2;
  const Status newer = image.Open(ImageCopy(bytes).storage());
  CHECK(newer.code() == StatusCode::kUnsupported);
  CHECK(newer.value() == 2);
}

TEST_CASE("every truncation is refused") {
  const std::string bytes = TinyImage(TinyOptions());
  const uint64_t metadata = HeaderOf(bytes).metadata_bytes;
  const ImageCopy copy(bytes);
  for (size_t size = 0; size < bytes.size(); size += size < metadata ? 1 : 37) {
    // A copy as long as the truncation, for what is read beyond its end to be seen.
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

TEST_CASE("every changed byte of header and directory behind a right CRC is refused or harmless") {
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
        // Magic to vocab_bytes, directory and record table state nothing that does not follow from the config and the
        // types; of the CRCs, one has been made right and the other is not checked here.
        const ImageHeader h = HeaderOf(bytes);
        const bool is_crc = (at >= offsetof(ImageHeader, metadata_crc) && at < offsetof(ImageHeader, tensor_count)) ||
                            (at >= offsetof(ImageHeader, pinned_crc) && at < offsetof(ImageHeader, record_layers));
        const bool is_derived =
            at < offsetof(ImageHeader, hidden_size) || (at >= h.directory_offset && at < h.record_crc_offset);
        if (is_derived && !is_crc) CHECK(!opened);
        copy.data()[at] ^= static_cast<std::byte>(pattern);
      }
    }
  }
}

TEST_CASE("10,000 random mutations, with the metadata CRC made right, are refused or harmless") {
  const std::string bytes = TinyImage(TinyOptions());
  const ImageHeader h = HeaderOf(bytes);
  ImageCopy copy(bytes);
  Random random(11);
  // Where the mutations go: fields of the header, directory and tables, the vocabulary, anywhere.
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
  // Neither all nor none: weights may hold anything, the other regions hardly anything else.
  CHECK(opened > 1000);
  CHECK(opened < 9000);
}

}  // namespace lfm2::test
