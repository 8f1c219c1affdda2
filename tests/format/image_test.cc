// Opening an image: any bytes give a Status or an image in which nothing can be read out of range.
#include "lfm2/format/image.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/format/read_everything.h"
#include "tests/format/tiny_image.h"
#include "tests/pack/image_copy.h"

namespace lfm2::test {
namespace {

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

TEST_CASE("a wrong byte of the pinned part or of a record does not prevent opening, and is found when it is verified") {
  const std::string bytes = TinyImage(TinyOptions());
  ImageCopy copy(bytes);
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  CHECK((image.VerifyPinned().ok() && image.VerifyRecord(0, 1).ok()));
  std::byte* const pinned = copy.data() + HeaderOf(bytes).pinned_offset + HeaderOf(bytes).pinned_bytes - 1;
  *pinned ^= std::byte{1};
  CHECK(image.VerifyPinned().code() == StatusCode::kCorrupt);
  *pinned ^= std::byte{1};
  copy.data()[image.record_layer(0).offset + image.record_layer(0).stride] ^= std::byte{1};
  CHECK((image.VerifyPinned().ok() && image.VerifyRecord(0, 0).ok()));
  CHECK(image.VerifyRecord(0, 1).code() == StatusCode::kCorrupt);
}

TEST_CASE("a vocabulary of another size than the config's is refused") {
  ImageCopy copy(TinyImage(TinyOptions()));
  ImageHeader h = LoadAs<ImageHeader>(copy.data());
  // One token more in the same block of 16 rows: nothing else changes but the rows of the embedding.
  REQUIRE(h.vocab_size % kBlockRows != 0);
  ++h.vocab_size;
  std::memcpy(copy.data(), &h, sizeof(h));
  std::memcpy(copy.data() + h.directory_offset + offsetof(TensorEntry, rows), &h.vocab_size, sizeof(h.vocab_size));
  FixCrc(copy.data(), h.metadata_bytes);
  Image image;
  const Status status = image.Open(copy.storage());
  CHECK(std::string(status.where()) == "vocabulary.size");
  CHECK((status.code() == StatusCode::kCorrupt && status.value() + 1 == status.limit()));
  CheckIsClosed(image);
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

}  // namespace lfm2::test
