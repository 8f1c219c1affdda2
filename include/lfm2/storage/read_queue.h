// Reads of a device whose bytes have no address: asked for now, there later.
#ifndef LFM2_STORAGE_READ_QUEUE_H_
#define LFM2_STORAGE_READ_QUEUE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"

namespace lfm2 {

// `bytes` of the storage from `offset` on go to `to`; all three are multiples of alignment(), bytes is not 0. A read
// may reach behind the storage's size() as far as its last block of alignment() bytes does: what comes from there is
// anything. `tag` is the caller's and comes back with the completion.
struct ReadRequest {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  std::byte* to = nullptr;
  uint32_t tag = 0;
};

// A read that has ended, well or not: only now its memory is the caller's again. Not ok: kIo with the device's error
// number as the value; what is in the memory is then anything.
struct ReadCompletion {
  uint32_t tag = 0;
  Status status;
};

// Reads end in any order. One caller at a time. A device that knows only synchronous reads runs them in Submit.
class ReadQueue {
 public:
  // At most kRecordAlignment, a power of two.
  virtual uint32_t alignment() const = 0;
  // Reads that may be under way or ended and not yet collected.
  virtual uint32_t capacity() const = 0;
  // The bytes of one read that suit the device best: longer ones are cut into pieces of that size. A multiple of
  // alignment().
  virtual uint32_t piece_bytes() const = 0;

  // Starts a read. Errors: kInvalidArgument for a request that is misaligned or not within the storage,
  // kFailedPrecondition where capacity() reads are under way: then nothing was started, and no completion will come.
  virtual Status Submit(const ReadRequest& request) = 0;
  // Collects a read that has ended, or returns false at once.
  virtual bool Poll(ReadCompletion* done) = 0;
  // Collects a read, waiting for it as long as the device may take. Errors: kTimeout where none has ended by then: the
  // reads stay under way, and their memory the device's; kFailedPrecondition where none is under way.
  virtual Status Wait(ReadCompletion* done) = 0;

  // A clock for statistics, in nanoseconds from anywhere; always 0 where there is none.
  virtual uint64_t NowNs() const = 0;

 protected:
  ~ReadQueue() = default;  // never deleted through the base: the library frees nothing
};

}  // namespace lfm2

#endif  // LFM2_STORAGE_READ_QUEUE_H_
