// How long a drive takes, from its bandwidth, latency and queue depth.
#ifndef LFM2_PROGRAMS_STORAGE_DRIVE_MODEL_H_
#define LFM2_PROGRAMS_STORAGE_DRIVE_MODEL_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

struct DriveSpeed {
  uint64_t bytes_per_second = 0;  // 0: no limit
  uint64_t latency_ns = 0;        // from the start of a read to its first byte
  uint32_t queue_depth = 32;      // reads whose latencies overlap
};

// Transfers one read after another, in the order of submission.
class DriveModel {
 public:
  explicit DriveModel(const DriveSpeed& speed = DriveSpeed())
      : speed_(speed), place_free_ns_(Max(speed.queue_depth, 1u), 0) {}

  // When a read of so many bytes that is submitted now will end. Times are nanoseconds from any origin and never
  // decrease.
  uint64_t End(uint64_t now_ns, uint64_t bytes) {
    uint64_t& place = place_free_ns_[static_cast<size_t>(reads_++ % place_free_ns_.size())];
    const uint64_t first_byte = Max(now_ns, place) + speed_.latency_ns;
    bytes_free_ns_ = Max(first_byte, bytes_free_ns_) + TransferNs(bytes);
    place = bytes_free_ns_;
    return bytes_free_ns_;
  }

 private:
  uint64_t TransferNs(uint64_t bytes) const {
    if (speed_.bytes_per_second == 0) return 0;
    return static_cast<uint64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(speed_.bytes_per_second));
  }

  DriveSpeed speed_;
  std::vector<uint64_t> place_free_ns_;  // when each place in the queue can accept another read
  uint64_t bytes_free_ns_ = 0;           // when the last requested byte has arrived
  uint64_t reads_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_STORAGE_DRIVE_MODEL_H_
