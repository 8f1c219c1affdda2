// Opening an image on a drive: refused with one clear Status where bytes, memory or the drive are not what they should
// be, and possible again when they are.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

SessionOptions OptionsWithArena(uint64_t arena_bytes = 0) {
  SessionOptions options;
  options.context_length = 64;
  options.arena_bytes = arena_bytes;
  return options;
}

const Image& Resident() { return Home().image(); }

// The home model's file, to be changed.
struct Damaged {
  Damaged() : bytes(BytesOf(Resident()).begin(), BytesOf(Resident()).end()) {}
  Status Open(size_t size) {
    const SimulatedDevice drive({bytes.data(), size}, DriveOptions(4, 16 * kBlock));
    const WatchedStorage watched(drive);
    BlockArena arena(Resident().front_bytes());
    arena_is_kept = false;
    Image image;
    Span<std::byte> rest;
    const Status status = image.Open(watched, arena.span(), &rest);
    CHECK(image.is_open() == status.ok());
    CHECK(watched.mistakes() == "");
    arena_is_kept = arena.RimIsIntact();
    return status;
  }
  ImageHeader header() const {
    ImageHeader h;
    std::memcpy(&h, bytes.data(), sizeof(h));
    return h;
  }
  std::vector<std::byte> bytes;
  bool arena_is_kept = false;
};

}  // namespace

TEST_CASE("the front part is read once, in order, into the arena's begin; the rest is the session's") {
  StreamedImage s(Resident(), DriveOptions(4, 16 * kBlock), Resident().front_bytes() + 3 * kBlock);
  LFM2_REQUIRE_OK(s.opened);
  CHECK(s.image.is_streamed());
  CHECK(s.image.front_bytes() == Resident().front_bytes());
  CHECK(s.rest.size() == 3 * kBlock);
  CHECK(s.rest.data() == s.arena.span().data() + s.arena.span().size() - 3 * kBlock);
  CHECK(std::memcmp(s.arena.span().data(), BytesOf(Resident()).data(),
                    static_cast<size_t>(Resident().record_layer(0).offset)) == 0);
  CHECK(s.watched.bytes() == Resident().front_bytes());
  CHECK(std::is_sorted(s.watched.offsets().begin(), s.watched.offsets().end()));
  CHECK(s.IsClean());
  CHECK(s.image.fingerprint() == Resident().fingerprint());
  CHECK(s.image.memory().data() == s.arena.span().data());
  CHECK(s.image.memory().size() == s.image.front_bytes());
  CHECK(s.image.Record(0, 0) == nullptr);
  CHECK(s.image.VerifyRecord(0, 0).code() == StatusCode::kFailedPrecondition);
  CHECK(s.image.CheckRecordCrc(0, 0, Resident().record_crc(0, 0)).ok());
  CHECK(s.image.CheckRecordCrc(0, 99, 0).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("a wrong size or offset in the header of an image on a drive is named, not taken for a lack of memory") {
  Damaged file;
  const auto with = [&](size_t at, uint64_t value, size_t bytes) {
    const std::vector<std::byte> before = file.bytes;
    std::memcpy(file.bytes.data() + at, &value, bytes);
    const Status status = file.Open(file.bytes.size());
    file.bytes = before;
    return status;
  };
  for (const size_t at : {offsetof(ImageHeader, file_bytes), offsetof(ImageHeader, metadata_bytes),
                          offsetof(ImageHeader, directory_offset), offsetof(ImageHeader, record_table_offset),
                          offsetof(ImageHeader, record_crc_offset), offsetof(ImageHeader, pinned_offset),
                          offsetof(ImageHeader, pinned_bytes), offsetof(ImageHeader, vocab_bytes)}) {
    for (const uint64_t value :
         {uint64_t{0}, uint64_t{8192}, uint64_t{1} << 31, uint64_t{1} << 40, UINT64_MAX - 4095, UINT64_MAX}) {
      CAPTURE(at);
      CAPTURE(value);
      CHECK(with(at, value, 8).code() == StatusCode::kCorrupt);
    }
  }
  for (size_t at = offsetof(ImageHeader, hidden_size); at < offsetof(ImageHeader, norm_eps); at += 4) {
    for (const uint32_t value : {0u, 5u, 1024u, 0x10000u, 0x80000000u, UINT32_MAX}) {
      CAPTURE(at);
      CAPTURE(value);
      CHECK(with(at, value, 4).code() == StatusCode::kCorrupt);
    }
  }
}

TEST_CASE("an addressable image takes nothing of an arena that it is offered") {
  BlockArena arena(kBlock);
  Image image;
  Span<std::byte> rest;
  LFM2_REQUIRE_OK(image.Open(Resident().storage(), arena.span(), &rest));
  CHECK(!image.is_streamed());
  CHECK(rest.data() == arena.span().data());
  CHECK(rest.size() == kBlock);
}

TEST_CASE("a byte that is wrong in the front part is found when the image opens, wherever it is") {
  Damaged file;
  LFM2_REQUIRE_OK(file.Open(file.bytes.size()));
  const ImageHeader h = file.header();
  const uint64_t pinned_end = h.pinned_offset + h.pinned_bytes;
  for (uint64_t at = 0; at < pinned_end; at += at < h.metadata_bytes ? 97 : 30011) {
    CAPTURE(at);
    if (at >= h.metadata_bytes && at < h.pinned_offset) continue;  // nothing lies there
    file.bytes[static_cast<size_t>(at)] ^= std::byte{0x10};
    const Status status = file.Open(file.bytes.size());
    INFO(Text(status));
    CHECK(!status.ok());
    CHECK(file.arena_is_kept);
    // And never told as an arena that is too small: it has just the size that the file needs.
    CHECK((status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kUnsupported));
    file.bytes[static_cast<size_t>(at)] ^= std::byte{0x10};
  }
  file.bytes[static_cast<size_t>(pinned_end) - 1] ^= std::byte{1};
  const Status status = file.Open(file.bytes.size());
  CHECK(status.code() == StatusCode::kCorrupt);
  CHECK(std::string(status.where()) == "pinned part");
}

TEST_CASE("an image that is cut short on its drive is refused, wherever it ends") {
  Damaged file;
  const size_t whole = file.bytes.size();
  for (const size_t size : {whole - 1, whole - kBlock, static_cast<size_t>(Resident().front_bytes()), size_t{5000},
                            size_t{4096}, size_t{sizeof(ImageHeader)}}) {
    CAPTURE(size);
    const Status status = file.Open(size);
    CHECK(status.code() == StatusCode::kCorrupt);
    CHECK(status.value() == size);
    CHECK(status.limit() == whole);
  }
  for (const size_t size : {size_t{1}, size_t{100}}) CHECK(!file.Open(size).ok());
}

TEST_CASE("a drive that fails while the image opens: a Status, and opening again works") {
  for (const Fault fault : {Fault::kIoError, Fault::kShortRead, Fault::kBadBits, Fault::kVanished, Fault::kTimeout}) {
    for (const uint64_t read : {0u, 1u, 2u, 20u}) {
      CAPTURE(static_cast<int>(fault));
      CAPTURE(read);
      StreamedImage s(Resident(), DriveOptions(4, 16 * kBlock), Resident().front_bytes());
      LFM2_REQUIRE_OK(s.opened);
      s.drive.FailRead(s.drive.reads() + read, fault);
      const Status status = s.Reopen();
      if (fault != Fault::kBadBits || read == 20) CHECK(!status.ok());
      CHECK(s.image.is_open() == status.ok());
      int tries = 0;
      while (!s.Reopen().ok()) REQUIRE(++tries < 4);
      CHECK(std::memcmp(s.arena.span().data(), BytesOf(Resident()).data(),
                        static_cast<size_t>(Resident().record_layer(0).offset)) == 0);
      CHECK(s.IsClean());
    }
  }
}

TEST_CASE("a wrong byte in the first or the second read is refused, or was none that counts") {
  const auto header_of = [](const ModelConfig& config) {
    ImageHeader h{};
    ConfigToHeader(config, &h);
    return h;
  };
  const ImageHeader want = header_of(Resident().config());
  int refused = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    for (const uint64_t read : {0u, 1u}) {
      SimulatedDevice drive(BytesOf(Resident()), DriveOptions(4, kBlock, seed));
      drive.FailRead(read, Fault::kBadBits);
      BlockArena arena(Resident().front_bytes());
      Image image;
      Span<std::byte> rest;
      if (!image.Open(drive, arena.span(), &rest).ok()) {
        ++refused;
        continue;
      }
      const ImageHeader got = header_of(image.config());
      CHECK(std::memcmp(&got, &want, sizeof(got)) == 0);
      CHECK(image.name() == std::string_view(Resident().name()));
      CHECK(image.tensor_count() == Resident().tensor_count());
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("an image that ends within a block of 4096 bytes opens from a drive of smaller blocks that ends with it") {
  const TestModel model(LFM2_TEST_DATA + std::string("/gguf/dense-256-BF16.gguf"), false);
  const Image& resident = model.image();
  const size_t end = static_cast<size_t>(resident.file_bytes());
  REQUIRE((end % kBlock > 0 && end % kBlock <= kBlock - 512));
  for (const uint32_t alignment : {512u, 1024u, 2048u, 4096u}) {
    CAPTURE(alignment);
    SimulatedDeviceOptions options = DriveOptions(4, 16 * kBlock);
    options.alignment = alignment;
    StreamedImage s(resident, options, resident.front_bytes());
    LFM2_REQUIRE_OK(s.opened);
    // Between metadata and weights the file is padded.
    const ImageHeader h = LoadAs<ImageHeader>(BytesOf(resident).data());
    const auto differs = [&](uint64_t from, uint64_t bytes) {
      const size_t at = static_cast<size_t>(from);
      return std::memcmp(s.arena.span().data() + at, BytesOf(resident).data() + at, static_cast<size_t>(bytes)) != 0;
    };
    CHECK(!differs(0, h.metadata_bytes));
    CHECK(!differs(h.pinned_offset, h.pinned_bytes));
  }
}

TEST_CASE("an arena that does not suit the image says why") {
  const SimulatedDevice drive(BytesOf(Resident()));
  const uint64_t front = Resident().front_bytes();
  BlockArena arena(front + kBlock);
  Image image;
  Span<std::byte> rest;
  SUBCASE("none at all") { CHECK(image.Open(drive).code() == StatusCode::kInvalidArgument); }
  SUBCASE("not aligned as reads have to be") {
    const Status status = image.Open(drive, arena.span().subspan(64, static_cast<size_t>(front)), &rest);
    CHECK(status.code() == StatusCode::kInvalidArgument);
  }
  SUBCASE("a block too small says how much is needed") {
    const size_t small = static_cast<size_t>(front) - kBlock;
    const Status status = image.Open(drive, arena.span().subspan(0, small), &rest);
    CHECK(status.code() == StatusCode::kArenaTooSmall);
    CHECK(status.value() == small);
    CHECK(status.limit() == front);
  }
  SUBCASE("nothing") { CHECK(image.Open(drive, {}, &rest).code() == StatusCode::kArenaTooSmall); }
  CHECK(!image.is_open());
  CHECK(arena.RimIsIntact());
  LFM2_REQUIRE_OK(image.Open(drive, arena.span(), &rest));
  CHECK(image.Open(drive, arena.span(), &rest).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("a session given any of the memory that its image was read into is refused, and nothing is written") {
  const SessionOptions options = OptionsWithChunk(8);
  const Plan plan = StreamedPlan(Resident(), options);
  // As much again, so that the rest alone would be large enough wherever it begins.
  StreamedImage s(Resident(), DriveOptions(4, 4 * kBlock), 2 * plan.total_bytes);
  LFM2_REQUIRE_OK(s.opened);
  const size_t front = static_cast<size_t>(Resident().front_bytes()), all = s.arena.span().size();
  const std::vector<std::byte> before(s.arena.span().begin(), s.arena.span().end());
  Session session;
  for (const size_t begin : {size_t{0}, size_t{kRecordAlignment}, front - kRecordAlignment}) {
    CAPTURE(begin);
    const Status status = session.Open(s.image, options, s.arena.span().subspan(begin, all - begin));
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(std::string(status.where()) == "arena");
    CHECK(!session.is_open());
  }
  CHECK(std::equal(before.begin(), before.end(), s.arena.span().begin()));
  const std::vector<int32_t> ids = TestPrompt(20);
  OpenSession resident(Resident(), options);
  LFM2_REQUIRE_OK(resident.session->Prefill({ids.data(), ids.size()}));
  LFM2_REQUIRE_OK(session.Open(s.image, options, s.rest));
  LFM2_REQUIRE_OK(session.Prefill({ids.data(), ids.size()}));
  CHECK(Logits(session) == Logits(*resident.session));
}

TEST_CASE("the least arena works; one byte less is refused with the number that is needed") {
  const uint64_t least = StreamedPlan(Resident(), OptionsWithArena(1)).least_bytes;
  CHECK(StreamedPlan(Resident(), OptionsWithArena(least)).total_bytes == least);
  StreamedImage s(Resident(), DriveOptions(4, 16 * kBlock), least);
  LFM2_REQUIRE_OK(s.opened);
  Session session;
  const Status budget = session.Open(s.image, OptionsWithArena(least - 1), s.rest);
  CHECK(budget.code() == StatusCode::kArenaTooSmall);
  CHECK(std::string(budget.where()) == "options.arena_bytes");
  CHECK(budget.value() == least - 1);
  CHECK(budget.limit() == least);
  const Status memory = session.Open(s.image, OptionsWithArena(least), s.rest.subspan(0, s.rest.size() - 1));
  CHECK(memory.code() == StatusCode::kArenaTooSmall);
  CHECK(memory.value() == s.rest.size() - 1);
  CHECK(memory.limit() == s.rest.size());
  // Without a budget it is the default that is needed.
  const Status usual = session.Open(s.image, OptionsWithArena(), s.rest);
  CHECK(usual.code() == StatusCode::kArenaTooSmall);
  CHECK(usual.limit() == StreamedPlan(Resident(), OptionsWithArena()).total_bytes - Resident().front_bytes());
  const Status misaligned = session.Open(s.image, OptionsWithArena(least), s.rest.subspan(64, s.rest.size() - 64));
  CHECK(misaligned.code() == StatusCode::kInvalidArgument);
  CHECK(misaligned.limit() == kBlock);
  CHECK(!session.is_open());

  LFM2_REQUIRE_OK(session.Open(s.image, OptionsWithArena(least), s.rest));
  const std::vector<int32_t> ids = TestPrompt(12);
  OpenSession resident(Resident(), OptionsWithArena());
  CHECK(AllLogits(session, ids) == AllLogits(*resident.session, ids));
  CHECK(s.IsClean());
}

TEST_CASE("a budget larger than anything needed takes no more than all experts") {
  const Plan all = StreamedPlan(Resident(), OptionsWithArena(UINT64_MAX));
  CHECK(all.slots.total == 128);
  StreamedSession open(Resident(), DriveOptions(4, 16 * kBlock), OptionsWithArena(UINT64_MAX));
  CHECK(open.streamed.arena.span().size() == all.total_bytes);
  LFM2_REQUIRE_OK(open.session->Decode(1));
}

}  // namespace lfm2::test
