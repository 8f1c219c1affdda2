// Faults of single reads of an io_uring: what the kernel would return for a read of a failing drive.
#ifndef LFM2_TESTS_POSIX_RING_FAULTS_H_
#define LFM2_TESTS_POSIX_RING_FAULTS_H_

#include <sys/types.h>

#include <functional>

namespace lfm2::test {

// What a read that yielded `got` bytes yields by SystemFaults::most_bytes. The others become what no file has.
ssize_t CutShort(void* to, ssize_t got);

// io_uring_setup by `call`; params: address of its io_uring_params.
long SetUpRing(const std::function<long()>& call, long params);
// io_uring_enter by `call`, which submits one read. A read that is to fail or to yield less is submitted as one that
// does nothing, and its completion changed.
long EnterRing(const std::function<long()>& call, int fd);
// Of every file: where the rings are in memory.
void NoteRingMapping(int fd, off_t offset, void* at);

}  // namespace lfm2::test

#endif  // LFM2_TESTS_POSIX_RING_FAULTS_H_
