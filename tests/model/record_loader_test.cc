// Loads of records from a drive: all bytes of each, in whatever order the drive answers, or a Status that states which
// record failed, where and why.
#include "lfm2/model/record_loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "tests/model/streamed_image.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kSlots = 6, kGuessedReads = 4;

// A loader with some slots for records of the home model: 4 layers of 32 experts, 7 blocks each.
struct Loading {
  Loading(const SimulatedDeviceOptions& options, uint32_t retries)
      : streamed(Home().image(), options,
                 Home().image().front_bytes() + kSlots * Home().image().record_layer(0).stride),
        statistics(Home().config().moe_layers()) {
    LFM2_REQUIRE_OK(streamed.opened);
    loader.Bind(streamed.image, retries, statistics.data());
    reads_before = streamed.watched.reads();
  }
  ~Loading() {
    CHECK(streamed.watched.mistakes() == "");
    CHECK(streamed.IsClean());
  }

  const Image& image() const { return Home().image(); }
  uint32_t stride() const { return static_cast<uint32_t>(image().record_layer(0).stride); }
  uint64_t OffsetOf(uint32_t moe_layer, uint32_t expert) const {
    return image().record_layer(moe_layer).offset + expert * image().record_layer(moe_layer).stride;
  }
  std::byte* Memory(uint32_t slot) { return streamed.rest.data() + size_t{slot} * stride(); }
  RecordLoad Load(uint32_t moe_layer, uint32_t expert, uint32_t slot, bool ahead = false) {
    return {moe_layer, expert, slot, Memory(slot), ahead, false};
  }
  bool IsThere(const RecordLoad& load) {
    const size_t bytes = static_cast<size_t>(image().record_layer(load.moe_layer).bytes);
    return std::memcmp(load.memory, image().Record(load.moe_layer, load.expert), bytes) == 0;
  }
  Status Collect(RecordLoad* done, bool* found) { return loader.Collect(true, 0, kGuessedReads, done, found); }
  // Loads one record.
  Status Read(uint32_t moe_layer, uint32_t expert) {
    loader.Start(Load(moe_layer, expert, 0));
    LFM2_RETURN_IF_ERROR(loader.Submit(kGuessedReads));
    RecordLoad done;
    bool found = false;
    LFM2_RETURN_IF_ERROR(Collect(&done, &found));
    CHECK(found);
    CHECK(IsThere(done));
    CHECK(done.expert == expert);
    return Status();
  }

  StreamedImage streamed;
  std::vector<StreamStatistics> statistics;
  RecordLoader loader;
  uint64_t reads_before = 0;
};

uint32_t Number(uint32_t moe_layer, uint32_t expert) { return moe_layer * 32 + expert; }

}  // namespace

TEST_CASE("every requested record arrives once and whole, with pieces of any size and any number of reads") {
  for (const uint32_t capacity : {1u, 2u, 5u, 64u}) {
    for (const uint32_t piece_blocks : {1u, 2u, 4u, 7u, 256u}) {
      CAPTURE(capacity);
      CAPTURE(piece_blocks);
      Loading l(DriveOptions(capacity, piece_blocks * kBlock, capacity), 0);
      std::set<uint32_t> waiting;
      for (uint32_t i = 0; i < kSlots; ++i) {
        l.loader.Start(l.Load(i % 4, 5 * i, i));
        waiting.insert(Number(i % 4, 5 * i));
      }
      CHECK(l.loader.loads() == kSlots);
      CHECK(l.loader.wanted() == kSlots);
      LFM2_REQUIRE_OK(l.loader.Submit(kGuessedReads));
      const uint32_t pieces = (7 + piece_blocks - 1) / piece_blocks;
      CHECK(l.streamed.watched.under_way() == std::min(capacity, kSlots * pieces));
      for (uint32_t i = kSlots; i > 0; --i) {
        RecordLoad done;
        bool found = false;
        LFM2_REQUIRE_OK(l.Collect(&done, &found));
        REQUIRE(found);
        CHECK(waiting.erase(Number(done.moe_layer, done.expert)) == 1);
        CHECK(done.memory == l.Memory(done.slot));
        CHECK(l.IsThere(done));
        CHECK(l.loader.loads() == i - 1);
        LFM2_REQUIRE_OK(l.loader.Submit(kGuessedReads));
      }
      RecordLoad done;
      bool found = true;
      LFM2_REQUIRE_OK(l.Collect(&done, &found));
      CHECK(!found);
      CHECK(l.streamed.watched.under_way() == 0);
      CHECK(l.streamed.watched.reads() == l.reads_before + kSlots * pieces);
      uint64_t bytes = 0;
      for (const StreamStatistics& s : l.statistics) bytes += s.bytes;
      CHECK(bytes == kSlots * l.stride());
      CHECK(l.statistics[1].bytes == 2 * l.stride());
      CHECK(l.statistics[3].bytes == l.stride());
    }
  }
}

TEST_CASE("gate and up are requested before down, and an older record before a younger one") {
  Loading l(DriveOptions(64, kBlock), 0);
  const size_t before = l.streamed.watched.offsets().size();
  for (uint32_t i = 0; i < 3; ++i) l.loader.Start(l.Load(2, 20 - i, i));
  LFM2_REQUIRE_OK(l.loader.Submit(kGuessedReads));
  std::vector<uint64_t> want;
  for (uint32_t i = 0; i < 3; ++i) {
    for (uint32_t p = 0; p < 7; ++p) want.push_back(l.OffsetOf(2, 20 - i) + p * kBlock);
  }
  const std::vector<uint64_t>& offsets = l.streamed.watched.offsets();
  CHECK(std::vector<uint64_t>(offsets.begin() + static_cast<std::ptrdiff_t>(before), offsets.end()) == want);
  LFM2_REQUIRE_OK(l.loader.Drain());
}

TEST_CASE("a read that fails is repeated read_retries times, and then names record, byte and cause") {
  for (const uint32_t retries : {0u, 1u, 2u, 5u}) {
    for (uint32_t failures = 0; failures <= retries + 1; ++failures) {
      for (const uint32_t piece : {0u, 3u, 6u}) {
        CAPTURE(retries);
        CAPTURE(failures);
        CAPTURE(piece);
        Loading l(DriveOptions(3, kBlock), retries);
        const uint64_t at = l.OffsetOf(1, 9) + piece * kBlock;
        l.streamed.drive.FailAt(at, Fault::kIoError, failures);
        const Status status = l.Read(1, 9);
        CHECK(l.statistics[1].retries == std::min(failures, retries));
        if (failures <= retries) {
          LFM2_REQUIRE_OK(status);
          CHECK(l.streamed.watched.reads() == l.reads_before + 7 + failures);
          CHECK(l.statistics[1].bytes == (7 + failures) * kBlock);
          continue;
        }
        CHECK(status.code() == StatusCode::kIo);
        CHECK(status.index() == Number(1, 9));
        CHECK(status.offset() == at);
        CHECK(status.value() == kSimulatedIoError);
        LFM2_REQUIRE_OK(l.loader.Drain());
        CHECK(l.streamed.watched.under_way() == 0);
        CHECK(l.loader.loads() == 0);
        LFM2_REQUIRE_OK(l.Read(1, 9));
      }
    }
  }
}

TEST_CASE("no record with a wrong byte is ever returned: it is read again, and then refused") {
  for (const uint32_t retries : {0u, 1u, 3u}) {
    for (uint32_t failures = 1; failures <= retries + 1; ++failures) {
      for (const uint32_t piece : {0u, 5u}) {
        CAPTURE(retries);
        CAPTURE(failures);
        Loading l(DriveOptions(4, kBlock, failures + piece), retries);
        l.streamed.drive.FailAt(l.OffsetOf(3, 31) + piece * kBlock, Fault::kBadBits, failures);
        const Status status = l.Read(3, 31);
        CHECK(l.statistics[3].retries == std::min(failures, retries));
        if (failures <= retries) {
          LFM2_REQUIRE_OK(status);
          continue;
        }
        CHECK(status.code() == StatusCode::kCorrupt);
        CHECK(status.index() == Number(3, 31));
        LFM2_REQUIRE_OK(l.loader.Drain());
        LFM2_REQUIRE_OK(l.Read(3, 31));
      }
    }
  }
}

TEST_CASE("bytes after the end of a record are not part of it, whatever they are") {
  Loading l(DriveOptions(4, 256 * kBlock), 0);
  REQUIRE(l.image().record_layer(0).bytes < l.stride());
  LFM2_REQUIRE_OK(l.Read(0, 0));
  std::memset(l.Memory(0) + l.image().record_layer(0).bytes, 0x5a, 16);
  LFM2_REQUIRE_OK(l.Read(0, 1));
}

TEST_CASE("a drive that does not answer is a timeout with the record's number, and can be waited for again") {
  Loading l(DriveOptions(2, 256 * kBlock, 3), 2);
  l.streamed.drive.FailAt(l.OffsetOf(2, 4), Fault::kTimeout);
  const Status status = l.Read(2, 4);
  CHECK(status.code() == StatusCode::kTimeout);
  CHECK(status.index() == Number(2, 4));
  CHECK(status.offset() == l.OffsetOf(2, 4));
  CHECK(l.statistics[2].retries == 0);
  while (!l.loader.Drain().ok()) CHECK(l.streamed.watched.under_way() == 1);
  CHECK(l.streamed.watched.under_way() == 0);
  LFM2_REQUIRE_OK(l.Read(2, 4));
}

TEST_CASE("guesses come after needed records, a few reads at a time, until they are needed themselves") {
  Loading l(DriveOptions(8, kBlock), 0);
  const size_t before = l.streamed.watched.offsets().size();
  l.loader.Start(l.Load(1, 3, 0, true));
  LFM2_REQUIRE_OK(l.loader.Submit(2));
  CHECK(l.streamed.watched.under_way() == 2);
  CHECK(l.loader.wanted() == 0);
  CHECK(l.loader.Finds(1, 3));
  CHECK(!l.loader.Finds(1, 4));
  CHECK(!l.loader.Finds(0, 3));
  l.loader.Start(l.Load(0, 7, 1));
  LFM2_REQUIRE_OK(l.loader.Submit(2));
  CHECK(l.streamed.watched.under_way() == 8);
  for (size_t i = 0; i < 8; ++i) {
    CHECK((l.streamed.watched.offsets()[before + i] >= l.OffsetOf(1, 0)) == (i < 2));
  }
  CHECK(!l.loader.Want(1, 4));
  CHECK(l.loader.Want(1, 3));
  CHECK(!l.loader.Want(1, 3));
  CHECK(l.loader.wanted() == 2);
  std::set<uint32_t> came;
  for (int i = 0; i < 2; ++i) {
    RecordLoad done;
    bool found = false;
    LFM2_REQUIRE_OK(l.loader.Collect(true, 0, 2, &done, &found));
    REQUIRE(found);
    CHECK(l.IsThere(done));
    CHECK(!done.dropped);
    came.insert(done.expert);
  }
  CHECK(came == std::set<uint32_t>{3, 7});
}

TEST_CASE("a wrong guess is read no further, and its memory is free after the drive's last read of it") {
  Loading l(DriveOptions(8, kBlock), 0);
  l.loader.Start(l.Load(1, 3, 4, true));
  LFM2_REQUIRE_OK(l.loader.Submit(2));
  l.loader.DropGuesses();
  CHECK(!l.loader.Finds(1, 3));
  CHECK(!l.loader.Want(1, 3));
  CHECK(l.statistics[1].wasted == 2 * kBlock);
  RecordLoad done;
  bool found = false;
  LFM2_REQUIRE_OK(l.loader.Collect(true, 0, 2, &done, &found));
  REQUIRE(found);
  CHECK(done.dropped);
  CHECK(done.slot == 4);
  CHECK(l.streamed.watched.under_way() == 0);
  CHECK(l.loader.loads() == 0);
  CHECK(l.statistics[1].bytes == 2 * kBlock);
}

TEST_CASE("a guess that cannot be read is an error only when it is needed") {
  for (const Fault fault : {Fault::kIoError, Fault::kBadBits}) {
    Loading l(DriveOptions(8, kBlock), 1);
    l.streamed.drive.FailAt(l.OffsetOf(2, 3), fault, UINT32_MAX);
    l.loader.Start(l.Load(2, 3, 5, true));
    LFM2_REQUIRE_OK(l.loader.Submit(kGuessedReads));
    RecordLoad done;
    bool found = false;
    LFM2_REQUIRE_OK(l.Collect(&done, &found));
    REQUIRE(found);
    CHECK(done.dropped);
    CHECK(l.loader.loads() == 0);
    const Status status = l.Read(2, 3);
    CHECK(status.index() == Number(2, 3));
    CHECK(status.code() == (fault == Fault::kIoError ? StatusCode::kIo : StatusCode::kCorrupt));
    LFM2_REQUIRE_OK(l.loader.Drain());
  }
}

}  // namespace lfm2::test
