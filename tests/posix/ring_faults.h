// Faults of single reads of an io_uring: what the kernel returns for reads of a failing drive.
#ifndef LFM2_TESTS_POSIX_RING_FAULTS_H_
#define LFM2_TESTS_POSIX_RING_FAULTS_H_

#include <sys/types.h>

#include <functional>

namespace lfm2::test {

// The result of a read of `got` bytes with SystemFaults::most_bytes. The bytes beyond it are overwritten.
ssize_t CutShort(void* to, ssize_t got);

// io_uring_setup by `call`; params: address of its io_uring_params.
long SetUpRing(const std::function<long()>& call, long params);
// io_uring_enter by `call`, which submits one read. A read that is to fail or to be partial is submitted as a no-op,
// and its completion is changed.
long EnterRing(const std::function<long()>& call, int fd);
// Called for every mapping of a file, to find the rings in memory.
void NoteRingMapping(int fd, off_t offset, void* at);

}  // namespace lfm2::test

#endif  // LFM2_TESTS_POSIX_RING_FAULTS_H_
