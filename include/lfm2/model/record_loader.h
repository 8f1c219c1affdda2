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

// Of one MoE layer, or the sum of all. In prefill an expert counts once for each chunk that uses it.
struct StreamStatistics {
  uint64_t hits = 0;      // experts that were in memory when their layer came
  uint64_t misses = 0;    // experts that had to be read
  uint64_t bytes = 0;     // read, repeated reads included
  uint64_t read_ns = 0;   // with a read under way
  uint64_t stall_ns = 0;  // of that, waiting for it with nothing to compute
  uint64_t retries = 0;   // reads repeated for an error or a wrong CRC

  void Add(const StreamStatistics& other) {
    hits += other.hits;
    misses += other.misses;
    bytes += other.bytes;
    read_ns += other.read_ns;
    stall_ns += other.stall_ns;
    retries += other.retries;
  }
  // What has come since `earlier`, a copy of this.
  void Subtract(const StreamStatistics& earlier) {
    hits -= earlier.hits;
    misses -= earlier.misses;
    bytes -= earlier.bytes;
    read_ns -= earlier.read_ns;
    stall_ns -= earlier.stall_ns;
    retries -= earlier.retries;
  }
};

// A record on its way to memory: gate, up and down lie one behind the other and are asked for in this order.
struct RecordLoad {
  uint32_t moe_layer = 0;
  uint32_t expert = 0;
  uint32_t slot = 0;            // the caller's
  std::byte* memory = nullptr;  // RecordEntry::stride bytes, aligned to kRecordAlignment
};

// Lies in the session's arena.
class RecordLoader {
 public:
  static constexpr uint32_t kMaxLoads = 16;
  static_assert(kMaxLoads >= kMaxExpertsPerToken, "a token's experts are read at the same time");

  void Bind(const Image& image, uint32_t retries) {
    *this = RecordLoader();
    image_ = &image;
    queue_ = image.storage().queue();
    retries_ = retries;
  }

  // Loads that are not finished.
  uint32_t loads() const { return loads_; }

  // Begins a load; fewer than kMaxLoads are under way, and none has failed since Drain.
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

  // Asks for as much as the queue takes. Errors: the queue's; behind them Drain comes next.
  Status Submit(StreamStatistics* statistics) {
    for (uint32_t i = 0; i < loads_; ++i) {
      Entry& entry = entries_[order_[i]];
      for (uint32_t p = 0; p < entry.pieces; ++p) {
        if ((entry.submitted >> p & 1u) != 0) continue;
        if (under_way_ == queue_->capacity()) return Status();
        const uint64_t at = p * entry.piece;
        const uint64_t bytes = Min(entry.piece, entry.record.stride - at);
        const uint64_t now = under_way_ == 0 ? queue_->NowNs() : 0;
        const Status status = queue_->Submit(
            {FileOffset(entry) + at, bytes, entry.what.memory + static_cast<size_t>(at), order_[i] * 64u + p});
        if (!status.ok()) return Explain(status, entry, at);
        if (under_way_++ == 0) busy_since_ = now;
        entry.submitted |= uint64_t{1} << p;
        statistics->bytes += bytes;
      }
    }
    return Status();
  }

  // Takes note of reads that have ended, until a load is finished: *found, and it is *done. Without `wait` it does not
  // wait for one. Errors, behind which Drain comes next: a piece that failed more often than it is to be repeated, kIo
  // or what the queue reported, with the record as index() and the byte of the storage as limit(); kCorrupt for a
  // record whose CRC is wrong; kTimeout.
  Status Collect(bool wait, StreamStatistics* statistics, RecordLoad* done, bool* found) {
    *found = false;
    while (under_way_ > 0) {
      ReadCompletion read;
      if (!queue_->Poll(&read)) {
        if (!wait) return Status();
        const uint64_t begin = queue_->NowNs();
        const Status status = queue_->Wait(&read);
        statistics->stall_ns += queue_->NowNs() - begin;
        if (!status.ok()) return Explain(status, entries_[order_[0]], 0);
      }
      EndRead(statistics);
      LFM2_ASSERT(read.tag / 64 < kMaxLoads);
      const uint32_t number = read.tag / 64, piece = read.tag % 64;
      LFM2_RETURN_IF_ERROR(TakePiece(entries_[number], piece, read.status, statistics));
      if (entries_[number].checked == entries_[number].record.stride) {
        *done = entries_[number].what;
        *found = true;
        Remove(number);
        return Status();
      }
      LFM2_RETURN_IF_ERROR(Submit(statistics));
    }
    return Status();
  }

  // Gives up all loads and waits until none of their reads is under way: their memory is the caller's again.
  // Errors: kTimeout; then it is not yet, and Drain has to be called again before Start.
  Status Drain() {
    loads_ = 0;
    for (Entry& entry : entries_) entry.in_use = false;
    while (under_way_ > 0) {
      ReadCompletion read;
      const Status status = queue_->Wait(&read);
      if (!status.ok()) return status;
      --under_way_;
    }
    return Status();
  }

 private:
  struct Entry {
    RecordLoad what;
    RecordEntry record{};
    uint64_t piece = 0;      // bytes
    uint64_t submitted = 0;  // a bit for each piece
    uint64_t arrived = 0;
    uint64_t checked = 0;  // bytes from the front that are there, and in crc
    uint32_t crc = 0;
    uint32_t pieces = 0;
    uint32_t retried = 0;
    bool in_use = false;
  };

  uint64_t FileOffset(const Entry& entry) const {
    return entry.record.offset + entry.what.expert * entry.record.stride;
  }
  Status Explain(const Status& cause, const Entry& entry, uint64_t at) const {
    const uint32_t record = entry.what.moe_layer * image_->config().experts + entry.what.expert;
    return Status(cause.code(), "expert record", cause.what(), cause.value(), FileOffset(entry) + at).At(record);
  }

  void EndRead(StreamStatistics* statistics) {
    if (--under_way_ == 0) statistics->read_ns += queue_->NowNs() - busy_since_;
  }

  void Remove(uint32_t number) {
    entries_[number].in_use = false;
    uint32_t at = 0;
    while (order_[at] != number) ++at;
    for (--loads_; at < loads_; ++at) order_[at] = order_[at + 1];
  }

  Status TakePiece(Entry& entry, uint32_t piece, const Status& read, StreamStatistics* statistics) {
    if (!read.ok()) {
      if (entry.retried == retries_) return Explain(read, entry, piece * entry.piece);
      ++entry.retried;
      ++statistics->retries;
      entry.submitted &= ~(uint64_t{1} << piece);
      return Status();
    }
    entry.arrived |= uint64_t{1} << piece;
    // The padding behind a record is read with it and not part of its CRC.
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
    if (status.ok() || entry.retried == retries_) return status;
    ++entry.retried;
    ++statistics->retries;
    entry.submitted = entry.arrived = entry.checked = 0;
    entry.crc = 0;
    return Status();
  }

  const Image* image_ = nullptr;
  ReadQueue* queue_ = nullptr;
  uint64_t busy_since_ = 0;
  uint32_t retries_ = 0;
  uint32_t under_way_ = 0;  // reads that the queue owes
  uint32_t loads_ = 0;
  uint8_t order_[kMaxLoads] = {};  // entries in use, the oldest first
  Entry entries_[kMaxLoads];
};

}  // namespace lfm2

#endif  // LFM2_MODEL_RECORD_LOADER_H_
