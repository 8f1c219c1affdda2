// Simulates a slower drive, so that a model on an SD card can be measured without one.
#ifndef LFM2_PROGRAMS_STORAGE_THROTTLED_STORAGE_H_
#define LFM2_PROGRAMS_STORAGE_THROTTLED_STORAGE_H_

#include <vector>

#include "lfm2/base/status.h"
#include "lfm2/storage/read_queue.h"
#include "lfm2/storage/storage.h"
#include "programs/storage/drive_model.h"

namespace lfm2::tools {

// Passes on the completions of another queue, each at the time when a drive of that speed would have finished it. Wait
// sleeps until then.
class ThrottledQueue final : public ReadQueue {
 public:
  ThrottledQueue(ReadQueue* inner, const DriveSpeed& speed);

  uint32_t alignment() const override { return inner_->alignment(); }
  uint32_t capacity() const override { return inner_->capacity(); }
  uint32_t piece_bytes() const override { return inner_->piece_bytes(); }
  Status Submit(const ReadRequest& request) override;
  bool Poll(ReadCompletion* done) override;
  Status Wait(ReadCompletion* done) override;
  uint64_t NowNs() const override;

 private:
  struct Read {
    uint64_t due_ns;
    uint32_t tag;  // the caller's
    bool in_use;
    bool ended;
    Status status;
  };

  void TakeEnded(const ReadCompletion& ended);
  void Collect(uint32_t number, ReadCompletion* done);
  // Index of the read that is due first, among all or among those that have ended; reads_.size() if there is none.
  uint32_t First(bool ended_only) const;

  ReadQueue* inner_;
  DriveModel drive_;
  std::vector<Read> reads_;  // indexed by the tags of the inner queue
};

// `inner` has a queue, stays open and outlives this. There is no other reader.
class ThrottledStorage final : public Storage {
 public:
  ThrottledStorage(const Storage& inner, const DriveSpeed& speed) : inner_(&inner), queue_(inner.queue(), speed) {}

  uint64_t size() const override { return inner_->size(); }
  const std::byte* Map(uint64_t, uint64_t) const override { return nullptr; }
  ReadQueue* queue() const override { return &queue_; }

 private:
  const Storage* inner_;
  mutable ThrottledQueue queue_;  // reading does not change the storage
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_STORAGE_THROTTLED_STORAGE_H_
