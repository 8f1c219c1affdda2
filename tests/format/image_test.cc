// Opening an image: any bytes give a Status or an image in which nothing can be read out of range.
#include "lfm2/format/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/format/tiny_image.h"
#include "tests/pack/image_copy.h"

namespace lfm2::test {
namespace {

// Reads everything that a session would read, and more; sanitizers detect what is out of range.
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

// Whether no address or number is left of what was open.
void CheckIsClosed(const Image& image) {
  CHECK(!image.is_open());
  CHECK(!image.is_streamed());
  CHECK(image.memory().data() == nullptr);
  CHECK((image.memory().empty() && image.file_bytes() == 0 && image.front_bytes() == 0 && image.fingerprint() == 0));
  CHECK((image.tensor_count() == 0 && image.tensor(0).bytes == 0 && image.record_layer(0).bytes == 0));
  CHECK((image.config().layers == 0 && image.vocab().size() == 0 && std::string(image.name()).empty()));
  CHECK(image.vocab().TokenBytes(0).empty());
  CHECK(image.Record(0, 0) == nullptr);
  CHECK(image.PinnedData(TensorEntry()) == nullptr);
  CHECK(image.VerifyPinned().code() == StatusCode::kFailedPrecondition);
  CHECK(image.VerifyRecord(0, 0).code() == StatusCode::kFailedPrecondition);
  TokenTrie trie;
  CHECK(image.token_trie_bytes() == 0);
  CHECK(image.OpenTokenTrie(&trie).code() == StatusCode::kFailedPrecondition);
  CHECK(image.VerifyTokenTrie().code() == StatusCode::kFailedPrecondition);
  CHECK(image.CheckRecordCrc(0, 0, 0).code() == StatusCode::kFailedPrecondition);
}

void CheckHasNoRecord(const Image& image, uint32_t layer, uint32_t expert, StatusCode code, uint64_t value) {
  CHECK(image.Record(layer, expert) == nullptr);
  CHECK(image.record_crc(layer, expert) == 0);
  for (const Status& status : {image.VerifyRecord(layer, expert), image.CheckRecordCrc(layer, expert, 0)}) {
    CHECK(status.code() == code);
    CHECK(status.value() == value);
  }
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

TEST_CASE("an image in a larger flash partition opens, one at a misaligned address is refused") {
  const std::string bytes = TinyImage(TinyOptions());
  const ImageCopy partition(bytes + std::string(5000, '\xff'));
  Image image;
  CHECK(image.Open(partition.storage()).ok());
  const ImageCopy shifted(std::string(32, '\0') + bytes);
  Image other;
  const MemoryStorage odd({const_cast<ImageCopy&>(shifted).data() + 32, bytes.size()});
  CHECK(other.Open(odd).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("files of other kinds and versions are refused by name") {
  std::string bytes = TinyImage(TinyOptions());
  Image image;
  CHECK(image.Open(ImageCopy("LFM2").storage()).code() == StatusCode::kCorrupt);
  CHECK(image.Open(ImageCopy("GGUF" + std::string(1000, '\0')).storage()).code() == StatusCode::kCorrupt);
  bytes[8] = 2;
  const Status newer = image.Open(ImageCopy(bytes).storage());
  CHECK(newer.code() == StatusCode::kUnsupported);
  CHECK(newer.value() == 2);
}

TEST_CASE("a failed open leaves the image closed, and it may be tried again; after Close another one opens") {
  TinyOptions dense_options;
  dense_options.moe = false;
  const std::string bytes = TinyImage(TinyOptions());
  const ImageCopy moe(bytes), dense(TinyImage(dense_options));
  ImageCopy damaged(bytes);
  Image image;
  // With the first check, one in the middle, and the very last one.
  for (const size_t at : {size_t{0}, sizeof(ImageHeader), static_cast<size_t>(HeaderOf(bytes).pinned_offset)}) {
    damaged.data()[at] ^= std::byte{1};
    CHECK(image.Open(damaged.storage()).code() == StatusCode::kCorrupt);
    CheckIsClosed(image);
    damaged.data()[at] ^= std::byte{1};
  }
  REQUIRE(image.Open(moe.storage()).ok());
  const uint32_t fingerprint = image.fingerprint();
  image.Close();
  CheckIsClosed(image);
  image.Close();
  REQUIRE(image.Open(dense.storage()).ok());
  CHECK(image.config().moe_layers() == 0);
  CHECK(image.fingerprint() != fingerprint);
  image.Close();
  REQUIRE(image.Open(damaged.storage()).ok());
  CHECK(image.config().moe_layers() > 0);
  CHECK(image.fingerprint() == fingerprint);
  CHECK(image.memory().data() == damaged.data());
  CHECK(image.memory().size() == bytes.size());
}

TEST_CASE("records and tensors that do not exist: empty values, or a Status that names the number") {
  TinyOptions dense_options;
  dense_options.moe = false;
  const ImageCopy moe(TinyImage(TinyOptions())), dense(TinyImage(dense_options));
  Image image;
  REQUIRE(image.Open(moe.storage()).ok());
  const uint32_t layers = image.config().moe_layers(), experts = image.config().experts;
  CHECK(image.VerifyRecord(layers - 1, experts - 1).ok());
  CHECK(image.CheckRecordCrc(layers - 1, experts - 1, image.record_crc(layers - 1, experts - 1)).ok());
  for (const uint32_t beyond : {0u, 1u, 1u << 31, UINT32_MAX - layers}) {
    CAPTURE(beyond);
    const uint32_t layer = layers + beyond;
    CheckHasNoRecord(image, layer, 0, StatusCode::kInvalidArgument, layer);
    CHECK(image.record_layer(layer).bytes == 0);
    const uint32_t tensor = image.tensor_count() + Min(beyond, UINT32_MAX - image.tensor_count());
    CHECK((image.tensor(tensor).bytes == 0 && image.tensor(tensor).rows == 0));
  }
  for (const uint32_t expert : {experts, experts + 1, UINT32_MAX}) {
    CheckHasNoRecord(image, layers - 1, expert, StatusCode::kInvalidArgument, expert);
  }
  // Entries that are not of this image.
  TensorEntry entry = image.tensor(0);
  CHECK(image.PinnedData(entry) != nullptr);
  entry.offset = image.pinned_bytes();
  CHECK(image.PinnedData(entry) == nullptr);
  entry.offset = 0;
  entry.bytes = UINT64_MAX;
  CHECK(image.PinnedData(entry) == nullptr);

  image.Close();
  REQUIRE(image.Open(dense.storage()).ok());
  CheckHasNoRecord(image, 0, 0, StatusCode::kInvalidArgument, 0);
}

namespace {

// A user's storage that returns an address only so often, or one that changes.
class OddStorage final : public Storage {
 public:
  explicit OddStorage(const MemoryStorage& inner) : inner_(inner) {}
  uint64_t size() const override { return inner_.size(); }
  const std::byte* Map(uint64_t offset, uint64_t bytes) const override {
    if (calls_++ >= good_calls) return other == nullptr ? nullptr : other + static_cast<size_t>(offset);
    return inner_.Map(offset, bytes);
  }
  uint32_t good_calls = UINT32_MAX;
  const std::byte* other = nullptr;

 private:
  const MemoryStorage& inner_;
  mutable uint32_t calls_ = 0;
};

}  // namespace

TEST_CASE(
    "a storage whose Map returns an address once and then none, or a misaligned one, is refused or works as before") {
  const ImageCopy copy(TinyImage(TinyOptions()));
  bool refused = false, opened = false;
  for (uint32_t calls = 0; calls < 4; ++calls) {
    for (const bool odd : {false, true}) {
      OddStorage storage(copy.storage());
      storage.good_calls = calls;
      if (odd) storage.other = copy.storage().Map(0, 1) + 1;
      Image image;
      const Status status = image.Open(storage);
      refused = refused || !status.ok();
      opened = opened || status.ok();
      if (status.ok()) CHECK(ReadEverything(image) > 0);
      if (!status.ok()) CheckIsClosed(image);
    }
  }
  CHECK((refused && opened));
  const MemoryStorage closed;
  Image image;
  CHECK(image.Open(closed).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("a tied_embedding that is neither 0 nor 1 is refused") {
  ImageCopy copy(TinyImage(TinyOptions()));
  const uint64_t metadata = LoadAs<ImageHeader>(copy.data()).metadata_bytes;
  for (const uint32_t value : {2u, 256u, 0x80000001u}) {
    std::memcpy(copy.data() + offsetof(ImageHeader, tied_embedding), &value, sizeof(value));
    FixCrc(copy.data(), metadata);
    Image image;
    const Status status = image.Open(copy.storage());
    CHECK(status.code() == StatusCode::kCorrupt);
    CHECK(std::string(status.where()) == "config.tied_embedding");
    CHECK(status.value() == value);
  }
}

TEST_CASE("what a publisher recommends for sampling is read; values out of range are refused by name") {
  ImageCopy copy(TinyImage(TinyOptions()));
  const ImageHeader good = LoadAs<ImageHeader>(copy.data());
  CHECK(good.sampling_set == 0);
  const auto open = [&](uint32_t set, const Sampling& values, Image* image) {
    ImageHeader h = good;
    h.sampling_set = set;
    h.temperature = values.temperature;
    h.top_k = values.top_k;
    h.top_p = values.top_p;
    h.min_p = values.min_p;
    h.repetition_penalty = values.repetition_penalty;
    std::memcpy(copy.data(), &h, sizeof(h));
    FixCrc(copy.data(), h.metadata_bytes);
    return image->Open(copy.storage());
  };
  const float nan = BitCast<float>(0x7fc00000u);
  {
    Image image;
    REQUIRE(open(0, {nan, 7, -1.0f, nan, 99.0f}, &image).ok());  // fields whose bits are not set are ignored
    CHECK(!IsSet(image.sampling()));
  }
  {
    Image image;
    REQUIRE(open(31, {0.2f, 80, 0.9f, 0.15f, 1.05f}, &image).ok());
    const Sampling s = image.sampling();
    CHECK((s.temperature == 0.2f && s.top_k == 80 && s.top_p == 0.9f && s.min_p == 0.15f));
    CHECK(s.repetition_penalty == 1.05f);
    image.Close();
    CHECK(!IsSet(image.sampling()));
  }
  {
    Image image;
    REQUIRE(open(kTopKSet | kRepetitionPenaltySet, {0.2f, 0, 0.9f, 0.15f, 1.0f}, &image).ok());
    const Sampling s = image.sampling();
    CHECK((s.temperature == kUnset && s.top_k == 0 && s.top_p == kUnset && s.min_p == kUnset));
    CHECK(s.repetition_penalty == 1.0f);
  }
  for (const float bad : {nan, -1.0f, 1000.0f, BitCast<float>(0x7f800000u)}) {
    const auto refused = [&](uint32_t set, const Sampling& values) {
      Image image;
      const Status status = open(set, values, &image);
      CHECK(status.code() == StatusCode::kCorrupt);
      CHECK(!image.is_open());
      return std::string(status.where());
    };
    CHECK(refused(kTemperatureSet, {bad, 0, 1.0f, 0.0f, 1.0f}) == "temperature");
    CHECK(refused(kTopPSet, {1.0f, 0, bad, 0.0f, 1.0f}) == "top_p");
    CHECK(refused(kMinPSet, {1.0f, 0, 1.0f, bad, 1.0f}) == "min_p");
    CHECK(refused(kRepetitionPenaltySet, {1.0f, 0, 1.0f, 0.0f, bad}) == "repetition_penalty");
  }
}

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
