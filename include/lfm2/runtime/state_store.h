// A place for one state on a block device that a loss of power cannot spoil: two slots, written in turns.
#ifndef LFM2_RUNTIME_STATE_STORE_H_
#define LFM2_RUNTIME_STATE_STORE_H_

#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/runtime/saved_state.h"
#include "lfm2/runtime/session.h"
#include "lfm2/storage/block_storage.h"

namespace lfm2 {

// Save writes to the slot that does not hold the newest state, and the block that makes it valid last: a loss of power
// before or while any block is written leaves the old state or the new one. Owns nothing. Neither copied nor moved. Not
// thread-safe.
//
//   lfm2::BlockDevice device;  // read, write and, where need be, erase; first_block and bytes of the partition
//   alignas(512) static std::byte block[512];
//   lfm2::StateStore store;
//   status = store.Open(device, block);
//   if (store.sequence() > 0) status = store.Load(&session);
//   ...
//   status = store.Save(session);
class StateStore {
 public:
  using SaveFunction = FunctionRef<Status(StateSink sink)>;
  using LoadFunction = FunctionRef<Status(StateSource source)>;

  constexpr StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  // Looks which states there are; writes nothing. Each half of device.bytes is a slot, where there is `erase` a whole
  // number of its sectors. scratch: one block, aligned to block_bytes, which outlives this. Errors: kFailedPrecondition
  // if open; kInvalidArgument for a field of `device` or a scratch that is misaligned or too small; kIo where a slot
  // cannot be read.
  LFM2_FUNCTION Status Open(const BlockDevice& device, Span<std::byte> scratch);
  // Forgets everything. Closing twice does nothing.
  LFM2_FUNCTION void Close();
  bool is_open() const { return device_.read != nullptr; }

  // The number of the state that Load tries first, or that was saved or loaded last: each Save counts on. 0: none.
  uint64_t sequence() const { return slots_[newest_].sequence; }
  // The size of the largest state that fits: SavedStateBytes of the largest one that will be saved, at least.
  uint64_t slot_bytes() const { return slot_blocks_ == 0 ? 0 : (slot_blocks_ - 1) * device_.block_bytes; }

  // The first one since Open, where there was no Load, reads the newest state to see whether that is the one to keep.
  // Errors, after which the state that was there is there: kFailedPrecondition if not open; Session::Save's;
  // kOutputTooSmall where the state is larger than a slot; kIo for errors of the device.
  LFM2_FUNCTION Status Save(const Session& session, const StateNote& note = StateNote(), bool with_logits = false);
  // Loads the newest state or, where its bytes are damaged or cannot be read, the one before, which the next Save then
  // keeps; *damage (may be null) is ok in the first case and says what was wrong in the second. Errors, those of the
  // newest state: kFailedPrecondition if not open or there is none; Session::Load's.
  LFM2_FUNCTION Status Load(Session* session, StateNote* note = nullptr, Status* damage = nullptr);

  // The same for whatever writes to a sink and reads from a source, such as Conversation::Save and Load. `load` may be
  // called twice; what it has loaded counts only where this is ok.
  LFM2_FUNCTION Status SaveBy(SaveFunction save);
  LFM2_FUNCTION Status LoadBy(LoadFunction load, Status* damage = nullptr);

 private:
  // The first block of a slot begins with it; the state is in the blocks after that.
  struct SlotHeader {
    char magic[8];
    uint64_t sequence;
    uint64_t state_bytes;
    uint32_t state_crc;  // CRC-32C of the state
    uint32_t crc;        // CRC-32C of the fields before
  };
  struct Slot {
    uint64_t sequence = 0;  // 0: nothing valid
    uint64_t bytes = 0;
    uint32_t crc = 0;
  };

  LFM2_FUNCTION Status ReadBlock(uint32_t slot, uint64_t block);
  LFM2_FUNCTION Status WriteBlock(uint32_t slot, uint64_t block);
  LFM2_FUNCTION Status ReadSlotHeader(uint32_t slot);
  LFM2_FUNCTION Status CheckSlot(uint32_t slot);
  LFM2_FUNCTION Status WriteSlot(uint32_t slot, SaveFunction save, Slot* written);
  LFM2_FUNCTION Status LoadSlot(uint32_t slot, LoadFunction load);

  BlockDevice device_;
  std::byte* scratch_ = nullptr;
  uint64_t slot_blocks_ = 0;
  Slot slots_[2];
  uint32_t newest_ = 0;      // the slot that is not written next
  bool is_checked_ = false;  // what it holds is whole
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_STATE_STORE_H_
