// Keeps one state on a block device across losses of power: two slots, written alternately.
#ifndef LFM2_RUNTIME_STATE_STORE_H_
#define LFM2_RUNTIME_STATE_STORE_H_

#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/runtime/saved_state.h"
#include "lfm2/runtime/session.h"
#include "lfm2/storage/block_storage.h"

namespace lfm2 {

// Save writes to the slot that does not hold the newest state, and writes the block that makes it valid last. After a
// loss of power before or during the write of any block, the device holds the old state or the new one. Owns nothing.
// Can be neither copied nor moved. Not thread-safe.
//
//   lfm2::BlockDevice device;  // read, write and, where needed, erase; first_block and bytes of the partition
//   alignas(512) static std::byte block[512];
//   lfm2::StateStore store;
//   status = store.Open(device, block);
//   if (store.sequence() > 0) status = store.Load(&session);
//   ...
//   status = store.Save(session);
class StateStore {
 public:
  // Writes a state to the sink; reads one from the source.
  using SaveFunction = FunctionRef<Status(StateSink sink)>;
  using LoadFunction = FunctionRef<Status(StateSource source)>;

  constexpr StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  // Reads the headers of both slots; writes nothing. Each half of device.bytes is a slot; where the device has `erase`,
  // a slot is a whole number of its sectors. scratch: one block, aligned to block_bytes, which must outlive the store.
  // Errors: kFailedPrecondition if already open; kInvalidArgument for a field of `device`, or a scratch that is
  // misaligned or too small; kIo where a header cannot be read.
  LFM2_FUNCTION Status Open(const BlockDevice& device, Span<std::byte> scratch);
  // Closing a closed store does nothing. Nothing is written.
  LFM2_FUNCTION void Close();
  bool is_open() const { return device_.read != nullptr; }

  // Number of the newest state, which Load tries first, or of the one saved or loaded last. Each Save increments it. 0:
  // the store is empty.
  uint64_t sequence() const { return slots_[newest_].sequence; }
  // Size in bytes of the largest state that fits. It must be at least SavedStateBytes of the largest state to be saved.
  uint64_t slot_bytes() const { return slot_blocks_ == 0 ? 0 : (slot_blocks_ - 1) * device_.block_bytes; }

  // Saves the state of a session. If it is the first call since Open and there was no Load, it first reads the newest
  // state to check whether that is the one to keep. Errors, after which the previous state is intact:
  // kFailedPrecondition if not open; those of Session::Save; kOutputTooSmall where the state is larger than a slot; kIo
  // for errors of the device.
  LFM2_FUNCTION Status Save(const Session& session, const StateNote& note = StateNote(), bool with_logits = false);
  // Loads the newest state. If that is damaged or cannot be read, loads the one before it, which the next Save then
  // keeps. *damage (may be null) is ok in the first case, and the error of the newest state in the second. Errors,
  // which are those of the newest state: kFailedPrecondition if not open or if the store is empty; those of
  // Session::Load.
  LFM2_FUNCTION Status Load(Session* session, StateNote* note = nullptr, Status* damage = nullptr);

  // The same for any function that writes to a sink or reads from a source, such as Conversation::Save and Load. `load`
  // may be called twice; what it has loaded is valid only if the result is ok.
  LFM2_FUNCTION Status SaveBy(SaveFunction save);
  LFM2_FUNCTION Status LoadBy(LoadFunction load, Status* damage = nullptr);

 private:
  // In the first block of a slot; the state is in the blocks after it.
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
  uint32_t newest_ = 0;      // slot of the newest state: the next Save writes the other one
  bool is_checked_ = false;  // its state has been found intact
};

}  // namespace lfm2

#endif  // LFM2_RUNTIME_STATE_STORE_H_
