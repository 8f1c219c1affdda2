// Reads a long range of a storage that is not addressable, in pieces.
#ifndef LFM2_STORAGE_READ_ALL_H_
#define LFM2_STORAGE_READ_ALL_H_

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/storage/read_queue.h"

namespace lfm2 {

// Collects every pending read. Errors: kTimeout, after which some are still pending, or what else the queue reports.
inline Status CollectAll(ReadQueue& queue) {
  for (;;) {
    ReadCompletion done;
    const Status status = queue.Wait(&done);
    if (status.code() == StatusCode::kFailedPrecondition) return Status();  // none is left
    LFM2_RETURN_IF_ERROR(status);
  }
}

// to[bytes] = storage[offset, offset + bytes), in order, with as many pieces pending as the queue accepts. Returns
// after all of them; before it starts, it collects reads that an earlier user of the queue left pending after a
// timeout. offset, bytes and to are multiples of queue.alignment(). Errors: the first that the queue reports, kIo with
// the byte as offset(); kTimeout after one Wait of the queue timed out: then the memory stays the device's until a
// later call succeeds or the storage is closed.
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
      // A tag of 32 bits wraps around, but is unique among the pending pieces, of which there are at most capacity().
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
    // Does not wait again for a device that has just timed out.
    if (status.code() != StatusCode::kTimeout) static_cast<void>(CollectAll(queue));
    return status;
  }
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_STORAGE_READ_ALL_H_
