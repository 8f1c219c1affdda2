// Experts read as they are needed give the very logits of a model in memory, however little memory and however slow and
// unruly the drive.
#include <doctest/doctest.h>

#include "lfm2/posix/thread_pool.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

std::vector<std::vector<float>> ResidentLogits(const Image& image, const SessionOptions& options,
                                               const std::vector<int32_t>& ids) {
  OpenSession open(image, options);
  return AllLogits(*open.session, ids);
}

// What a run on a drive can differ in, taken in turns that do not fall in step.
struct Turns {
  uint32_t chunk() { return kChunks[n % 3]; }
  KvCacheType kv() { return kTypes[n / 3 % 3]; }
  uint32_t capacity() { return kCapacities[n / 2 % 3]; }
  uint32_t piece_bytes() { return kPieces[n % 5] * kBlock; }
  bool read_ahead() { return n % 4 != 3; }
  uint32_t n = 0;

  static constexpr uint32_t kChunks[] = {1, 7, 128};
  static constexpr KvCacheType kTypes[] = {KvCacheType::kF16, KvCacheType::kInt8, KvCacheType::kF32};
  static constexpr uint32_t kCapacities[] = {1, 2, 64};
  static constexpr uint32_t kPieces[] = {1, 2, 5, 16, 256};
};

}  // namespace

TEST_CASE("logits are those of the model in memory bit for bit, for every budget from one slot to all experts") {
  const std::vector<int32_t> ids = TestPrompt(24);
  posix::ThreadPool pool;
  LFM2_REQUIRE_OK(pool.Open(3));
  for (const char* file : {"/home/Q4_0.gguf", "/gguf/moe-256-Q4_K_M.gguf", "/gguf/moe-odd-Q4_0.gguf"}) {
    CAPTURE(file);
    const TestModel model(LFM2_TEST_DATA + std::string(file));
    const Image& image = model.image();
    const uint32_t experts = model.config().moe_layers() * model.config().experts;
    std::vector<std::vector<std::vector<float>>> want;
    for (const KvCacheType type : Turns::kTypes) {
      SessionOptions options = OptionsWithChunk();
      options.kv_cache = type;
      want.push_back(ResidentLogits(image, options, ids));
    }
    CHECK(want[0] != want[1]);
    Turns turns;
    for (uint32_t slots = 1; slots <= experts; slots += file == std::string("/home/Q4_0.gguf") ? 1 : 9, ++turns.n) {
      CAPTURE(slots);
      SessionOptions options = OptionsWithChunk(turns.chunk());
      options.kv_cache = turns.kv();
      options.read_ahead = turns.read_ahead();
      options.arena_bytes = ArenaFor(image, options, slots);
      const bool threads = turns.n % 5 == 0;
      StreamedSession open(image, DriveOptions(turns.capacity(), turns.piece_bytes(), slots), options,
                           threads ? pool.executor() : nullptr);
      CHECK(open.session->is_streamed());
      const auto& expected = want[turns.n / 3 % 3];
      CHECK(AllLogits(*open.session, ids) == expected);
      // A second text on what the first one has left in the slots.
      open.session->Reset();
      CHECK(AllLogits(*open.session, ids) == expected);
      CHECK(open.streamed.watched.mistakes() == "");
      CHECK(open.streamed.arena.RimIsIntact());
      // What the session says that it has read is what the drive has seen.
      const StreamStatistics total = open.session->statistics();
      CHECK(total.bytes == open.streamed.watched.bytes() - open.front_bytes);
      CHECK(total.misses > 0);
      StreamStatistics sum;
      for (uint32_t m = 0; m < model.config().moe_layers(); ++m) sum.Add(open.session->layer_statistics(m));
      CHECK(sum.bytes == total.bytes);
      CHECK(sum.hits == total.hits);
    }
  }
}

TEST_CASE("with a slot for every expert a text is read once, and then never again") {
  SessionOptions options = OptionsWithChunk(1);
  options.read_ahead = false;
  options.arena_bytes = ArenaFor(Home().image(), options, 128);
  StreamedSession open(Home().image(), DriveOptions(4, 256 * kBlock), options);
  const std::vector<int32_t> ids = TestPrompt(40);
  AllLogits(*open.session, ids);
  const StreamStatistics first = open.session->statistics();
  CHECK(first.hits + first.misses == 40 * 4 * 4);
  CHECK(first.misses <= 128);
  CHECK(first.bytes == first.misses * Home().image().record_layer(0).stride);
  open.session->Reset();
  AllLogits(*open.session, ids);
  StreamStatistics second = open.session->statistics();
  second.Subtract(first);
  CHECK(second.misses == 0);
  CHECK(second.bytes == 0);
  CHECK(second.hits == 40 * 4 * 4);
}

TEST_CASE("time that a drive takes changes what is read ahead, but no logit, and no memory is touched too early") {
  const std::vector<int32_t> ids = TestPrompt(30);
  const auto want = ResidentLogits(Home().image(), OptionsWithChunk(), ids);
  for (const uint64_t speed : {1000000u, 50000000u, 1000000000u}) {
    for (const uint32_t chunk : {1u, 30u}) {
      CAPTURE(speed);
      SimulatedDeviceOptions drive = DriveOptions(8, 2 * kBlock, 3);
      drive.speed = {speed, 100000, 4};
      SessionOptions options = OptionsWithChunk(chunk);
      options.arena_bytes = ArenaFor(Home().image(), options, 20);
      StreamedSession open(Home().image(), drive, options);
      CHECK(AllLogits(*open.session, ids) == want);
      CHECK(open.streamed.watched.mistakes() == "");
      const StreamStatistics total = open.session->statistics();
      CHECK(total.read_ns >= total.stall_ns);
      CHECK(total.stall_ns > 0);
    }
  }
}

TEST_CASE("a dense model runs from a drive, too: it is read once, and there are no slots") {
  const TestModel model(std::string(LFM2_TEST_DATA) + "/gguf/dense-256-Q4_0.gguf");
  const std::vector<int32_t> ids = TestPrompt(30);
  const auto want = ResidentLogits(model.image(), OptionsWithChunk(), ids);
  for (const uint64_t arena_bytes : {uint64_t{0}, UINT64_MAX}) {
    SessionOptions options = OptionsWithChunk();
    options.arena_bytes = arena_bytes;
    CHECK(StreamedPlan(model.image(), options).slots.total == 0);
    StreamedSession open(model.image(), DriveOptions(4, 16 * kBlock), options);
    CHECK(AllLogits(*open.session, ids) == want);
    CHECK(open.session->statistics().bytes == 0);
    CHECK(open.streamed.watched.bytes() == open.front_bytes);
    CHECK(open.streamed.IsClean());
  }
}

TEST_CASE(
    "sessions come one after the other on one image and in the same memory, whatever the one before was reading") {
  const std::vector<int32_t> ids = TestPrompt(20);
  const auto want = ResidentLogits(Home().image(), OptionsWithChunk(), ids);
  SimulatedDeviceOptions drive = DriveOptions(8, kBlock, 3);
  drive.speed = {20000000, 100000, 4};
  SessionOptions options = OptionsWithChunk(1);
  options.arena_bytes = ArenaFor(Home().image(), options, 20);
  StreamedSession first(Home().image(), drive, options);
  CHECK(AllLogits(*first.session, ids) == want);
  for (int i = 0; i < 5; ++i) {
    Session next;
    LFM2_REQUIRE_OK(next.Open(first.streamed.image, options, first.streamed.rest));
    CHECK(AllLogits(next, ids) == want);
    CHECK(first.streamed.watched.mistakes() == "");
  }
}

TEST_CASE("firmware's block device gives the same logits, with blocks of every size") {
  const Image& image = Home().image();
  const std::vector<int32_t> ids = TestPrompt(20);
  const auto want = ResidentLogits(image, OptionsWithChunk(), ids);
  for (const uint32_t block_bytes : {512u, 4096u}) {
    struct Card {
      Span<const std::byte> bytes;
      uint32_t block_bytes;
    } card{BytesOf(image), block_bytes};
    BlockDevice device;
    device.context = &card;
    device.block_bytes = block_bytes;
    device.bytes = image.file_bytes();
    device.read = [](void* context, uint64_t first_block, uint32_t blocks, std::byte* to) {
      const Card& c = *static_cast<Card*>(context);
      const size_t at = static_cast<size_t>(first_block) * c.block_bytes;
      std::memcpy(to, c.bytes.data() + at, Min<size_t>(size_t{blocks} * c.block_bytes, c.bytes.size() - at));
      return 0;
    };
    BlockStorage storage;
    LFM2_REQUIRE_OK(storage.Open(device));
    const WatchedStorage watched(storage);
    BlockArena arena(StreamedPlan(image, OptionsWithChunk()).total_bytes);
    Image streamed;
    Span<std::byte> rest;
    LFM2_REQUIRE_OK(streamed.Open(watched, arena.span(), &rest));
    Session session;
    LFM2_REQUIRE_OK(session.Open(streamed, OptionsWithChunk(), rest));
    CHECK(AllLogits(session, ids) == want);
    CHECK(watched.mistakes() == "");
    CHECK(arena.RimIsIntact());
  }
}

}  // namespace lfm2::test
