// Two slots on flash whose power fails: whenever that is, the old state or the new one is there.
#include "lfm2/runtime/state_store.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/simulated_flash.h"

namespace lfm2::test {
namespace {

alignas(kBlockBytes) std::byte scratch[kBlockBytes];

// States of any bytes, as far as the store is concerned: `number` says which.
Bytes StateOf(uint32_t number, size_t bytes) {
  Bytes state(bytes);
  for (size_t i = 0; i < bytes; ++i) state[i] = static_cast<std::byte>(i * (2 * number + 1) + number);
  return state;
}

Status SaveState(StateStore& store, const Bytes& state) {
  return store.SaveBy([&](StateSink sink) {
    // In pieces that fit no block.
    for (size_t at = 0; at < state.size(); at += 333) {
      if (!sink({state.data() + at, std::min<size_t>(333, state.size() - at)})) {
        return Status(StatusCode::kIo, "state", "was not taken");
      }
    }
    return Status();
  });
}

Status LoadState(StateStore& store, size_t bytes, Bytes* state, Status* damage = nullptr) {
  return store.LoadBy(
      [&](StateSource source) {
        state->assign(bytes, std::byte{});
        for (size_t at = 0; at < bytes; at += 777) {
          if (!source({state->data() + at, std::min<size_t>(777, bytes - at)})) {
            return Status(StatusCode::kIo, "state", "is cut short");
          }
        }
        return Status();
      },
      damage);
}

constexpr size_t kStateBytes = 3 * kBlockBytes + 100;  // four blocks, and the header: five writes

// A program that starts, says which state it finds, and saves the next one. Number 0: none.
struct Device {
  Flash flash{12};
  bool with_erase = false;
  bool loads = true;  // else it saves without having loaded

  uint32_t Find() {
    flash.PowerOn();
    StateStore store;
    LFM2_REQUIRE_OK(store.Open(flash.device(with_erase), scratch));
    if (store.sequence() == 0) return 0;
    Bytes state;
    LFM2_REQUIRE_OK(LoadState(store, kStateBytes, &state));
    for (uint32_t number = 1; number < 10; ++number) {
      if (state == StateOf(number, kStateBytes)) return number;
    }
    FAIL("neither the old state nor the new one");
    return 0;
  }
  Status Save(uint32_t number) {
    StateStore store;
    LFM2_RETURN_IF_ERROR(store.Open(flash.device(with_erase), scratch));
    Bytes ignored;
    if (loads && store.sequence() > 0) LFM2_RETURN_IF_ERROR(LoadState(store, kStateBytes, &ignored));
    return SaveState(store, StateOf(number, kStateBytes));
  }
};

// `before` saves, one that is cut, and another one that is cut as well, or not: what is found is the last that was
// saved whole, or the one that was cut.
void Lose(Device device, uint32_t before, uint32_t first, uint32_t bytes, int second, uint32_t second_bytes,
          Torn torn) {
  for (uint32_t i = 1; i <= before; ++i) LFM2_REQUIRE_OK(device.Save(i));
  uint32_t old = before;
  device.flash.FailAt(first, bytes, torn);
  CHECK(!device.Save(before + 1).ok());
  CHECK(device.flash.is_off());
  const uint32_t found = device.Find();
  if (found != old && found != before + 1) FAIL("found " << found);
  if (second < 0) return;
  old = found;
  device.flash.FailAt(static_cast<uint32_t>(second), second_bytes, torn);
  CHECK(!device.Save(before + 2).ok());
  const uint32_t again = device.Find();
  if (again != old && again != before + 2) FAIL("found " << again);
  LFM2_REQUIRE_OK(device.Save(before + 3));
  CHECK(device.Find() == before + 3);
}

constexpr Torn kEveryTorn[] = {Torn::kOldBytes, Torn::kErased, Torn::kNoise};

}  // namespace

TEST_CASE("power lost at any byte of any write leaves the old state or the new one") {
  for (const bool with_erase : {false, true}) {
    Device device;
    device.with_erase = with_erase;
    LFM2_REQUIRE_OK(device.Save(1));
    const uint32_t writes = device.flash.writes();
    CHECK(writes == (with_erase ? 6 : 5));
    for (uint32_t before = 0; before < 4; ++before) {
      for (uint32_t write = 0; write < writes; ++write) {
        for (uint32_t bytes = 0; bytes <= kBlockBytes; ++bytes) {
          for (const Torn torn : kEveryTorn) {
            Device fresh;
            fresh.with_erase = with_erase;
            Lose(fresh, before, write, bytes, -1, 0, torn);
          }
        }
      }
    }
  }
}

TEST_CASE("power lost at any pair of writes leaves the old state or the new one, whether or not it is loaded between") {
  for (const bool with_erase : {false, true}) {
    const uint32_t writes = with_erase ? 6 : 5;
    for (const bool loads : {true, false}) {
      for (uint32_t before = 0; before < 4; ++before) {
        for (uint32_t first = 0; first < writes; ++first) {
          for (uint32_t second = 0; second < writes; ++second) {
            for (const uint32_t bytes : {0u, 1u, 8u, 20u, 35u, 39u, 40u, 100u, 511u, 512u}) {
              for (const uint32_t second_bytes : {0u, 9u, 40u, 511u}) {
                for (const Torn torn : kEveryTorn) {
                  Device fresh;
                  fresh.with_erase = with_erase;
                  fresh.loads = loads;
                  Lose(fresh, before, first, bytes, static_cast<int>(second), second_bytes, torn);
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("where the newest state is damaged the older one is loaded, which is said, and the next Save keeps it") {
  for (size_t at = kBlockBytes; at < kBlockBytes + kStateBytes; at += 50) {
    Device device;
    for (uint32_t i = 1; i <= 3; ++i) LFM2_REQUIRE_OK(device.Save(i));
    device.flash.bytes()[at] ^= std::byte{4};  // of the first slot: 1, then 3
    StateStore store;
    LFM2_REQUIRE_OK(store.Open(device.flash.device(), scratch));
    CHECK(store.sequence() == 3);
    Bytes state;
    Status damage;
    LFM2_REQUIRE_OK(LoadState(store, kStateBytes, &state, &damage));
    CHECK(state == StateOf(2, kStateBytes));
    CHECK(damage.code() == StatusCode::kCorrupt);
    CHECK(std::string(damage.where()) == "state store");
    CHECK(store.sequence() == 2);
    // Power is lost in the middle of the next Save, and in that of a program that does not load first.
    for (const bool loads : {true, false}) {
      device.flash.FailAt(2, 77, Torn::kOldBytes);
      if (loads) {
        CHECK(!SaveState(store, StateOf(4, kStateBytes)).ok());
      } else {
        device.loads = false;
        CHECK(!device.Save(4).ok());
      }
      CHECK(device.Find() == 2);
    }
    LFM2_REQUIRE_OK(device.Save(5));
    CHECK(device.Find() == 5);
  }
}

TEST_CASE("a slot that cannot be read is as one that is damaged; with both gone the newest one's error is returned") {
  Device device;
  for (uint32_t i = 1; i <= 2; ++i) LFM2_REQUIRE_OK(device.Save(i));
  StateStore store;
  LFM2_REQUIRE_OK(store.Open(device.flash.device(), scratch));
  device.flash.BreakReads(8, 9);  // of the second slot, blocks 6 to 11
  Bytes state;
  Status damage;
  LFM2_REQUIRE_OK(LoadState(store, kStateBytes, &state, &damage));
  CHECK(state == StateOf(1, kStateBytes));
  CHECK(damage.code() == StatusCode::kIo);
  CHECK(damage.value() == 5);
  CHECK(damage.offset() == 8 * kBlockBytes);
  store.Close();
  device.flash.bytes()[2 * kBlockBytes] ^= std::byte{1};
  LFM2_REQUIRE_OK(store.Open(device.flash.device(), scratch));
  CHECK(LoadState(store, kStateBytes, &state, &damage).code() == StatusCode::kIo);
  CHECK(damage.ok());
}

TEST_CASE("a header that came to the drive before its state is not believed") {
  Device device;
  for (uint32_t i = 1; i <= 3; ++i) LFM2_REQUIRE_OK(device.Save(i));
  const Bytes before = device.flash.bytes();
  LFM2_REQUIRE_OK(device.Save(4));
  // The drive has lost the state, but not the header, of the second slot, where an older state is whole.
  std::copy(before.begin() + 7 * kBlockBytes, before.end(), device.flash.bytes().begin() + 7 * kBlockBytes);
  CHECK(device.Find() == 3);
}

TEST_CASE("a driver that says no ends in kIo with its number, and the state that was there is there") {
  Device device;
  LFM2_REQUIRE_OK(device.Save(1));
  StateStore store;
  LFM2_REQUIRE_OK(store.Open(device.flash.device(), scratch));
  device.flash.write_error = -7;  // and yet it has written the block
  for (int i = 0; i < 3; ++i) {
    const Status status = SaveState(store, StateOf(2, kStateBytes));
    CHECK(status.code() == StatusCode::kIo);
    CHECK(status.value() == 7);
  }
  CHECK(store.sequence() == 1);
  CHECK(device.Find() == 1);
  device.flash.write_error = 0;
  LFM2_REQUIRE_OK(SaveState(store, StateOf(3, kStateBytes)));
  CHECK(device.Find() == 3);
}

TEST_CASE("a state may be as large as a slot, and one byte more is refused") {
  Flash flash(12);
  StateStore store;
  LFM2_REQUIRE_OK(store.Open(flash.device(), scratch));
  CHECK(store.slot_bytes() == 5 * kBlockBytes);
  LFM2_REQUIRE_OK(SaveState(store, StateOf(1, 5 * kBlockBytes)));
  const Status status = SaveState(store, StateOf(2, 5 * kBlockBytes + 1));
  CHECK(status.code() == StatusCode::kOutputTooSmall);
  CHECK(status.limit() == 5 * kBlockBytes);
  Bytes state;
  LFM2_REQUIRE_OK(LoadState(store, 5 * kBlockBytes, &state));
  CHECK(state == StateOf(1, 5 * kBlockBytes));
  // One that says to be longer than the slot was not written here.
  CHECK(LoadState(store, 5 * kBlockBytes + 1, &state).code() == StatusCode::kIo);
}

TEST_CASE("bad arguments, and calls at the wrong time, are refused") {
  Flash flash(12);
  StateStore store;
  Bytes state;
  CHECK(SaveState(store, {}).code() == StatusCode::kFailedPrecondition);
  CHECK(LoadState(store, 1, &state).code() == StatusCode::kFailedPrecondition);
  const auto opened = [&](const BlockDevice& device, Span<std::byte> block) {
    const Status status = store.Open(device, block);
    store.Close();
    return status.code();
  };
  BlockDevice device = flash.device();
  CHECK(opened(device, {scratch, kBlockBytes - 1}) == StatusCode::kInvalidArgument);
  alignas(kBlockBytes) static std::byte larger[2 * kBlockBytes];
  CHECK(opened(device, {larger + 8, kBlockBytes}) == StatusCode::kInvalidArgument);
  device.write = nullptr;
  CHECK(opened(device, scratch) == StatusCode::kInvalidArgument);
  device = flash.device();
  device.read = nullptr;
  CHECK(opened(device, scratch) == StatusCode::kInvalidArgument);
  device = flash.device();
  device.bytes = 4 * kBlockBytes - 1;
  CHECK(opened(device, scratch) == StatusCode::kInvalidArgument);
  device.bytes = 4 * kBlockBytes;
  CHECK(opened(device, scratch) == StatusCode::kOk);
  LFM2_REQUIRE_OK(store.Open(device, scratch));
  CHECK(store.Open(device, scratch).code() == StatusCode::kFailedPrecondition);
  CHECK(LoadState(store, 1, &state).code() == StatusCode::kFailedPrecondition);  // there is none
  store.Close();
  flash.BreakReads(2, 3);  // the second slot's first block
  CHECK(store.Open(device, scratch).code() == StatusCode::kIo);
  CHECK(!store.is_open());
}

TEST_CASE("forged headers of the store are not states") {
  struct Header {
    char magic[8];
    uint64_t sequence, bytes;
    uint32_t state_crc, crc;
  };
  Device device;
  LFM2_REQUIRE_OK(device.Save(1));
  const auto found = [&](uint64_t sequence, uint64_t bytes) {
    Header h{{'L', 'F', 'M', '2', 'S', 'L', 'O', 'T'}, sequence, bytes, 0, 0};
    h.crc = Crc32c(0, &h, offsetof(Header, crc));
    std::memcpy(device.flash.bytes().data() + 6 * kBlockBytes, &h, sizeof(h));
    StateStore store;
    LFM2_REQUIRE_OK(store.Open(device.flash.device(), scratch));
    return store.sequence();
  };
  CHECK(found(7, 100) == 7);
  CHECK(found(UINT64_MAX, 100) == 1);
  CHECK(found(0, 100) == 1);
  CHECK(found(7, 5 * kBlockBytes + 1) == 1);
  CHECK(found(7, UINT64_MAX) == 1);
  found(7, 5 * kBlockBytes);
  CHECK(device.Find() == 1);
}

TEST_CASE("a session that is saved to flash continues after the power was lost") {
  const auto options = [] {
    SessionOptions o;
    o.context_length = 64;
    return o;
  }();
  const uint64_t slot = SavedStateBytes(Home().config(), options, 64, true, StateNote::kCapacity);
  Flash flash(static_cast<uint32_t>(2 * (slot / kBlockBytes + 2)));
  OpenSession open(Home().image(), options);
  const int32_t ids[] = {1, 30, 20, 10, 40, 50};
  StateNote note;
  note.size = 1;
  note.data[0] = std::byte{42};
  {
    StateStore store;
    LFM2_REQUIRE_OK(store.Open(flash.device(), scratch));
    LFM2_REQUIRE_OK(open.session->Prefill({ids, 3}));
    LFM2_REQUIRE_OK(store.Save(*open.session, note, true));
    LFM2_REQUIRE_OK(open.session->Prefill({ids + 3, 3}));
    flash.FailAt(20, 100, Torn::kNoise);
    CHECK(store.Save(*open.session).code() == StatusCode::kIo);
  }
  flash.PowerOn();
  StateStore store;
  LFM2_REQUIRE_OK(store.Open(flash.device(), scratch));
  CHECK(store.sequence() == 1);
  OpenSession second(Home().image(), options);
  StateNote found;
  LFM2_REQUIRE_OK(store.Load(second.session.get(), &found));
  CHECK(found.size == 1);
  CHECK(found.data[0] == std::byte{42});
  CHECK(second.session->position() == 3);
  CHECK(!second.session->logits().empty());
  LFM2_REQUIRE_OK(second.session->Prefill({ids + 3, 3}));
  CHECK(Saved(*second.session, note, true) == Saved(*open.session, note, true));
  // A state of another model is refused as such, and not taken for damage.
  const TestModel dense(std::string(LFM2_TEST_DATA) + "/gguf/dense-256-Q4_0.gguf");
  OpenSession other(dense.image(), options);
  CHECK(store.Load(other.session.get()).code() == StatusCode::kInvalidArgument);
  // Damage of the only state there is: nothing of it stays.
  flash.bytes()[3 * kBlockBytes] ^= std::byte{1};
  CHECK(store.Load(second.session.get()).code() == StatusCode::kCorrupt);
  CHECK(second.session->position() == 0);
}

TEST_CASE("nothing stays in a session of a state that is whole and not the one that was saved") {
  SessionOptions options;
  options.context_length = 64;
  const uint64_t slot = SavedStateBytes(Home().config(), options, 64) / kBlockBytes + 2;
  Flash flash(static_cast<uint32_t>(2 * slot));
  OpenSession open(Home().image(), options);
  LFM2_REQUIRE_OK(open.session->Decode(5));
  StateStore store;
  LFM2_REQUIRE_OK(store.Open(flash.device(), scratch));
  LFM2_REQUIRE_OK(store.Save(*open.session));
  LFM2_REQUIRE_OK(store.Save(*open.session));
  // The older one has a header that says more bytes, and the newest one cannot be read.
  const uint64_t longer = LoadAs<uint64_t>(flash.bytes().data() + 16) + 1;
  std::memcpy(flash.bytes().data() + 16, &longer, sizeof(longer));
  const uint32_t crc = Crc32c(0, flash.bytes().data(), 28);
  std::memcpy(flash.bytes().data() + 28, &crc, sizeof(crc));
  flash.BreakReads(slot + 1, slot + 2);
  store.Close();
  LFM2_REQUIRE_OK(store.Open(flash.device(), scratch));
  StateNote note;
  note.size = 9;
  CHECK(store.Load(open.session.get(), &note).code() == StatusCode::kIo);
  CHECK(open.session->position() == 0);
  CHECK(note.size == 0);
}

}  // namespace lfm2::test
