// A drive in memory for tests, with a speed on a clock of its own, and with faults placed by a test or a seed. Until a
// read has completed, its memory contains noise, as with a real drive.
#ifndef LFM2_TESTS_STORAGE_SIMULATED_DEVICE_H_
#define LFM2_TESTS_STORAGE_SIMULATED_DEVICE_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/storage/read_queue.h"
#include "lfm2/storage/storage.h"
#include "programs/storage/drive_model.h"

namespace lfm2::test {

// Bytes of a block of the drive, unless a test sets others.
inline constexpr uint32_t kBlock = 4096;

// Error numbers, as on Linux.
inline constexpr uint64_t kSimulatedIoError = 5;
inline constexpr uint64_t kSimulatedNoDevice = 19;

enum class Fault : uint8_t {
  kNone,
  kIoError,    // kIo, nothing was read
  kShortRead,  // kIo, the first part was read
  kBadBits,    // ok, with one wrong byte
  kTimeout,    // the next one to three Waits with nothing else to return time out; then it succeeds
  kVanished,   // kIo, like all reads while the device is gone
};
inline constexpr uint32_t kFaults = 6;

// The probability of each fault of a read; their sum is at most 1.
struct FaultRates {
  double io_error = 0;
  double short_read = 0;
  double bad_bits = 0;
  double timeout = 0;
  double vanish = 0;             // the device disappears with this read
  uint32_t vanished_reads = 10;  // and for so many more
};

struct SimulatedDeviceOptions {
  tools::DriveSpeed speed;  // by default nothing takes time
  uint32_t capacity = 16;
  uint32_t piece_bytes = 16384;
  uint32_t alignment = kBlock;
  uint64_t timeout_ns = 1000000;  // duration of a Wait that times out
  bool shuffled = false;          // reads complete in a random order, as far as the clock allows
  uint32_t seed = 1;
};

class SimulatedQueue final : public ReadQueue {
 public:
  SimulatedQueue(Span<const std::byte> bytes, const SimulatedDeviceOptions& options)
      : bytes_(bytes), options_(options), drive_(options.speed), random_(options.seed) {}

  uint32_t alignment() const override { return options_.alignment; }
  uint32_t capacity() const override { return options_.capacity; }
  uint32_t piece_bytes() const override { return options_.piece_bytes; }
  uint64_t NowNs() const override { return now_ns_; }

  Status Submit(const ReadRequest& request) override {
    const uint64_t mask = options_.alignment - 1;
    if (((request.offset | request.bytes | reinterpret_cast<uintptr_t>(request.to)) & mask) != 0 ||
        request.bytes == 0) {
      return Status(StatusCode::kInvalidArgument, "read", "is not of whole blocks", request.bytes);
    }
    const uint64_t end = RoundUp<uint64_t>(bytes_.size(), options_.alignment);
    if (request.offset >= end || request.bytes > end - request.offset) {
      return Status(StatusCode::kInvalidArgument, "read", "is not within the storage", request.offset);
    }
    if (reads_.size() == options_.capacity) {
      return Status(StatusCode::kFailedPrecondition, "read", "comes while the queue is full", options_.capacity);
    }
    Noise(request.to, request.bytes);
    Read read;
    read.request = request;
    read.fault = NextFault(request);
    read.end_ns = drive_.End(now_ns_, request.bytes);
    if (read.fault == Fault::kTimeout) read.timeouts = 1 + Random() % 3;
    ++faults_[static_cast<uint32_t>(read.fault)];
    ++submitted_;
    bytes_submitted_ += request.bytes;
    reads_.push_back(read);
    return Status();
  }

  bool Poll(ReadCompletion* done) override {
    std::vector<size_t> ended;
    for (size_t i = 0; i < reads_.size(); ++i) {
      if (reads_[i].timeouts == 0 && reads_[i].end_ns <= now_ns_) ended.push_back(i);
    }
    if (ended.empty()) return false;
    End(ended[options_.shuffled ? Random() % ended.size() : 0], done);
    return true;
  }

  Status Wait(ReadCompletion* done) override {
    if (reads_.empty()) return Status(StatusCode::kFailedPrecondition, "read", "is not pending");
    uint64_t next = UINT64_MAX;
    for (const Read& read : reads_) {
      if (read.timeouts == 0) next = Min(next, read.end_ns);
    }
    if (next == UINT64_MAX) {
      for (Read& read : reads_) --read.timeouts;
      now_ns_ += options_.timeout_ns;
      return Status(StatusCode::kTimeout, "device", "has not answered in time; nanoseconds", options_.timeout_ns);
    }
    now_ns_ = Max(now_ns_, next);
    Poll(done);
    return Status();
  }

 private:
  friend class SimulatedDevice;

  struct Read {
    ReadRequest request;
    Fault fault = Fault::kNone;
    uint64_t end_ns = 0;
    uint32_t timeouts = 0;  // Waits that will still time out
  };
  struct Place {
    Fault fault;
    uint32_t times;
  };

  uint32_t Random() {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(random_ >> 33);
  }
  double RandomUnit() { return Random() / 2147483648.0; }
  void Noise(std::byte* to, uint64_t bytes) {
    const int value = static_cast<int>(Random() & 0xffu);
    std::memset(to, value, static_cast<size_t>(bytes));
  }

  Fault NextFault(const ReadRequest& request) {
    if (away_reads_ > 0) {
      if (away_reads_ != UINT32_MAX) --away_reads_;
      return Fault::kVanished;
    }
    const auto by_number = by_number_.find(submitted_);
    if (by_number != by_number_.end()) return TakePlace(by_number->second);
    for (auto& [offset, place] : by_offset_) {
      if (offset >= request.offset && offset - request.offset < request.bytes && place.times > 0) {
        return TakePlace(place);
      }
    }
    double chance = RandomUnit();
    const auto drawn = [&chance](double rate) { return (chance -= rate) < 0; };
    if (drawn(rates_.io_error)) return Fault::kIoError;
    if (drawn(rates_.short_read)) return Fault::kShortRead;
    if (drawn(rates_.bad_bits)) return Fault::kBadBits;
    if (drawn(rates_.timeout)) return Fault::kTimeout;
    if (drawn(rates_.vanish)) {
      away_reads_ = rates_.vanished_reads - 1;
      return Fault::kVanished;
    }
    return Fault::kNone;
  }
  static Fault TakePlace(Place& place) {
    if (place.times == 0) return Fault::kNone;
    if (place.times != UINT32_MAX) --place.times;
    return place.fault;
  }

  void End(size_t number, ReadCompletion* done) {
    const Read read = reads_[number];
    reads_.erase(reads_.begin() + static_cast<std::ptrdiff_t>(number));
    *done = {read.request.tag, Status()};
    switch (read.fault) {
      case Fault::kIoError:
        done->status =
            Status(StatusCode::kIo, "device", "cannot be read; error", kSimulatedIoError, read.request.offset);
        return;
      case Fault::kVanished:
        done->status = Status(StatusCode::kIo, "device", "is away; error", kSimulatedNoDevice, read.request.offset);
        return;
      case Fault::kShortRead: {
        const uint64_t part = Random() % read.request.bytes;
        Copy(read.request, part);
        done->status = Status(StatusCode::kIo, "device", "ends too early; bytes missing", read.request.bytes - part,
                              read.request.offset + part);
        return;
      }
      case Fault::kBadBits:
        Copy(read.request, read.request.bytes);
        read.request.to[Random() % read.request.bytes] ^= static_cast<std::byte>(1 + Random() % 255);
        return;
      case Fault::kNone:
      case Fault::kTimeout: Copy(read.request, read.request.bytes); return;
    }
  }
  // Beyond the end of the bytes the noise remains.
  void Copy(const ReadRequest& request, uint64_t bytes) const {
    if (request.offset >= bytes_.size()) return;
    const uint64_t inside = Min<uint64_t>(bytes, bytes_.size() - request.offset);
    std::memcpy(request.to, bytes_.data() + static_cast<size_t>(request.offset), static_cast<size_t>(inside));
  }

  Span<const std::byte> bytes_;
  SimulatedDeviceOptions options_;
  tools::DriveModel drive_;
  uint64_t random_;
  uint64_t now_ns_ = 0;
  std::vector<Read> reads_;  // in the order of Submit
  FaultRates rates_;
  std::map<uint64_t, Place> by_number_;
  std::map<uint64_t, Place> by_offset_;
  uint32_t away_reads_ = 0;
  uint64_t submitted_ = 0;
  uint64_t bytes_submitted_ = 0;
  uint64_t faults_[kFaults] = {};
};

//   SimulatedDevice device(image_bytes, options);
//   device.SetRates(rates);                   random faults, the same for the same seed, or
//   device.FailRead(17, Fault::kShortRead);   in the 18th read of the device, or
//   device.FailAt(offset, Fault::kBadBits);   in the next read of that byte
class SimulatedDevice final : public Storage {
 public:
  // bytes: not owned.
  explicit SimulatedDevice(Span<const std::byte> bytes,
                           const SimulatedDeviceOptions& options = SimulatedDeviceOptions())
      : size_(bytes.size()), queue_(bytes, options) {}

  uint64_t size() const override { return size_; }
  const std::byte* Map(uint64_t, uint64_t) const override { return nullptr; }
  ReadQueue* queue() const override { return &queue_; }

  // Lets time pass, as computing does.
  void Advance(uint64_t ns) { queue_.now_ns_ += ns; }

  void SetRates(const FaultRates& rates) { queue_.rates_ = rates; }
  // Read number n of the device, from 0.
  void FailRead(uint64_t n, Fault fault) { queue_.by_number_[n] = {fault, 1}; }
  // The next `times` reads that contain this byte; UINT32_MAX: all.
  void FailAt(uint64_t offset, Fault fault, uint32_t times = 1) { queue_.by_offset_[offset] = {fault, times}; }
  // The next `reads` reads fail because there is no device; UINT32_MAX: until Return.
  void Vanish(uint32_t reads = UINT32_MAX) { queue_.away_reads_ = reads; }
  void Return() { queue_.away_reads_ = 0; }
  // Ends all faults, except for pending reads.
  void Heal() {
    queue_.rates_ = FaultRates();
    queue_.by_number_.clear();
    queue_.by_offset_.clear();
    Return();
  }

  uint64_t reads() const { return queue_.submitted_; }
  uint64_t bytes_read() const { return queue_.bytes_submitted_; }
  size_t under_way() const { return queue_.reads_.size(); }
  // Reads so far that had this fault; all faults.
  uint64_t count(Fault fault) const { return queue_.faults_[static_cast<uint32_t>(fault)]; }
  uint64_t faults() const { return reads() - count(Fault::kNone); }

 private:
  uint64_t size_;
  mutable SimulatedQueue queue_;  // reading does not change the bytes
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_STORAGE_SIMULATED_DEVICE_H_
