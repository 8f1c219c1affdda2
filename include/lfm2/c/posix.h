// Files and threads on POSIX systems: available where LFM2_POSIX is defined, which it must also be where the
// implementation is compiled. C99.
#ifndef LFM2_C_POSIX_H_
#define LFM2_C_POSIX_H_

#include "lfm2/c/storage.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// A mapped file: it has addresses, and its pages are read when they are used. path: a regular file that is not empty.
// Errors: LFM2_FAILED_PRECONDITION if already open; LFM2_IO with errno as the value; LFM2_INVALID_ARGUMENT;
// LFM2_UNSUPPORTED if it exceeds the address space.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_mapped_file(lfm2_storage* storage, const char* path);

enum { LFM2_READ_AUTOMATIC, LFM2_READ_IO_URING, LFM2_READ_THREADS };

// How a file is read.
typedef struct lfm2_direct_file_options {
  uint32_t backend;      // LFM2_READ_*
  uint32_t queue_depth;  // concurrent reads
  uint32_t piece_bytes;  // most bytes of one read, a multiple of 4096
  uint32_t timeout_ms;   // for one read
} lfm2_direct_file_options;
// The defaults of C++'s DirectFileOptions.
lfm2_direct_file_options lfm2_direct_file_options_default(void);

// State of lfm2_storage_open_direct_file besides the storage; must outlive the storage, or its close.
LFM2_OPAQUE(lfm2_direct_file, 10240, 8);
// A file that is read, not mapped: experts are read from the drive into the arena, bypassing the page cache. options:
// NULL: the defaults. One session at a time. Errors: as above; LFM2_UNSUPPORTED if the options require io_uring and it
// is not available.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_direct_file(lfm2_storage* storage, lfm2_direct_file* file,
                                                          const char* path, const lfm2_direct_file_options* options);
// False: the file system does not support O_DIRECT, and reads use the page cache.
bool lfm2_direct_file_is_direct(const lfm2_direct_file* file);
bool lfm2_direct_file_uses_io_uring(const lfm2_direct_file* file);

// Number of cores that this process may run on; at least 1.
uint32_t lfm2_usable_cores(void);

// Nanoseconds of a monotonic clock: for lfm2_session_options.now_ns. user: ignored.
uint64_t lfm2_monotonic_ns(void* user);

// Threads that compute together with the caller. Must outlive every session opened with its executor.
LFM2_OPAQUE(lfm2_thread_pool, 3072, 64);
enum { LFM2_PIN_NONE, LFM2_PIN_CORES };
// threads: number of threads that compute, including the caller; 0: one for every usable core. Errors:
// LFM2_FAILED_PRECONDITION if already open; LFM2_INVALID_ARGUMENT; LFM2_IO with the error number.
LFM2_MUST_CHECK lfm2_status lfm2_thread_pool_open(lfm2_thread_pool* pool, uint32_t threads, uint32_t pinning);
// Ends the threads; no call may be running. Closing a closed pool does nothing.
void lfm2_thread_pool_close(lfm2_thread_pool* pool);
// For lfm2_session_open. NULL while closed: a session then computes on the thread of its caller alone.
const lfm2_executor* lfm2_thread_pool_executor(const lfm2_thread_pool* pool);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_POSIX_H_
