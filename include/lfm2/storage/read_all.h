// One long run of bytes of a storage that is not addressable, read in pieces.
#ifndef LFM2_STORAGE_READ_ALL_H_
#define LFM2_STORAGE_READ_ALL_H_

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2 {

// Collects every read that is under way. Errors: kTimeout, and then some still are, or what else the queue reports.
inline Status CollectAll(ReadQueue& queue) {
  for (;;) {
    ReadCompletion done;
    const Status status = queue.Wait(&done);
    if (status.code() == StatusCode::kFailedPrecondition) return Status();  // none is left
    LFM2_RETURN_IF_ERROR(status);
  }
}

// to[bytes] = storage[offset .. offset + bytes), in order, as many pieces at a time as the queue takes. Waits for all
// of it, and before that for reads that an earlier user of the queue left when it timed out. offset, bytes and to are
// multiples of queue.alignment().
// Errors: the first that the queue reports, kIo with the byte as offset(); kTimeout after one Wait of the queue that
// timed out, and then the memory is still the device's, until a later call succeeds or the storage is closed.
inline Status ReadAll(ReadQueue& queue, uint64_t offset, uint64_t bytes, std::byte* to) {
  LFM2_RETURN_IF_ERROR(CollectAll(queue));
  const uint64_t piece = queue.piece_bytes();
  LFM2_ASSERT(piece > 0 && piece % queue.alignment() == 0);
  const uint64_t pieces = DivideUp(bytes, piece);
  uint64_t submitted = 0, collected = 0;
  while (collected < pieces) {
    Status status;
    ReadCompletion done;
    if (submitted < pieces && submitted - collected < queue.capacity()) {
      const uint64_t at = submitted * piece;
      // A tag of 32 bits counts round: at most capacity() pieces are under way, so it names one of them.
      const uint32_t tag = static_cast<uint32_t>(submitted);
      status = queue.Submit({offset + at, Min(piece, bytes - at), to + static_cast<size_t>(at), tag});
      if (status.ok()) {
        ++submitted;
        continue;
      }
    } else {
      status = queue.Wait(&done);
      if (status.ok()) {
        ++collected;
        if (done.status.ok()) continue;
        const uint64_t number = submitted - 1 - static_cast<uint32_t>(static_cast<uint32_t>(submitted - 1) - done.tag);
        status = Status(done.status.code(), done.status.where(), done.status.what(), done.status.value(),
                        offset + number * piece);
      }
    }
    // A device that has just not answered in time is not waited for again.
    if (status.code() != StatusCode::kTimeout) static_cast<void>(CollectAll(queue));
    return status;
  }
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_STORAGE_READ_ALL_H_
