#include "tests/posix/ring_faults.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "lfm2/posix/io_uring.h"
#include "tests/posix/system_faults.h"

namespace lfm2::test {

ssize_t CutShort(void* to, ssize_t got) {
  const ssize_t most = static_cast<ssize_t>(system_faults.most_bytes);
  if (most == 0 || got <= most) return got;
  std::memset(static_cast<char*>(to) + most, 0xee, static_cast<size_t>(got - most));
  return most;
}

#if LFM2_HAVE_IO_URING
namespace {

struct Ring {
  int fd = -1;
  io_uring_params params = {};
  char* rings = nullptr;
  io_uring_sqe* entries = nullptr;

  uint32_t* Word(uint32_t offset) const { return reinterpret_cast<uint32_t*>(rings + offset); }
};

// Constant initialisation: the first file is mapped before any constructor has run.
std::mutex g_ring_mutex;
constexpr int kRings = 8;
Ring g_rings[kRings];
int g_next_ring = 0;

Ring* FindRing(int fd) {
  for (Ring& ring : g_rings) {
    if (ring.fd == fd) return &ring;
  }
  return nullptr;
}

void ChangeCompletion(const Ring& ring, uint64_t name, int64_t result) {
  const io_uring_params& p = ring.params;
  io_uring_cqe* const completions = reinterpret_cast<io_uring_cqe*>(ring.rings + p.cq_off.cqes);
  for (;;) {
    const uint32_t mask = *ring.Word(p.cq_off.ring_mask);
    const uint32_t tail = __atomic_load_n(ring.Word(p.cq_off.tail), __ATOMIC_ACQUIRE);
    for (uint32_t i = *ring.Word(p.cq_off.head); i != tail; ++i) {
      if (completions[i & mask].user_data != name) continue;
      completions[i & mask].res = static_cast<int32_t>(result);
      return;
    }
  }
}

}  // namespace

long SetUpRing(const std::function<long()>& call, long params) {
  io_uring_params* const p = reinterpret_cast<io_uring_params*>(params);
  const long fd = call();
  if (fd < 0) return fd;
  if (system_faults.old_ring) p->features = 0;
  const std::lock_guard<std::mutex> lock(g_ring_mutex);
  Ring* ring = FindRing(static_cast<int>(fd));
  if (ring == nullptr) ring = &g_rings[g_next_ring++ % kRings];
  *ring = Ring();
  ring->fd = static_cast<int>(fd);
  ring->params = *p;
  return fd;
}

void NoteRingMapping(int fd, off_t offset, void* at) {
  const std::lock_guard<std::mutex> lock(g_ring_mutex);
  Ring* const ring = FindRing(fd);
  if (ring == nullptr) return;
  if (static_cast<uint64_t>(offset) == IORING_OFF_SQ_RING) ring->rings = static_cast<char*>(at);
  if (static_cast<uint64_t>(offset) == IORING_OFF_SQES) ring->entries = static_cast<io_uring_sqe*>(at);
}

long EnterRing(const std::function<long()>& call, int fd) {
  if (!system_faults.ChangesReads()) return call();
  g_ring_mutex.lock();
  const Ring* const found = FindRing(fd);
  const Ring ring = found == nullptr ? Ring() : *found;
  g_ring_mutex.unlock();
  if (ring.rings == nullptr || ring.entries == nullptr) return call();
  const io_uring_params& p = ring.params;
  const uint32_t last = *ring.Word(p.sq_off.tail) - 1;
  io_uring_sqe& entry = ring.entries[ring.Word(p.sq_off.array)[last & *ring.Word(p.sq_off.ring_mask)]];
  int64_t result = 0;
  if (system_faults.Takes(SystemCall::kFileRead)) {
    result = -errno;
  } else {
    if (system_faults.most_bytes == 0) return call();
    void* const to = reinterpret_cast<void*>(static_cast<uintptr_t>(entry.addr));
    iovec range{to, entry.len};
    result = CutShort(to, ::preadv(entry.fd, &range, 1, static_cast<off_t>(entry.off)));
    if (result < 0) result = -errno;
  }
  const io_uring_sqe read = entry;
  entry = io_uring_sqe{};
  entry.opcode = IORING_OP_NOP;
  entry.user_data = read.user_data;
  const long taken = call();
  if (taken > 0) ChangeCompletion(ring, read.user_data, result);
  if (taken <= 0) entry = read;
  return taken;
}

#else

long SetUpRing(const std::function<long()>& call, long) { return call(); }
long EnterRing(const std::function<long()>& call, int) { return call(); }
void NoteRingMapping(int, off_t, void*) {}

#endif

}  // namespace lfm2::test
