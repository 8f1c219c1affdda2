// The storage of a model image. C99.
#ifndef LFM2_C_STORAGE_H_
#define LFM2_C_STORAGE_H_

#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// A read-only range of bytes. It must outlive every image and session opened on it.
LFM2_OPAQUE(lfm2_storage, 512, 8);

// An image in addressable memory: mapped flash, or a file read into memory. bytes: aligned to 64 bytes, not owned, must
// outlive the storage. They may extend past the end of the image, as in a flash partition. Errors, here and below:
// LFM2_FAILED_PRECONDITION if already open; LFM2_INVALID_ARGUMENT.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_memory(lfm2_storage* storage, const void* bytes, size_t size);

// A block device: SD card, eMMC, QSPI flash. One session at a time.
typedef struct lfm2_block_device {
  void* user;  // passed to all functions
  // Reads whole blocks to memory that is aligned to block_bytes. Blocking. Returns 0 or the error number of the driver.
  // first_block counts from the beginning of the device.
  int (*read)(void* user, uint64_t first_block, uint32_t blocks, void* to);
  // For lfm2_state_store only: writes whole blocks, and returns when they would survive a loss of power.
  int (*write)(void* user, uint64_t first_block, uint32_t blocks, const void* from);
  // Erases the blocks that are about to be written; NULL if `write` does so.
  int (*erase)(void* user, uint64_t first_block, uint64_t blocks);
  uint64_t (*now_ns)(void* user);  // a clock with any origin, for statistics; NULL if there is none
  uint32_t block_bytes;            // 512, 1024, 2048 or 4096
  uint64_t first_block;            // first block of the image, the store or their partition
  uint64_t bytes;                  // of the image, or of the partition
  uint32_t piece_bytes;            // most bytes of one call of `read`, a multiple of 4096
} lfm2_block_device;

// Blocks of 512 bytes from block 0 on, in pieces of 128 KB; the caller sets `read` and `bytes`.
lfm2_block_device lfm2_block_device_default(void);
// device: copied.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_blocks(lfm2_storage* storage, const lfm2_block_device* device);

// A device that reads asynchronously (DMA with an interrupt) while the session computes. `user` is passed to all
// functions, which are called from one thread at a time. One session at a time.
typedef struct lfm2_queue_device {
  void* user;  // passed to all functions
  // Starts reading `bytes` bytes of the storage from `offset` to `to`; all three are multiples of alignment_bytes. At
  // most `capacity` reads are in progress or not yet collected. Returns 0, or an error number if nothing was started.
  int (*submit)(void* user, uint64_t offset, uint64_t bytes, void* to, uint32_t tag);
  // Collects a completed read, in any order: its tag, and 0 or an error number. Returns false immediately if there is
  // none.
  bool (*poll)(void* user, uint32_t* tag, int* error);
  // The same, but waits up to timeout_ms. Returns false if none has completed by then.
  bool (*wait)(void* user, uint32_t* tag, int* error);
  uint64_t (*now_ns)(void* user);  // as in lfm2_block_device
  uint64_t bytes;                  // of the storage; the last block is read completely
  uint32_t alignment_bytes;        // a power of two, at most 4096
  uint32_t capacity;               // at least 1
  uint32_t piece_bytes;            // longer reads are split: a multiple of 4096
  uint32_t timeout_ms;             // for the status of a timeout
} lfm2_queue_device;

// device: copied.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_queue(lfm2_storage* storage, const lfm2_queue_device* device);

// No image may be open on it. Of a file: waits for the reads that the drive has. Closing twice does nothing.
void lfm2_storage_close(lfm2_storage* storage);
bool lfm2_storage_is_open(const lfm2_storage* storage);
// Bytes that can be read; 0 while closed.
uint64_t lfm2_storage_size(const lfm2_storage* storage);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_STORAGE_H_
