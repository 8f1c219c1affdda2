// How long a drive takes: bandwidth, latency and the reads it works on at a time.
#ifndef LFM2_PROGRAMS_STORAGE_DRIVE_MODEL_H_
#define LFM2_PROGRAMS_STORAGE_DRIVE_MODEL_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

struct DriveSpeed {
  uint64_t bytes_per_second = 0;  // 0: no limit
  uint64_t latency_ns = 0;        // from a read's begin to its first byte
  uint32_t queue_depth = 32;      // reads whose latency passes at the same time
};

// Bytes come one read after the other, in the order in which reads were submitted.
class DriveModel {
 public:
  explicit DriveModel(const DriveSpeed& speed = DriveSpeed())
      : speed_(speed), place_free_ns_(Max(speed.queue_depth, 1u), 0) {}

  // When a read of so many bytes ends that is submitted now. Times are nanoseconds from anywhere and never go back.
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
  std::vector<uint64_t> place_free_ns_;  // when each of the places in the queue can take another read
  uint64_t bytes_free_ns_ = 0;           // when the last byte asked for so far has come
  uint64_t reads_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_STORAGE_DRIVE_MODEL_H_
