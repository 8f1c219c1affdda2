// A storage between a reader and its device that records every mistake of the reader that would be fatal with DMA.
#ifndef LFM2_TESTS_STORAGE_WATCHED_STORAGE_H_
#define LFM2_TESTS_STORAGE_WATCHED_STORAGE_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/storage/read_queue.h"
#include "lfm2/storage/storage.h"

namespace lfm2::test {

class WatchedQueue final : public ReadQueue {
 public:
  explicit WatchedQueue(const Storage& storage) : storage_size_(storage.size()), inner_(*storage.queue()) {}

  uint32_t alignment() const override { return inner_.alignment(); }
  uint32_t capacity() const override { return inner_.capacity(); }
  uint32_t piece_bytes() const override { return inner_.piece_bytes(); }
  uint64_t NowNs() const override { return inner_.NowNs(); }

  Status Submit(const ReadRequest& request) override {
    LookAtMemory();
    const uint64_t mask = alignment() - 1;
    const uintptr_t address = reinterpret_cast<uintptr_t>(request.to);
    if (((request.offset | request.bytes | address) & mask) != 0) Note("a misaligned read");
    if (request.bytes == 0 || request.bytes > SIZE_MAX) Note("a read of nothing, or of more than there is memory");
    if (request.offset + request.bytes > RoundUp<uint64_t>(storage_size_, alignment())) Note("a read outside");
    if (reads_.size() >= capacity()) Note("a read beyond the capacity");
    if (arena_.size() > 0 && (request.to < arena_.data() ||
                              request.to + static_cast<size_t>(request.bytes) > arena_.data() + arena_.size())) {
      Note("a read to memory outside the arena");
    }
    for (const Read& read : reads_) {
      if (read.request.tag == request.tag) Note("the tag of a pending read");
      const std::byte* const other = read.request.to;
      if (request.to < other + read.owned.size() && other < request.to + static_cast<size_t>(request.bytes)) {
        Note("a read to memory of another read");
      }
    }
    const Status status = inner_.Submit(request);
    if (!status.ok()) return status;
    ++submitted_;
    bytes_ += request.bytes;
    most_under_way_ = std::max(most_under_way_, reads_.size() + 1);
    offsets_.push_back(request.offset);
    // The devices of tests write when a read starts and when it completes, and only to its own memory.
    reads_.push_back({request, {request.to, request.to + static_cast<size_t>(request.bytes)}});
    return status;
  }
  bool Poll(ReadCompletion* done) override {
    LookAtMemory();
    if (!inner_.Poll(done)) return false;
    Forget(done->tag);
    return true;
  }
  Status Wait(ReadCompletion* done) override {
    LookAtMemory();
    LFM2_RETURN_IF_ERROR(inner_.Wait(done));
    Forget(done->tag);
    return Status();
  }

 private:
  friend class WatchedStorage;

  struct Read {
    ReadRequest request;
    std::vector<std::byte> owned;  // what the device has written to its memory
  };

  void Note(const std::string& mistake) {
    if (mistakes_.empty()) mistakes_ = mistake;
  }
  void LookAtMemory() {
    for (const Read& read : reads_) {
      if (std::memcmp(read.request.to, read.owned.data(), read.owned.size()) != 0) Note("memory of the device written");
    }
  }
  void Forget(uint32_t tag) {
    const auto it =
        std::find_if(reads_.begin(), reads_.end(), [tag](const Read& read) { return read.request.tag == tag; });
    if (it == reads_.end()) return Note("a completion without a request");
    reads_.erase(it);
  }

  uint64_t storage_size_;
  ReadQueue& inner_;
  Span<const std::byte> arena_;
  std::vector<Read> reads_;
  std::vector<uint64_t> offsets_;
  std::string mistakes_;
  uint64_t submitted_ = 0;
  uint64_t bytes_ = 0;
  size_t most_under_way_ = 0;
};

// inner: has a queue, outlives this.
class WatchedStorage final : public Storage {
 public:
  explicit WatchedStorage(const Storage& inner) : inner_(inner), queue_(inner) {}

  uint64_t size() const override { return inner_.size(); }
  const std::byte* Map(uint64_t offset, uint64_t bytes) const override { return inner_.Map(offset, bytes); }
  ReadQueue* queue() const override { return &queue_; }

  // From now on the memory of every read has to be in there. Empty: anywhere.
  void SetArena(Span<const std::byte> arena) { queue_.arena_ = arena; }
  // The first mistake; empty if there is none.
  const std::string& mistakes() const { return queue_.mistakes_; }
  uint64_t reads() const { return queue_.submitted_; }
  uint64_t bytes() const { return queue_.bytes_; }
  size_t under_way() const { return queue_.reads_.size(); }
  size_t most_under_way() const { return queue_.most_under_way_; }
  // Of all reads, in the order of Submit.
  const std::vector<uint64_t>& offsets() const { return queue_.offsets_; }

 private:
  const Storage& inner_;
  mutable WatchedQueue queue_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_STORAGE_WATCHED_STORAGE_H_
