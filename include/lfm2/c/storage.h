// Where the bytes of a model image come from. C99.
#ifndef LFM2_C_STORAGE_H_
#define LFM2_C_STORAGE_H_

#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// A read-only run of bytes. Outlives every image and session opened on it.
LFM2_OPAQUE(lfm2_storage, 512, 8);

// An image that is addressable as it is: flash that is mapped, or a file read into memory. bytes: aligned to 64 bytes,
// not owned, outlives the storage. A flash partition may be longer than the image in it. Errors, here and below:
// LFM2_FAILED_PRECONDITION if open already; LFM2_INVALID_ARGUMENT.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_memory(lfm2_storage* storage, const void* bytes, size_t size);

// A block device: SD card, eMMC, QSPI flash. One session at a time.
typedef struct lfm2_block_device {
  void* user;  // handed to all functions
  // Reads whole blocks to memory that is aligned to block_bytes, and returns when they are there: 0, or the driver's
  // error number. first_block counts from the device's begin.
  int (*read)(void* user, uint64_t first_block, uint32_t blocks, void* to);
  // For lfm2_state_store only: writes whole blocks, and returns when they would survive a loss of power.
  int (*write)(void* user, uint64_t first_block, uint32_t blocks, const void* from);
  // Erases the blocks that are about to be written; NULL where `write` does.
  int (*erase)(void* user, uint64_t first_block, uint64_t blocks);
  uint64_t (*now_ns)(void* user);  // nanoseconds from anywhere, for statistics; NULL where there is no clock
  uint32_t block_bytes;            // 512, 1024, 2048 or 4096
  uint64_t first_block;            // where the image or the store begins: the partition's first block
  uint64_t bytes;                  // of the image, or of the partition
  uint32_t piece_bytes;            // of one call of `read`, as suits the driver: a multiple of 4096
} lfm2_block_device;

// Blocks of 512 bytes from block 0 on, in pieces of 128 KB; `read` and `bytes` are the caller's to set.
lfm2_block_device lfm2_block_device_default(void);
// device: copied.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_blocks(lfm2_storage* storage, const lfm2_block_device* device);

// A device that reads by itself (DMA with an interrupt) while the session computes. `user` is handed to all functions,
// which are called from one thread at a time. One session at a time.
typedef struct lfm2_queue_device {
  void* user;
  // Starts to read `bytes` of the storage from `offset` on to `to`; all three are multiples of alignment_bytes. At most
  // `capacity` reads are under way or not yet collected. 0, or an error number: then nothing was started.
  int (*submit)(void* user, uint64_t offset, uint64_t bytes, void* to, uint32_t tag);
  // Collects a read that has ended, in any order: its tag, and 0 or an error number. False, at once: none has.
  bool (*poll)(void* user, uint32_t* tag, int* error);
  // The same, and waits for one at most timeout_ms. False: none has ended by then.
  bool (*wait)(void* user, uint32_t* tag, int* error);
  uint64_t (*now_ns)(void* user);  // as lfm2_block_device has it
  uint64_t bytes;                  // of the storage; the last block is read whole
  uint32_t alignment_bytes;        // a power of two, at most 4096
  uint32_t capacity;               // at least 1
  uint32_t piece_bytes;            // longer reads are cut: a multiple of 4096
  uint32_t timeout_ms;             // for what a status says
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
