// Where the bytes of a model image come from.
#ifndef LFM2_STORAGE_STORAGE_H_
#define LFM2_STORAGE_STORAGE_H_

#include "lfm2/base/config.h"

namespace lfm2 {

class ReadQueue;

// A read-only range of bytes, either addressable in place (Map) or read into memory (queue). Implementations belong to
// the caller and outlive every Image and Session opened on them.
class Storage {
 public:
  // Bytes that can be read, less than 2^63; a flash partition may be longer than the image in it.
  virtual uint64_t size() const = 0;

  // The address of [offset, offset + bytes), valid until the storage is closed; nullptr if the range exceeds size() or
  // the bytes have no address. The address of offset 0 is aligned to kAlignment.
  virtual const std::byte* Map(uint64_t offset, uint64_t bytes) const = 0;

  // Reads the bytes where Map has no addresses; nullptr where it has. Used by one session at a time.
  virtual ReadQueue* queue() const { return nullptr; }

 protected:
  ~Storage() = default;  // never deleted through the base: the library frees nothing
};

}  // namespace lfm2

#endif  // LFM2_STORAGE_STORAGE_H_
