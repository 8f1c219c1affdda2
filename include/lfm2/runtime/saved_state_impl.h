// Definitions of Session's functions that copy, save and load its state.
#ifndef LFM2_RUNTIME_SAVED_STATE_IMPL_H_
#define LFM2_RUNTIME_SAVED_STATE_IMPL_H_

#include <cstring>

#include "lfm2/base/crc32c.h"
#include "lfm2/runtime/saved_state.h"
#include "lfm2/runtime/session.h"

namespace lfm2 {

namespace saved_state_internal {

// Names of the parts, for the Status of an error.
inline constexpr const char kHeader[] = "saved state, header";
inline constexpr const char kNote[] = "saved state, note";
inline constexpr const char kTokens[] = "saved state, tokens";
inline constexpr const char kConvolutions[] = "saved state, convolutions";
inline constexpr const char kKeysAndValues[] = "saved state, keys and values of attention layer";
inline constexpr const char kLogits[] = "saved state, logits";

// Bytes of the buffer in which small pieces are collected.
inline constexpr size_t kStagedBytes = 256;

// Writes one part after another. Does nothing after the sink has returned false.
class Writer {
 public:
  explicit Writer(StateSink sink) : sink_(sink) {}

  void Put(const void* data, size_t bytes) {
    crc_ = Crc32c(crc_, data, bytes);
    if (staged_ + bytes > kStagedBytes) Flush();
    if (bytes > kStagedBytes) {
      is_taken_ = is_taken_ && sink_({static_cast<const std::byte*>(data), bytes});
    } else if (bytes > 0) {
      std::memcpy(buffer_ + staged_, data, bytes);
      staged_ += bytes;
    }
  }
  void EndPart() {
    const uint32_t crc = crc_;
    Put(&crc, sizeof(crc));
    crc_ = 0;
  }
  // Whether the sink has accepted everything.
  bool End() {
    Flush();
    return is_taken_;
  }

 private:
  void Flush() {
    if (staged_ > 0) is_taken_ = is_taken_ && sink_({buffer_, staged_});
    staged_ = 0;
  }

  StateSink sink_;
  size_t staged_ = 0;
  uint32_t crc_ = 0;
  bool is_taken_ = true;
  std::byte buffer_[kStagedBytes];
};

// Reads one part after another, and never past the end of a part. Does nothing after an error.
class Reader {
 public:
  explicit Reader(StateSource source) : source_(source) {}

  // bytes: size of the part without its CRC.
  void Begin(const char* part, uint64_t bytes, uint32_t index = Status::kNoIndex) {
    part_ = part;
    index_ = index;
    left_ = bytes + sizeof(crc_);
    crc_ = 0;
  }

  void Get(void* to, size_t bytes) {
    std::byte* at = static_cast<std::byte*>(to);
    for (size_t wanted = bytes; wanted > 0 && status_.ok();) {
      if (begin_ == end_ && wanted >= kStagedBytes) {
        Read({at, wanted});
        break;
      }
      if (begin_ == end_) {
        begin_ = 0;
        end_ = static_cast<size_t>(Min<uint64_t>(kStagedBytes, left_));
        Read({buffer_, end_});
      }
      const size_t count = Min(wanted, end_ - begin_);
      std::memcpy(at, buffer_ + begin_, count);
      begin_ += count;
      at += count;
      wanted -= count;
    }
    if (status_.ok()) crc_ = Crc32c(crc_, to, bytes);
  }
  void EndPart() {
    const uint32_t found = crc_;
    uint32_t wanted = 0;
    Get(&wanted, sizeof(wanted));
    if (wanted != found) Fail(StatusCode::kCorrupt, "has the wrong CRC-32C");
  }
  void Fail(StatusCode code, const char* what) {
    if (status_.ok()) status_ = Status(code, part_, what).At(index_);
  }
  Status status() const { return status_; }

 private:
  void Read(Span<std::byte> to) {
    if (!source_(to)) Fail(StatusCode::kIo, "cannot be read, or is cut short");
    left_ -= to.size();
  }

  StateSource source_;
  const char* part_ = "";
  uint64_t left_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint32_t index_ = Status::kNoIndex;
  uint32_t crc_ = 0;
  Status status_;
  std::byte buffer_[kStagedBytes];
};

// Calls move(data, bytes) for everything that one attention layer holds of the first `positions` positions, in the
// order of a saved state. Of a key block that is not full only the lanes in use are included; the others are undefined.
inline void ForKeysAndValues(const KvCache& kv, uint32_t kv_heads, uint32_t positions,
                             FunctionRef<void(void* data, size_t bytes)> move) {
  const size_t element_bytes = BytesOf(kv.type);
  const size_t row_bytes = kv.head_dim * element_bytes;
  const size_t rest = positions % kKeyBlock;
  const auto heads = [&](void* data, size_t position_bytes, size_t count, size_t lanes) {
    for (size_t head = 0; head < kv_heads; ++head) {
      std::byte* at = static_cast<std::byte*>(data) + head * kv.capacity * position_bytes;
      if (count > 0) move(at, count * position_bytes);
      at += count * position_bytes;
      for (size_t dim = 0; lanes > 0 && dim < kv.head_dim; ++dim) {
        move(at + dim * kKeyBlock * element_bytes, lanes * element_bytes);
      }
    }
  };
  heads(kv.keys, row_bytes, positions - rest, rest);
  if (kv.key_scales != nullptr) heads(kv.key_scales, sizeof(float), positions, 0);
  heads(kv.values, row_bytes, positions, 0);
  if (kv.value_scales != nullptr) heads(kv.value_scales, sizeof(float), positions, 0);
}

// Copies the same from one cache to another of a different capacity, in whole blocks of keys.
inline void CopyKeysAndValues(const KvCache& from, const KvCache& to, uint32_t kv_heads, uint32_t positions) {
  const auto heads = [&](const void* source, void* target, size_t position_bytes, size_t count) {
    for (size_t head = 0; head < kv_heads; ++head) {
      std::memcpy(static_cast<std::byte*>(target) + head * to.capacity * position_bytes,
                  static_cast<const std::byte*>(source) + head * from.capacity * position_bytes,
                  count * position_bytes);
    }
  };
  const size_t row_bytes = size_t{from.head_dim} * BytesOf(from.type);
  heads(from.keys, to.keys, row_bytes, RoundUp(positions, kKeyBlock));
  heads(from.values, to.values, row_bytes, positions);
  if (from.key_scales == nullptr) return;
  heads(from.key_scales, to.key_scales, sizeof(float), positions);
  heads(from.value_scales, to.value_scales, sizeof(float), positions);
}

}  // namespace saved_state_internal

LFM2_FUNCTION Status ReadSavedStateHeader(Span<const std::byte> bytes, SavedStateHeader* header) {
  const char* const where = saved_state_internal::kHeader;
  SavedStateHeader h;
  if (bytes.size() < sizeof(h))
    return Status(StatusCode::kCorrupt, where, "is cut short: bytes", bytes.size(), sizeof(h));
  std::memcpy(&h, bytes.data(), sizeof(h));
  if (std::memcmp(h.magic, kSavedStateMagic, sizeof(h.magic)) != 0) {
    return Status(StatusCode::kCorrupt, where, "is not that of a saved state");
  }
  if (h.version != kSavedStateVersion) {
    return Status(StatusCode::kUnsupported, where, "has another version; compute the sequence again", h.version,
                  kSavedStateVersion);
  }
  if (Crc32c(0, &h, offsetof(SavedStateHeader, crc)) != h.crc) {
    return Status(StatusCode::kCorrupt, where, "has the wrong CRC-32C");
  }
  if (h.header_bytes != sizeof(h)) {
    return Status(StatusCode::kCorrupt, where, "has another size", h.header_bytes, sizeof(h));
  }
  if ((h.flags & ~kSavedStateHasLogits) != 0) {
    return Status(StatusCode::kUnsupported, where, "has unknown flags", h.flags);
  }
  if (h.note_bytes > StateNote::kCapacity) {
    return Status(StatusCode::kCorrupt, where, "has too long a note", h.note_bytes, StateNote::kCapacity);
  }
  *header = h;
  return Status();
}

LFM2_FUNCTION SavedStateHeader Session::HeaderOfState(uint32_t position, uint32_t note_bytes, bool with_logits) const {
  const ModelConfig& c = config();
  SavedStateHeader h{};
  std::memcpy(h.magic, kSavedStateMagic, sizeof(h.magic));
  h.version = kSavedStateVersion;
  h.header_bytes = sizeof(h);
  h.total_bytes = SavedStateBytes(c, options_, position, with_logits, note_bytes);
  h.model = image_->fingerprint();
  h.position = position;
  h.vocab_size = c.vocab_size;
  h.hidden_size = c.hidden_size;
  h.attention_layers = c.attention_layers();
  h.kv_heads = c.kv_heads;
  h.head_dim = c.head_dim;
  h.conv_floats = static_cast<uint32_t>(memory_.state.conv_state().size());
  h.note_bytes = static_cast<uint16_t>(note_bytes);
  h.kv_cache = static_cast<uint8_t>(options_.kv_cache);
  h.flags = with_logits ? kSavedStateHasLogits : 0;
  h.crc = Crc32c(0, &h, offsetof(SavedStateHeader, crc));
  return h;
}

// Whether this session could be in a state with this header.
LFM2_FUNCTION Status Session::CheckHeader(const SavedStateHeader& header, const char* where) const {
  const SavedStateHeader own = HeaderOfState(header.position, header.note_bytes, header.flags != 0);
  constexpr size_t kShape = offsetof(SavedStateHeader, vocab_size);
  if (header.model != own.model ||
      std::memcmp(&header.vocab_size, &own.vocab_size, offsetof(SavedStateHeader, note_bytes) - kShape) != 0) {
    return Status(StatusCode::kInvalidArgument, where, "is of another model");
  }
  if (header.kv_cache != own.kv_cache) {
    return Status(StatusCode::kInvalidArgument, where, "has another options.kv_cache");
  }
  if (header.position > options_.context_length) {
    return Status(StatusCode::kContextFull, where, "has more positions than the session", header.position,
                  options_.context_length);
  }
  if (header.total_bytes == own.total_bytes) return Status();
  return Status(StatusCode::kCorrupt, where, "has the wrong number of bytes", header.total_bytes, own.total_bytes);
}

LFM2_FUNCTION Status Session::ForkFrom(const Session& other) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Session::ForkFrom"));
  LFM2_RETURN_IF_ERROR(other.CheckIdle("Session::ForkFrom, the other session"));
  if (&other == this) return Status(StatusCode::kInvalidArgument, "Session::ForkFrom", "is given the session itself");
  LFM2_RETURN_IF_ERROR(
      CheckHeader(other.HeaderOfState(other.position_, 0, false), "Session::ForkFrom, the other session"));
  const ModelConfig& c = config();
  position_ = other.position_;
  ForgetDraft();
  std::memcpy(memory_.tokens, other.memory_.tokens, position_ * sizeof(int32_t));
  const Span<float> conv = memory_.state.conv_state();
  std::memcpy(conv.data(), other.memory_.state.conv_state().data(), conv.size() * sizeof(float));
  const uint32_t attention_layers = c.attention_layers();
  for (uint32_t n = 0; n < attention_layers; ++n) {
    saved_state_internal::CopyKeysAndValues(other.memory_.state.kv(n), memory_.state.kv(n), c.kv_heads, position_);
  }
  has_logits_ = other.has_logits_;
  logits_row_ = 0;
  if (has_logits_) {
    std::memcpy(memory_.logits, other.logits().data(), c.vocab_size * sizeof(float));
    std::memcpy(memory_.hidden, other.hidden().data(), c.hidden_size * sizeof(float));
  }
  return Status();
}

LFM2_FUNCTION Status Session::Save(StateSink sink, const StateNote& note, bool with_logits) const {
  LFM2_RETURN_IF_ERROR(CheckIdle("Session::Save"));
  if (note.size > StateNote::kCapacity) {
    return Status(StatusCode::kInvalidArgument, "note.size", "exceeds the capacity", note.size, StateNote::kCapacity);
  }
  with_logits = with_logits && has_logits_;
  saved_state_internal::Writer writer(sink);
  const SavedStateHeader header = HeaderOfState(position_, note.size, with_logits);
  const ModelConfig& c = config();
  writer.Put(&header, offsetof(SavedStateHeader, crc));
  writer.EndPart();
  writer.Put(note.data, note.size);
  writer.EndPart();
  for (const int32_t token : tokens()) writer.Put(&token, 3);
  writer.EndPart();
  const Span<float> conv = memory_.state.conv_state();
  writer.Put(conv.data(), conv.size() * sizeof(float));
  writer.EndPart();
  for (uint32_t n = 0; n < header.attention_layers; ++n) {
    saved_state_internal::ForKeysAndValues(memory_.state.kv(n), c.kv_heads, position_,
                                           [&](const void* data, size_t bytes) { writer.Put(data, bytes); });
    writer.EndPart();
  }
  if (with_logits) {
    writer.Put(logits().data(), logits().size() * sizeof(float));
    writer.Put(hidden().data(), hidden().size() * sizeof(float));
    writer.EndPart();
  }
  if (writer.End()) return Status();
  return Status(StatusCode::kIo, "saved state", "was refused by its sink");
}

LFM2_FUNCTION Status Session::Load(StateSource source, StateNote* note) {
  LFM2_RETURN_IF_ERROR(CheckIdle("Session::Load"));
  Reset();
  const Status status = LoadParts(source, note);
  if (!status.ok()) Reset();
  return status;
}

LFM2_FUNCTION Status Session::LoadParts(StateSource source, StateNote* note) {
  namespace internal = saved_state_internal;
  internal::Reader reader(source);
  SavedStateHeader header;
  reader.Begin(internal::kHeader, offsetof(SavedStateHeader, crc));
  reader.Get(&header, sizeof(header));
  LFM2_RETURN_IF_ERROR(reader.status());
  LFM2_RETURN_IF_ERROR(ReadSavedStateHeader({reinterpret_cast<const std::byte*>(&header), sizeof(header)}, &header));
  LFM2_RETURN_IF_ERROR(CheckHeader(header, internal::kHeader));
  const ModelConfig& c = config();

  if (note != nullptr) note->size = 0;
  reader.Begin(internal::kNote, header.note_bytes);
  for (uint32_t i = 0; i < header.note_bytes; ++i) {
    std::byte byte{};
    reader.Get(&byte, 1);
    if (note != nullptr) note->data[i] = byte;
  }
  reader.EndPart();

  reader.Begin(internal::kTokens, uint64_t{3} * header.position);
  bool are_known = true;
  for (uint32_t i = 0; i < header.position; ++i) {
    int32_t token = 0;
    reader.Get(&token, 3);
    are_known = are_known && static_cast<uint32_t>(token) < c.vocab_size;
    memory_.tokens[i] = token;
  }
  reader.EndPart();
  if (!are_known) reader.Fail(StatusCode::kCorrupt, "are not in the vocabulary");

  const Span<float> conv = memory_.state.conv_state();
  const size_t conv_bytes = conv.size() * sizeof(float);
  reader.Begin(internal::kConvolutions, conv_bytes);
  reader.Get(conv.data(), conv_bytes);
  reader.EndPart();

  const uint64_t layer_bytes = 2 * KvCacheBytes(options_.kv_cache, c.kv_heads, header.position, c.head_dim);
  for (uint32_t n = 0; n < header.attention_layers && reader.status().ok(); ++n) {
    reader.Begin(internal::kKeysAndValues, layer_bytes, n);
    internal::ForKeysAndValues(memory_.state.kv(n), c.kv_heads, header.position,
                               [&](void* data, size_t bytes) { reader.Get(data, bytes); });
    reader.EndPart();
  }
  if (header.flags != 0) {
    const size_t logits_bytes = c.vocab_size * sizeof(float), hidden_bytes = c.hidden_size * sizeof(float);
    reader.Begin(internal::kLogits, uint64_t{logits_bytes} + hidden_bytes);
    reader.Get(memory_.logits, logits_bytes);
    reader.Get(memory_.hidden, hidden_bytes);
    reader.EndPart();
  }
  LFM2_RETURN_IF_ERROR(reader.status());
  if (note != nullptr) note->size = header.note_bytes;
  position_ = header.position;
  has_logits_ = header.flags != 0;
  logits_row_ = 0;
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SAVED_STATE_IMPL_H_
