// Reads expert records in pieces, several at a time, and checks them.
#ifndef LFM2_MODEL_RECORD_LOADER_H_
#define LFM2_MODEL_RECORD_LOADER_H_

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/crc32c.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2 {

// For one MoE layer, or summed over all. In prefill an expert counts once per chunk that uses it.
struct StreamStatistics {
  uint64_t hits = 0;      // experts in memory when their layer started
  uint64_t misses = 0;    // experts that had to be read
  uint64_t bytes = 0;     // read, including repeated reads
  uint64_t read_ns = 0;   // during which a read was pending
  uint64_t stall_ns = 0;  // of that, waiting for a read with nothing to compute
  uint64_t retries = 0;   // reads repeated after an error or a wrong CRC
  uint64_t ahead = 0;     // misses whose read had started before their layer
  uint64_t wasted = 0;    // bytes read ahead for a layer that did not need them

  // Adds all counts of another.
  void Add(const StreamStatistics& other) {
    hits += other.hits;
    misses += other.misses;
    bytes += other.bytes;
    read_ns += other.read_ns;
    stall_ns += other.stall_ns;
    retries += other.retries;
    ahead += other.ahead;
    wasted += other.wasted;
  }
  // Leaves the difference to `earlier`, an older copy of this.
  void Subtract(const StreamStatistics& earlier) {
    hits -= earlier.hits;
    misses -= earlier.misses;
    bytes -= earlier.bytes;
    read_ns -= earlier.read_ns;
    stall_ns -= earlier.stall_ns;
    retries -= earlier.retries;
    ahead -= earlier.ahead;
    wasted -= earlier.wasted;
  }
};

// A record that is being read: gate, up and down, one after another, requested in this order.
struct RecordLoad {
  uint32_t moe_layer = 0;
  uint32_t expert = 0;
  uint32_t slot = 0;            // the caller's
  std::byte* memory = nullptr;  // RecordEntry::stride bytes, aligned to kRecordAlignment
  // Only a guess: read while nothing else is requested, and few pieces at a time, so that the device is soon free.
  bool ahead = false;
  bool dropped = false;  // finished without being read: only its memory is free again
};

// It is in the session's arena.
class RecordLoader {
 public:
  // A token's experts, as many guessed ones of the next layer, and dropped ones that have not finished.
  static constexpr uint32_t kMaxLoads = 48;
  static_assert(kMaxLoads >= 3 * kMaxExpertsPerToken, "a token's experts are read at the same time");

  // statistics: [moe_layers], outlives this.
  void Bind(const Image& image, uint32_t retries, StreamStatistics* statistics) {
    image_ = &image;
    queue_ = image.storage().queue();
    retries_ = retries;
    statistics_ = statistics;
    under_way_ = loads_ = 0;
    for (Entry& entry : entries_) entry.in_use = false;  // Start sets the rest
  }

  // Unfinished loads, and how many of them are needed by the current layer.
  uint32_t loads() const { return loads_; }
  uint32_t wanted() const {
    uint32_t count = 0;
    for (uint32_t i = 0; i < loads_; ++i) count += At(i).what.ahead || At(i).what.dropped ? 0 : 1;
    return count;
  }
  // Whether that record is being loaded, and has not been dropped.
  bool Finds(uint32_t moe_layer, uint32_t expert) const {
    for (uint32_t i = 0; i < loads_; ++i) {
      if (At(i).what.moe_layer == moe_layer && At(i).what.expert == expert && !At(i).what.dropped) return true;
    }
    return false;
  }

  // Starts a load. Fewer than kMaxLoads are unfinished, and none has failed since Drain.
  void Start(const RecordLoad& what) {
    LFM2_ASSERT(loads_ < kMaxLoads);
    uint32_t free = 0;
    while (entries_[free].in_use) ++free;
    Entry& entry = entries_[free];
    entry = Entry();
    entry.what = what;
    entry.record = image_->record_layer(what.moe_layer);
    const uint64_t least = RoundUp<uint64_t>(DivideUp<uint64_t>(entry.record.stride, 64), kRecordAlignment);
    entry.piece = Max<uint64_t>(queue_->piece_bytes(), least);
    entry.pieces = static_cast<uint32_t>(DivideUp<uint64_t>(entry.record.stride, entry.piece));
    entry.in_use = true;
    order_[loads_++] = static_cast<uint8_t>(free);
  }

  // For a guess that was right: its load counts like any other from now on. Returns false if there is none.
  bool Want(uint32_t moe_layer, uint32_t expert) {
    for (uint32_t i = 0; i < loads_; ++i) {
      RecordLoad& what = At(i).what;
      if (what.moe_layer != moe_layer || what.expert != expert || !what.ahead || what.dropped) continue;
      what.ahead = false;
      return true;
    }
    return false;
  }
  // Stops reading guesses that were wrong. They finish as dropped ones after their pending reads.
  void DropGuesses() {
    for (uint32_t i = 0; i < loads_; ++i) {
      RecordLoad& what = At(i).what;
      if (!what.ahead || what.dropped) continue;
      what.dropped = true;
      statistics_[what.moe_layer].wasted += At(i).bytes;
    }
  }

  // Submits as many reads as the queue accepts: first those that are needed, then guesses, for which at most
  // guessed_reads may be pending. Errors: those of the queue, after which Drain is called next.
  Status Submit(uint32_t guessed_reads) {
    for (const bool ahead : {false, true}) {
      for (uint32_t i = 0; i < loads_; ++i) {
        Entry& entry = At(i);
        if (entry.what.ahead != ahead || entry.what.dropped) continue;
        for (uint32_t p = 0; p < entry.pieces; ++p) {
          if ((entry.submitted >> p & 1u) != 0) continue;
          if (under_way_ == queue_->capacity() || (ahead && under_way_ >= guessed_reads)) return Status();
          LFM2_RETURN_IF_ERROR(SubmitPiece(entry, order_[i], p));
        }
      }
    }
    return Status();
  }

  // Collects completed reads until a load is finished; then *found is true and *done is that load. Does not wait for a
  // read unless `wait`. moe_layer: whose statistics count the time. Errors, after which Drain is called next: for a
  // piece that failed more often than it may be repeated, kIo or what the queue reported, with the record as index()
  // and the byte of the storage as offset(); kCorrupt for a record whose CRC is wrong; kTimeout. A guess that fails is
  // only dropped.
  Status Collect(bool wait, uint32_t moe_layer, uint32_t guessed_reads, RecordLoad* done, bool* found) {
    StreamStatistics& time = statistics_[moe_layer];
    *found = false;
    for (;;) {
      if (TakeDropped(done)) {
        *found = true;
        return Status();
      }
      if (under_way_ == 0) return Status();
      ReadCompletion read;
      if (!queue_->Poll(&read)) {
        if (!wait) return Status();
        const uint64_t begin = queue_->NowNs();
        const Status status = queue_->Wait(&read);
        time.stall_ns += queue_->NowNs() - begin;
        if (!status.ok()) return Explain(status, At(0), 0);
      }
      if (--under_way_ == 0) time.read_ns += queue_->NowNs() - busy_since_;
      const uint32_t number = read.tag / kMaxPieces, piece = read.tag % kMaxPieces;
      LFM2_ASSERT(number < kMaxLoads && entries_[number].in_use);
      Entry& entry = entries_[number];
      --entry.under_way;
      if (!entry.what.dropped) {
        const Status status = TakePiece(entry, piece, read.status);
        if (!status.ok() && !entry.what.ahead) return status;
        if (!status.ok()) entry.what.dropped = true;
      }
      if (entry.checked == entry.record.stride && !entry.what.dropped) {
        *done = entry.what;
        *found = true;
        Remove(number);
        return Status();
      }
      LFM2_RETURN_IF_ERROR(Submit(guessed_reads));
    }
  }

  // Drops all loads without waiting. Returns false if reads of theirs are still pending; then Drain is called before
  // Start.
  bool GiveUp() {
    loads_ = 0;
    for (Entry& entry : entries_) entry.in_use = false;
    ReadCompletion read;
    while (under_way_ > 0 && queue_->Poll(&read)) --under_way_;
    return under_way_ == 0;
  }
  // Drops all loads and waits until none of their reads is pending: their memory is the caller's again. Errors:
  // kTimeout; then the memory is still in use, and Drain has to be called again before Start.
  Status Drain() {
    for (; !GiveUp(); --under_way_) {
      ReadCompletion read;
      LFM2_RETURN_IF_ERROR(queue_->Wait(&read));
    }
    return Status();
  }

 private:
  static constexpr uint32_t kMaxPieces = 64;

  struct Entry {
    RecordLoad what;
    RecordEntry record{};
    uint64_t piece = 0;      // bytes
    uint64_t submitted = 0;  // a bit for each piece
    uint64_t arrived = 0;
    uint64_t checked = 0;  // bytes from the front that have arrived and are in crc
    uint64_t bytes = 0;    // requested
    uint32_t crc = 0;
    uint32_t pieces = 0;
    uint32_t under_way = 0;
    uint32_t retried = 0;
    bool in_use = false;
  };

  Entry& At(uint32_t i) { return entries_[order_[i]]; }
  const Entry& At(uint32_t i) const { return entries_[order_[i]]; }

  uint64_t FileOffset(const Entry& entry) const {
    return entry.record.offset + entry.what.expert * entry.record.stride;
  }
  Status Explain(const Status& cause, const Entry& entry, uint64_t at) const {
    const uint32_t record = entry.what.moe_layer * image_->config().experts + entry.what.expert;
    return Status(cause.code(), "expert record", cause.what(), cause.value(), FileOffset(entry) + at).At(record);
  }

  Status SubmitPiece(Entry& entry, uint32_t number, uint32_t p) {
    const uint64_t at = p * entry.piece;
    const uint64_t bytes = Min(entry.piece, entry.record.stride - at);
    const uint64_t now = under_way_ == 0 ? queue_->NowNs() : 0;
    const Status status = queue_->Submit(
        {FileOffset(entry) + at, bytes, entry.what.memory + static_cast<size_t>(at), number * kMaxPieces + p});
    if (!status.ok()) return Explain(status, entry, at);
    if (under_way_++ == 0) busy_since_ = now;
    entry.submitted |= uint64_t{1} << p;
    ++entry.under_way;
    entry.bytes += bytes;
    statistics_[entry.what.moe_layer].bytes += bytes;
    return Status();
  }

  bool TakeDropped(RecordLoad* done) {
    for (uint32_t i = 0; i < loads_; ++i) {
      if (!At(i).what.dropped || At(i).under_way > 0) continue;
      *done = At(i).what;
      Remove(order_[i]);
      return true;
    }
    return false;
  }

  void Remove(uint32_t number) {
    entries_[number].in_use = false;
    uint32_t at = 0;
    while (order_[at] != number) ++at;
    for (--loads_; at < loads_; ++at) order_[at] = order_[at + 1];
  }

  // Counts a repetition; false if none is left.
  bool MayRetry(Entry& entry) {
    if (entry.retried == retries_) return false;
    ++entry.retried;
    ++statistics_[entry.what.moe_layer].retries;
    return true;
  }

  Status TakePiece(Entry& entry, uint32_t piece, const Status& read) {
    if (!read.ok()) {
      if (!MayRetry(entry)) return Explain(read, entry, piece * entry.piece);
      entry.submitted &= ~(uint64_t{1} << piece);
      return Status();
    }
    entry.arrived |= uint64_t{1} << piece;
    // The padding after a record is read with it, and is not part of its CRC.
    while (entry.checked < entry.record.stride && (entry.arrived >> (entry.checked / entry.piece) & 1u) != 0) {
      const uint64_t begin = entry.checked, end = Min(begin + entry.piece, entry.record.stride);
      const uint64_t known = Min(end, entry.record.bytes);
      if (begin < known) {
        entry.crc =
            Crc32c(entry.crc, entry.what.memory + static_cast<size_t>(begin), static_cast<size_t>(known - begin));
      }
      entry.checked = end;
    }
    if (entry.checked < entry.record.stride) return Status();
    const Status status = image_->CheckRecordCrc(entry.what.moe_layer, entry.what.expert, entry.crc);
    if (status.ok() || !MayRetry(entry)) return status;
    entry.submitted = entry.arrived = entry.checked = 0;
    entry.crc = 0;
    return Status();
  }

  const Image* image_ = nullptr;
  ReadQueue* queue_ = nullptr;
  StreamStatistics* statistics_ = nullptr;
  uint64_t busy_since_ = 0;
  uint32_t retries_ = 0;
  uint32_t under_way_ = 0;  // pending reads of the queue
  uint32_t loads_ = 0;
  uint8_t order_[kMaxLoads] = {};  // entries in use, the oldest first
  Entry entries_[kMaxLoads];
};

}  // namespace lfm2

#endif  // LFM2_MODEL_RECORD_LOADER_H_
