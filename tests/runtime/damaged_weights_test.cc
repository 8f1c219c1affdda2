// Weights are not read when an image opens, so damage in them shows only when they are used: an answer may then be
// wrong, but it is text of tokens that exist, from finite logits, and the same for every chunk size; or the call
// returns kNotFinite and changes nothing. Nothing outside the arena is written, and nothing outside the image is
// read.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tests/pack/pack_gguf.h"
#include "tests/runtime/conversation_model.h"
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

struct Outcome {
  StatusCode code = StatusCode::kOk;
  std::vector<int32_t> tokens;
  std::string text;
  bool operator==(const Outcome& other) const {
    return code == other.code && tokens == other.tokens && text == other.text;
  }
};

Outcome AskDamaged(const Image& image, uint32_t chunk) {
  SessionOptions options;
  options.context_length = 96;
  options.prefill_chunk = chunk;
  OpenSession open(image, options);
  Conversation conversation;
  LFM2_REQUIRE_OK(conversation.Open(open.session.get(), {}));
  struct Seen {
    std::vector<int32_t> tokens;
    bool finite = true;
  } seen;
  AnswerOptions answer(30);
  answer.context = &seen;
  answer.on_token = [](void* context, int32_t token, Span<const float> logits) {
    Seen& s = *static_cast<Seen*>(context);
    s.tokens.push_back(token);
    for (const float logit : logits) s.finite = s.finite && std::isfinite(logit);
  };
  Outcome outcome;
  const Status status = conversation.Ask("Turn it on", answer, [&](std::string_view text) {
    CHECK(WholeText(std::string(text), true) == text);
    outcome.text += text;
  });
  INFO(Text(status));
  CHECK((status.ok() || status.code() == StatusCode::kNotFinite));
  CHECK(seen.finite);
  for (const int32_t token : seen.tokens) CHECK(image.vocab().Contains(token));
  if (!status.ok()) {
    CHECK(status.index() <= image.config().layers);
    CHECK(conversation.answer_end() == AnswerEnd::kError);
    CHECK(open.session->logits().empty());
    CHECK(open.session->steps_left() == 0);
    if (seen.tokens.empty()) CHECK(open.session->position() == 0);
  }
  CHECK(open.arena.RimIsIntact());
  outcome.code = status.code();
  outcome.tokens = seen.tokens;
  return outcome;
}

TEST_CASE("infinities, NaNs and noise in the weights: an answer from finite logits, or kNotFinite and nothing else") {
  const std::string packed = PackedHome();
  ImageHeader header;
  std::memcpy(&header, packed.data(), sizeof(header));
  const size_t begin = static_cast<size_t>(header.pinned_offset + header.vocab_bytes);
  ImageCopy copy(packed);
  std::mt19937 random(1);
  int ended[2] = {};
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
    const Outcome outcome = AskDamaged(image, 128);
    CHECK(AskDamaged(image, 3) == outcome);
    ++ended[outcome.code == StatusCode::kOk ? 0 : 1];
  }
  // Both happened, or half of this was not tested.
  CHECK(ended[0] > 5);
  CHECK(ended[1] > 5);
  // The damage was in the weights alone: without it the session answers as the undamaged model does.
  std::memcpy(copy.data() + begin, packed.data() + begin, packed.size() - begin);
  Image healed;
  LFM2_REQUIRE_OK(healed.Open(copy.storage()));
  CHECK(AskDamaged(healed, 128) == AskDamaged(Home().image(), 128));
}

// Where a matrix keeps the scale of its first row, or a plain tensor its value `n`.
size_t OffsetOfNumber(const TensorEntry& entry, uint32_t n) {
  switch (static_cast<TensorType>(entry.type)) {
    case TensorType::kF32: return n * sizeof(float);
    case TensorType::kQ4_0: return offsetof(BlockQ4_0, scale);
    case TensorType::kQ6_K: return offsetof(BlockQ6_K, delta);
    default: FAIL("the model has a type that this test does not know"); return 0;
  }
}

void Overwrite(std::byte* at, TensorType type, bool infinite) {
  const uint32_t wide = infinite ? 0x7f800000u : 0x7fc00000u;
  const uint16_t half = infinite ? 0x7c00 : 0x7e00;
  std::memcpy(at, type == TensorType::kF32 ? static_cast<const void*>(&wide) : &half, type == TensorType::kF32 ? 4 : 2);
}

TEST_CASE("a NaN or an infinity in any norm, tap, bias or scale is refused within a token, and the layer is named") {
  const std::string packed = PackedHome();
  ImageHeader header;
  std::memcpy(&header, packed.data(), sizeof(header));
  ImageCopy copy(packed);
  Image image;
  LFM2_REQUIRE_OK(image.Open(copy.storage()));
  const ModelConfig& c = image.config();
  std::vector<int32_t> ids = {1, 300, 41, 77, 512, 6, 900, 23};
  ids.push_back(0);  // whose embedding is the first row
  uint32_t damages = 0;
  for (uint32_t i = 0; i < image.tensor_count(); ++i) {
    const TensorEntry entry = image.tensor(i);
    const TensorType type = static_cast<TensorType>(entry.type);
    const TensorRole role = static_cast<TensorRole>(entry.role);
    const bool expert =
        role == TensorRole::kExpertGate || role == TensorRole::kExpertUp || role == TensorRole::kExpertDown;
    for (const bool infinite : {false, true}) {
      CAPTURE(NameOf(role));
      CAPTURE(entry.layer);
      CAPTURE(infinite);
      const uint32_t number = entry.cols / 2 + 1;
      if (expert) {
        const RecordEntry record = image.record_layer(entry.layer - c.dense_layers);
        for (uint32_t e = 0; e < c.experts; ++e) {
          Overwrite(copy.data() + record.offset + e * record.stride + entry.offset + OffsetOfNumber(entry, number),
                    type, infinite);
        }
      } else {
        Overwrite(copy.data() + header.pinned_offset + entry.offset + OffsetOfNumber(entry, number), type, infinite);
      }
      uint32_t layer = entry.layer;
      if (role == TensorRole::kTokenEmbedding) layer = 0;
      if (role == TensorRole::kOutput || role == TensorRole::kOutputNorm) layer = c.layers;
      for (const bool reference : {false, true}) {
        for (const KvCacheType kv : {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8}) {
          if (reference && kv != KvCacheType::kF32) continue;
          CAPTURE(reference);
          CAPTURE(static_cast<int>(kv));
          SessionOptions options;
          options.context_length = 64;
          options.kv_cache = kv;
          if (reference) options.kernels = ReferenceKernelTable();
          OpenSession open(image, options);
          const Status status = open.session->Prefill({ids.data(), ids.size()});
          INFO(Text(status));
          CHECK(status.code() == StatusCode::kNotFinite);
          CHECK(status.index() == layer);
          CHECK(open.session->position() == 0);
          CHECK(open.session->logits().empty());
          ++damages;
        }
      }
      std::memcpy(copy.data(), packed.data(), packed.size());
    }
  }
  CHECK(damages > 300);
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
  copy.data()[header.token_trie_offset - kRecordAlignment] ^= std::byte{1};
  const Status status = image.VerifyRecord(3, 31);
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK(status.index() == 127);
  LFM2_REQUIRE_OK(image.VerifyTokenTrie());
  copy.data()[packed.size() - 1] ^= std::byte{1};
  CHECK(image.VerifyTokenTrie().code() == StatusCode::kCorrupt);
}

}  // namespace
}  // namespace lfm2::test
