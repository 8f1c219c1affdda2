// Definitions of StateStore's functions.
#ifndef LFM2_RUNTIME_STATE_STORE_IMPL_H_
#define LFM2_RUNTIME_STATE_STORE_IMPL_H_

#include <cstring>

#include "lfm2/base/crc32c.h"
#include "lfm2/base/numeric.h"
#include "lfm2/runtime/state_store.h"

namespace lfm2 {

namespace state_store_internal {

inline constexpr char kMagic[8] = {'L', 'F', 'M', '2', 'S', 'L', 'O', 'T'};

// The Status of an error number returned by a driver.
inline Status DeviceError(const char* what, int64_t error, uint64_t block, uint32_t block_bytes) {
  return Status(StatusCode::kIo, "state store", what, static_cast<uint64_t>(Max(error, -error)), block * block_bytes);
}

}  // namespace state_store_internal

LFM2_FUNCTION Status StateStore::Open(const BlockDevice& device, Span<std::byte> scratch) {
  if (is_open()) return Status(StatusCode::kFailedPrecondition, "StateStore::Open", "the store is open already");
  if (device.write == nullptr) return Status(StatusCode::kInvalidArgument, "device.write", "is null");
  LFM2_RETURN_IF_ERROR(CheckBlockDevice(device));
  const uint64_t slot_blocks = device.bytes / device.block_bytes / 2;
  if (slot_blocks < 2) {
    return Status(StatusCode::kInvalidArgument, "device.bytes", "are fewer than four blocks", device.bytes);
  }
  if (scratch.size() < device.block_bytes || reinterpret_cast<uintptr_t>(scratch.data()) % device.block_bytes != 0) {
    return Status(StatusCode::kInvalidArgument, "scratch", "is not a block that is aligned to its size", scratch.size(),
                  device.block_bytes);
  }
  device_ = device;
  scratch_ = scratch.data();
  slot_blocks_ = slot_blocks;
  for (uint32_t slot = 0; slot < 2; ++slot) {
    const Status status = ReadSlotHeader(slot);
    if (!status.ok()) {
      Close();
      return status;
    }
  }
  newest_ = slots_[0].sequence > slots_[1].sequence ? 0 : 1;
  return Status();
}

LFM2_FUNCTION void StateStore::Close() {
  device_ = BlockDevice();
  scratch_ = nullptr;
  slot_blocks_ = 0;
  slots_[0] = slots_[1] = Slot();
  newest_ = 0;
  is_checked_ = false;
}

LFM2_FUNCTION Status StateStore::ReadBlock(uint32_t slot, uint64_t block) {
  block += slot * slot_blocks_;
  const int error = device_.read(device_.context, device_.first_block + block, 1, scratch_);
  if (error == 0) return Status();
  return state_store_internal::DeviceError("cannot be read; error", error, block, device_.block_bytes);
}

LFM2_FUNCTION Status StateStore::WriteBlock(uint32_t slot, uint64_t block) {
  block += slot * slot_blocks_;
  const int error = device_.write(device_.context, device_.first_block + block, 1, scratch_);
  if (error == 0) return Status();
  return state_store_internal::DeviceError("cannot be written; error", error, block, device_.block_bytes);
}

LFM2_FUNCTION Status StateStore::ReadSlotHeader(uint32_t slot) {
  LFM2_RETURN_IF_ERROR(ReadBlock(slot, 0));
  const SlotHeader h = LoadAs<SlotHeader>(scratch_);
  // A header with this sequence was not written by Save, which could not increment it.
  if (std::memcmp(h.magic, state_store_internal::kMagic, sizeof(h.magic)) == 0 && h.sequence != UINT64_MAX &&
      h.crc == Crc32c(0, &h, offsetof(SlotHeader, crc)) && h.state_bytes <= slot_bytes()) {
    slots_[slot] = {h.sequence, h.state_bytes, h.state_crc};
  }
  return Status();
}

// Whether the state of a slot is the one that was saved.
LFM2_FUNCTION Status StateStore::CheckSlot(uint32_t slot) {
  const uint32_t block_bytes = device_.block_bytes;
  uint32_t crc = 0;
  for (uint64_t at = 0; at < slots_[slot].bytes; at += block_bytes) {
    LFM2_RETURN_IF_ERROR(ReadBlock(slot, at / block_bytes + 1));
    crc = Crc32c(crc, scratch_, static_cast<size_t>(Min<uint64_t>(block_bytes, slots_[slot].bytes - at)));
  }
  if (crc == slots_[slot].crc) return Status();
  return Status(StatusCode::kCorrupt, "state store", "has a state that is not the one that was saved: slot", slot);
}

LFM2_FUNCTION Status StateStore::Save(const Session& session, const StateNote& note, bool with_logits) {
  return SaveBy([&](StateSink sink) { return session.Save(sink, note, with_logits); });
}

LFM2_FUNCTION Status StateStore::Load(Session* session, StateNote* note, Status* damage) {
  if (session == nullptr) return Status(StatusCode::kInvalidArgument, "session", "is null");
  bool is_loaded = false;
  const auto load = [&](StateSource source) {
    const Status loaded = session->Load(source, note);
    is_loaded = loaded.ok();
    return loaded;
  };
  const Status status = LoadBy(load, damage);
  if (status.ok() || !is_loaded) return status;
  // The state is valid by itself, but is not the one that was saved.
  session->Reset();
  if (note != nullptr) note->size = 0;
  return status;
}

LFM2_FUNCTION Status StateStore::SaveBy(SaveFunction save) {
  if (!is_open()) return Status(StatusCode::kFailedPrecondition, "StateStore::Save", "the store is not open");
  // A loss of power while a damaged state was being overwritten may have left its header without its state.
  if (!is_checked_ && slots_[1 - newest_].sequence != 0 && !CheckSlot(newest_).ok()) newest_ = 1 - newest_;
  is_checked_ = true;
  const uint32_t slot = 1 - newest_;
  // Larger than both: the sequence of the overwritten slot is not used again.
  const uint64_t sequence = Max(slots_[0].sequence, slots_[1].sequence) + 1;
  slots_[slot] = Slot();
  Slot written;
  LFM2_RETURN_IF_ERROR(WriteSlot(slot, save, &written));
  SlotHeader h{};
  std::memcpy(h.magic, state_store_internal::kMagic, sizeof(h.magic));
  h.sequence = written.sequence = sequence;
  h.state_bytes = written.bytes;
  h.state_crc = written.crc;
  h.crc = Crc32c(0, &h, offsetof(SlotHeader, crc));
  std::memset(scratch_, 0, device_.block_bytes);
  std::memcpy(scratch_, &h, sizeof(h));
  LFM2_RETURN_IF_ERROR(WriteBlock(slot, 0));
  slots_[slot] = written;
  newest_ = slot;
  return Status();
}

// Writes everything except the header of the slot.
LFM2_FUNCTION Status StateStore::WriteSlot(uint32_t slot, SaveFunction save, Slot* written) {
  const uint32_t block_bytes = device_.block_bytes;
  if (device_.erase != nullptr) {
    const uint64_t first = slot * slot_blocks_;
    const int error = device_.erase(device_.context, device_.first_block + first, slot_blocks_);
    if (error != 0) return state_store_internal::DeviceError("cannot be erased; error", error, first, block_bytes);
  }
  uint32_t used = 0;  // bytes in scratch_
  Status status;
  const auto sink = [&](Span<const std::byte> bytes) {
    written->crc = Crc32c(written->crc, bytes.data(), bytes.size());
    for (size_t at = 0; at < bytes.size();) {
      if (written->bytes == slot_bytes()) {
        status = Status(StatusCode::kOutputTooSmall, "state", "is larger than a slot of the store: bytes",
                        written->bytes + bytes.size() - at, slot_bytes());
        return false;
      }
      const size_t count = Min<size_t>(bytes.size() - at, block_bytes - used);
      std::memcpy(scratch_ + used, bytes.data() + at, count);
      at += count;
      used += static_cast<uint32_t>(count);
      written->bytes += count;
      if (used < block_bytes) continue;
      used = 0;
      status = WriteBlock(slot, written->bytes / block_bytes);
      if (!status.ok()) return false;
    }
    return true;
  };
  const Status saved = save(sink);
  if (!status.ok()) return status;
  LFM2_RETURN_IF_ERROR(saved);
  if (used == 0) return Status();
  std::memset(scratch_ + used, 0, block_bytes - used);
  return WriteBlock(slot, written->bytes / block_bytes + 1);
}

LFM2_FUNCTION Status StateStore::LoadBy(LoadFunction load, Status* damage) {
  if (damage != nullptr) *damage = Status();
  if (!is_open()) return Status(StatusCode::kFailedPrecondition, "StateStore::Load", "the store is not open");
  if (sequence() == 0) return Status(StatusCode::kFailedPrecondition, "state store", "holds no state");
  const Status status = LoadSlot(newest_, load);
  is_checked_ = is_checked_ || status.ok();
  const bool is_damaged = status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kIo;
  if (!is_damaged || slots_[1 - newest_].sequence == 0) return status;
  const Status older = LoadSlot(1 - newest_, load);
  if (!older.ok()) return status;
  newest_ = 1 - newest_;
  is_checked_ = true;
  if (damage != nullptr) *damage = status;
  return Status();
}

LFM2_FUNCTION Status StateStore::LoadSlot(uint32_t slot, LoadFunction load) {
  const uint32_t block_bytes = device_.block_bytes;
  const Slot& from = slots_[slot];
  uint64_t at = 0;
  uint32_t crc = 0;
  Status status;
  const auto source = [&](Span<std::byte> bytes) {
    if (bytes.size() > from.bytes - at) return false;
    for (size_t done = 0; done < bytes.size();) {
      const size_t begin = static_cast<size_t>(at % block_bytes);
      if (begin == 0) {
        status = ReadBlock(slot, at / block_bytes + 1);
        if (!status.ok()) return false;
      }
      const size_t count = Min<size_t>(bytes.size() - done, block_bytes - begin);
      std::memcpy(bytes.data() + done, scratch_ + begin, count);
      done += count;
      at += count;
    }
    crc = Crc32c(crc, bytes.data(), bytes.size());
    return true;
  };
  const Status loaded = load(source);
  if (!status.ok()) return status;
  LFM2_RETURN_IF_ERROR(loaded);
  if (at == from.bytes && crc == from.crc) return Status();
  return Status(StatusCode::kCorrupt, "state store", "has a state that is not the one that was saved: slot", slot);
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_STATE_STORE_IMPL_H_
