// Saved states that were damaged, truncated or forged: each is refused by name, and the session stays usable.
#include <doctest/doctest.h>

#include <string>

#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kPositions = 19;

SessionOptions SmallOptions(KvCacheType type) {
  SessionOptions options;
  options.context_length = 32;
  options.kv_cache = type;
  return options;
}

// A small model: its states have few bytes.
const TestModel& Small() {
  static const TestModel model(std::string(LFM2_TEST_DATA) + "/gguf/moe-256-Q4_K_M.gguf");
  return model;
}

struct SmallState {
  explicit SmallState(KvCacheType type) : open(Small().image(), SmallOptions(type)) {
    std::vector<int32_t> ids;
    for (uint32_t i = 0; i < kPositions; ++i) ids.push_back(static_cast<int32_t>(i * 37 % 256));
    LFM2_REQUIRE_OK(open.session->Prefill({ids.data(), ids.size()}));
    StateNote note;
    note.size = 5;
    bytes = Saved(*open.session, note, true);
  }
  Status Load(Span<const std::byte> from) { return LoadBytes(*open.session, from); }
  Status Load(const Bytes& from) { return Load({from.data(), from.size()}); }
  OpenSession open;
  Bytes bytes;
};

struct Extent {
  const char* name;
  size_t end;
};

// Where the parts end, by docs/sessions.md.
std::vector<Extent> Parts(KvCacheType type) {
  const ModelConfig& c = Small().config();
  std::vector<Extent> parts = {{"saved state, header", 64}};
  const auto add = [&](const char* name, size_t bytes) { parts.push_back({name, parts.back().end + bytes + 4}); };
  add("saved state, note", 5);
  add("saved state, tokens", 3 * kPositions);
  add("saved state, convolutions", size_t{4} * (c.conv_kernel - 1) * c.hidden_size * (c.layers - c.attention_layers()));
  const size_t value_bytes = type == KvCacheType::kF16 ? 2 : type == KvCacheType::kF32 ? 4 : 1;
  const size_t scale_bytes = type == KvCacheType::kInt8 ? 4 : 0;
  for (uint32_t n = 0; n < c.attention_layers(); ++n) {
    add("saved state, keys and values of attention layer",
        2 * kPositions * c.kv_heads * (c.head_dim * value_bytes + scale_bytes));
  }
  add("saved state, logits", size_t{4} * (c.vocab_size + c.hidden_size));
  return parts;
}

}  // namespace

TEST_CASE("every truncation is refused, with the name of the part that is cut, and leaves an empty sequence") {
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kInt8}) {
    SmallState state(type);
    const std::vector<Extent> parts = Parts(type);
    REQUIRE(parts.back().end == state.bytes.size());
    size_t part = 0, failures = 0;
    for (size_t size = 0; size < state.bytes.size(); ++size) {
      if (size >= parts[part].end) ++part;
      const Status status = state.Load({state.bytes.data(), size});
      failures += status.code() != StatusCode::kIo || std::string(status.where()) != parts[part].name ||
                  state.open.session->position() != 0 || !state.open.session->logits().empty();
    }
    CHECK(failures == 0);
    LFM2_REQUIRE_OK(state.Load(state.bytes));
  }
}

TEST_CASE("every change of a single byte is refused, with the name of the part") {
  for (const KvCacheType type : {KvCacheType::kF16, KvCacheType::kInt8}) {
    SmallState state(type);
    const std::vector<Extent> parts = Parts(type);
    size_t part = 0, failures = 0;
    for (size_t at = 0; at < state.bytes.size(); ++at) {
      if (at >= parts[part].end) ++part;
      for (const int flip : {0x01, 0x80, 0xff}) {
        state.bytes[at] ^= static_cast<std::byte>(flip);
        const Status status = state.Load(state.bytes);
        state.bytes[at] ^= static_cast<std::byte>(flip);
        const bool is_version = at >= 8 && at < 12;
        failures += status.code() != (is_version ? StatusCode::kUnsupported : StatusCode::kCorrupt) ||
                    std::string(status.where()) != parts[part].name || state.open.session->position() != 0;
      }
    }
    CHECK(failures == 0);
    LFM2_REQUIRE_OK(state.Load(state.bytes));
  }
}

TEST_CASE("a refusal names the attention layer") {
  SmallState state(KvCacheType::kF16);
  const std::vector<Extent> parts = Parts(KvCacheType::kF16);
  REQUIRE(Small().config().attention_layers() > 1);
  state.bytes[parts[5].end - 10] ^= std::byte{1};
  CHECK(Text(state.Load(state.bytes)) ==
        "corrupt: saved state, keys and values of attention layer [1] has the wrong CRC-32C");
}

TEST_CASE("states of another model, cache or version, and counts that overflow, are refused before anything is read") {
  SmallState state(KvCacheType::kF16);
  struct Case {
    size_t offset;
    uint32_t value;
    StatusCode code;
  };
  const uint32_t model = LoadAs<uint32_t>(state.bytes.data() + 24);
  const std::vector<Case> cases = {{8, 2, StatusCode::kUnsupported},
                                   {12, 0, StatusCode::kCorrupt},
                                   {12, 128, StatusCode::kCorrupt},
                                   {16, 0, StatusCode::kCorrupt},
                                   {20, 1, StatusCode::kCorrupt},
                                   {24, model ^ 1, StatusCode::kInvalidArgument},
                                   {28, 33, StatusCode::kContextFull},
                                   {28, 0x7fffffff, StatusCode::kContextFull},
                                   {28, 0xffffffff, StatusCode::kContextFull},
                                   {28, 0x55555556, StatusCode::kContextFull},
                                   {28, 18, StatusCode::kCorrupt},
                                   {32, 0xffffffff, StatusCode::kInvalidArgument},
                                   {36, 0x40000000, StatusCode::kInvalidArgument},
                                   {40, 0xffffffff, StatusCode::kInvalidArgument},
                                   {44, 0, StatusCode::kInvalidArgument},
                                   {48, 0x80000000, StatusCode::kInvalidArgument},
                                   {52, 0x40000001, StatusCode::kInvalidArgument},
                                   {56, 0x01000101, StatusCode::kCorrupt},          // note of 257 bytes
                                   {56, 0x0100ffff, StatusCode::kCorrupt},          // of 65,535
                                   {56, 0x01010005, StatusCode::kInvalidArgument},  // float cache
                                   {56, 0x01ff0005, StatusCode::kInvalidArgument},  // a cache that does not exist
                                   {56, 0x03000005, StatusCode::kUnsupported},      // a flag that does not exist
                                   {56, 0x00000005, StatusCode::kCorrupt}};         // logits that are not announced
  for (const Case& c : cases) {
    CAPTURE(c.offset);
    CAPTURE(c.value);
    const Bytes bytes = WithField(state.bytes, c.offset, c.value);
    BytesSource source({bytes.data(), bytes.size()});
    const Status status = state.open.session->Load(source);
    CHECK(status.code() == c.code);
    CHECK(std::string(status.where()) == "saved state, header");
    CHECK(source.left() == bytes.size() - 64);
  }
  SmallState wide(KvCacheType::kF32);
  CHECK(state.Load(wide.bytes).code() == StatusCode::kInvalidArgument);
  OpenSession other(Home().image(), SmallOptions(KvCacheType::kF16));
  CHECK(LoadBytes(*other.session, {state.bytes.data(), state.bytes.size()}).code() == StatusCode::kInvalidArgument);
  SessionOptions shorter = SmallOptions(KvCacheType::kF16);
  shorter.context_length = kPositions - 1;
  OpenSession full(Small().image(), shorter);
  const Status status = LoadBytes(*full.session, {state.bytes.data(), state.bytes.size()});
  CHECK(status.code() == StatusCode::kContextFull);
  CHECK(status.value() == kPositions);
  CHECK(status.limit() == kPositions - 1);
}

TEST_CASE("ids that are not in the vocabulary are refused though their CRC is right") {
  SmallState state(KvCacheType::kF16);
  const size_t begin = Parts(KvCacheType::kF16)[1].end, end = begin + 3 * kPositions;
  for (const int32_t id : {static_cast<int32_t>(Small().config().vocab_size), 0xffffff}) {
    Bytes bytes = state.bytes;
    std::memcpy(bytes.data() + begin + 6, &id, 3);
    const uint32_t crc = Crc32c(0, bytes.data() + begin, end - begin);
    std::memcpy(bytes.data() + end, &crc, sizeof(crc));
    const Status status = state.Load(bytes);
    CHECK(status.code() == StatusCode::kCorrupt);
    CHECK(std::string(status.where()) == "saved state, tokens");
    CHECK(state.open.session->position() == 0);
  }
}

TEST_CASE("a state may be followed by anything: no byte after it is asked for") {
  SmallState state(KvCacheType::kInt8);
  Bytes longer = state.bytes;
  longer.resize(longer.size() + 1000, std::byte{0x5a});
  BytesSource source({longer.data(), longer.size()});
  LFM2_REQUIRE_OK(state.open.session->Load(source));
  CHECK(source.left() == 1000);
}

TEST_CASE("a session that has refused a state computes as one that never saw it") {
  SmallState state(KvCacheType::kF16);
  state.bytes[state.bytes.size() - 1] ^= std::byte{1};
  CHECK(state.Load(state.bytes).code() == StatusCode::kCorrupt);
  OpenSession fresh(Small().image(), SmallOptions(KvCacheType::kF16));
  const int32_t ids[] = {1, 5, 9};
  LFM2_REQUIRE_OK(fresh.session->Prefill(ids));
  LFM2_REQUIRE_OK(state.open.session->Prefill(ids));
  CHECK(Logits(*state.open.session) == Logits(*fresh.session));
}

}  // namespace lfm2::test
