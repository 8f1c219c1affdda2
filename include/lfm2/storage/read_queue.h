// Asynchronous reads of a device whose bytes have no address.
#ifndef LFM2_STORAGE_READ_QUEUE_H_
#define LFM2_STORAGE_READ_QUEUE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"

namespace lfm2 {

// to[bytes] = storage[offset, offset + bytes). All three are multiples of alignment(), and bytes is not 0. A read may
// extend beyond the storage's size() to the end of its last block of alignment() bytes; the bytes from there are
// unspecified. `tag` is the caller's and is returned with the completion.
struct ReadRequest {
  uint64_t offset = 0;      // of the storage
  uint64_t bytes = 0;       // number of bytes
  std::byte* to = nullptr;  // destination
  uint32_t tag = 0;         // the caller's
};

// A read that has completed, successfully or not; from then on its memory is the caller's again. If it failed, status
// is kIo with the device's error number as value(), and the contents of the memory are unspecified.
struct ReadCompletion {
  uint32_t tag = 0;  // the caller's
  Status status;     // the result
};

// Reads complete in any order. One caller at a time. A device with synchronous reads only performs them in Submit.
class ReadQueue {
 public:
  // At most kRecordAlignment, a power of two.
  virtual uint32_t alignment() const = 0;
  // How many reads may be pending or completed but not yet collected.
  virtual uint32_t capacity() const = 0;
  // The read size that suits the device best; callers divide longer reads into pieces of this size. A multiple of
  // alignment().
  virtual uint32_t piece_bytes() const = 0;

  // Starts a read. Errors: kInvalidArgument for a request that is misaligned or not within the storage,
  // kFailedPrecondition if capacity() reads are pending; after an error nothing was started, and no completion will
  // come.
  virtual Status Submit(const ReadRequest& request) = 0;
  // Collects a completed read, or returns false at once.
  virtual bool Poll(ReadCompletion* done) = 0;
  // Collects a read, and waits for it as long as the device may take. Errors: kTimeout if none has completed by then:
  // the reads stay pending, and their memory the device's; kFailedPrecondition if none is pending.
  virtual Status Wait(ReadCompletion* done) = 0;

  // A clock for statistics, in nanoseconds since an arbitrary moment; always 0 if there is no clock.
  virtual uint64_t NowNs() const = 0;

 protected:
  ~ReadQueue() = default;  // never deleted through the base: the library frees nothing
};

}  // namespace lfm2

#endif  // LFM2_STORAGE_READ_QUEUE_H_
