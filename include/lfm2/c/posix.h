// Files and threads, for systems that have them: where LFM2_POSIX is defined, and also where the implementation is
// compiled. C99.
#ifndef LFM2_C_POSIX_H_
#define LFM2_C_POSIX_H_

#include "lfm2/c/storage.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// A file that is mapped: it has addresses, and pages come in as they are touched. path: a regular file that is not
// empty. Errors: LFM2_FAILED_PRECONDITION if open already; LFM2_IO with errno as the value; LFM2_INVALID_ARGUMENT;
// LFM2_UNSUPPORTED where it exceeds the address space.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_mapped_file(lfm2_storage* storage, const char* path);

enum { LFM2_READ_AUTOMATIC, LFM2_READ_IO_URING, LFM2_READ_THREADS };

typedef struct lfm2_direct_file_options {
  uint32_t backend;      // LFM2_READ_*
  uint32_t queue_depth;  // reads that the drive has at a time
  uint32_t piece_bytes;  // of one read, a multiple of 4096
  uint32_t timeout_ms;   // how long a read is waited for
} lfm2_direct_file_options;
lfm2_direct_file_options lfm2_direct_file_options_default(void);

// What lfm2_storage_open_direct_file needs beside the storage; outlives its close.
LFM2_OPAQUE(lfm2_direct_file, 10240, 8);
// A file that is read and not mapped: experts go from the drive into the arena, past the page cache. options: NULL: the
// defaults. One session at a time. Errors: as above; LFM2_UNSUPPORTED where options ask for io_uring and there is none.
LFM2_MUST_CHECK lfm2_status lfm2_storage_open_direct_file(lfm2_storage* storage, lfm2_direct_file* file,
                                                          const char* path, const lfm2_direct_file_options* options);
// False: the file system does not know O_DIRECT, and reads go through the page cache.
bool lfm2_direct_file_is_direct(const lfm2_direct_file* file);
bool lfm2_direct_file_uses_io_uring(const lfm2_direct_file* file);

// Cores that this process may run on; at least 1.
uint32_t lfm2_usable_cores(void);

// Nanoseconds by a clock that nobody sets: for lfm2_session_options.now_ns. user: not looked at.
uint64_t lfm2_monotonic_ns(void* user);

// Threads that compute together with the caller. Outlives every session opened with its executor.
LFM2_OPAQUE(lfm2_thread_pool, 3072, 64);
enum { LFM2_PIN_NONE, LFM2_PIN_CORES };
// threads: how many compute at once, counting the caller; 0: one for every usable core. Errors:
// LFM2_FAILED_PRECONDITION if open already; LFM2_INVALID_ARGUMENT; LFM2_IO with the error number.
LFM2_MUST_CHECK lfm2_status lfm2_thread_pool_open(lfm2_thread_pool* pool, uint32_t threads, uint32_t pinning);
// Ends the threads; nothing may be running. Closing twice does nothing.
void lfm2_thread_pool_close(lfm2_thread_pool* pool);
// For lfm2_session_open. NULL while closed: a session then computes on its caller's thread alone.
const lfm2_executor* lfm2_thread_pool_executor(const lfm2_thread_pool* pool);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_POSIX_H_
