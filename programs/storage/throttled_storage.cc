#include "programs/storage/throttled_storage.h"

#include <chrono>
#include <thread>

namespace lfm2::tools {

ThrottledQueue::ThrottledQueue(ReadQueue* inner, const DriveSpeed& speed)
    : inner_(inner), drive_(speed), reads_(inner->capacity(), Read{0, 0, false, false, Status()}) {}

uint64_t ThrottledQueue::NowNs() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

uint32_t ThrottledQueue::First(bool ended_only) const {
  const uint32_t none = static_cast<uint32_t>(reads_.size());
  uint32_t first = none;
  for (uint32_t i = 0; i < none; ++i) {
    if (!reads_[i].in_use || (ended_only && !reads_[i].ended)) continue;
    if (first == none || reads_[i].due_ns < reads_[first].due_ns) first = i;
  }
  return first;
}

Status ThrottledQueue::Submit(const ReadRequest& request) {
  uint32_t free = 0;
  while (free < reads_.size() && reads_[free].in_use) ++free;
  if (free == reads_.size()) {
    return Status(StatusCode::kFailedPrecondition, "read", "finds the queue full", reads_.size());
  }
  LFM2_RETURN_IF_ERROR(inner_->Submit({request.offset, request.bytes, request.to, free}));
  reads_[free] = {drive_.End(NowNs(), request.bytes), request.tag, true, false, Status()};
  return Status();
}

void ThrottledQueue::TakeEnded(const ReadCompletion& ended) {
  reads_[ended.tag].ended = true;
  reads_[ended.tag].status = ended.status;
}

void ThrottledQueue::Collect(uint32_t number, ReadCompletion* done) {
  reads_[number].in_use = false;
  *done = {reads_[number].tag, reads_[number].status};
}

bool ThrottledQueue::Poll(ReadCompletion* done) {
  ReadCompletion ended;
  while (inner_->Poll(&ended)) TakeEnded(ended);
  const uint32_t first = First(true);
  if (first == reads_.size() || reads_[first].due_ns > NowNs()) return false;
  Collect(first, done);
  return true;
}

Status ThrottledQueue::Wait(ReadCompletion* done) {
  const uint32_t first = First(false);
  if (first == reads_.size()) return Status(StatusCode::kFailedPrecondition, "read", "is not under way");
  while (!reads_[first].ended) {
    ReadCompletion ended;
    LFM2_RETURN_IF_ERROR(inner_->Wait(&ended));
    TakeEnded(ended);
  }
  const uint64_t now = NowNs();
  if (reads_[first].due_ns > now) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(reads_[first].due_ns - now));
  }
  Collect(first, done);
  return Status();
}

}  // namespace lfm2::tools
