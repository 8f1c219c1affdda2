// Reads in the background by the Linux kernel: io_uring, by plain system calls.
#ifndef LFM2_POSIX_IO_URING_H_
#define LFM2_POSIX_IO_URING_H_

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#if defined(IORING_FEAT_RW_CUR_POS)
#define LFM2_HAVE_IO_URING 1
#endif
#endif
#endif
#if !defined(LFM2_HAVE_IO_URING)
#define LFM2_HAVE_IO_URING 0
#endif

#if LFM2_HAVE_IO_URING

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/posix/file_read.h"

namespace lfm2::posix {

// A ring of reads (io_uring(7)). Not thread-safe.
class IoUring {
 public:
  IoUring() = default;
  IoUring(const IoUring&) = delete;
  IoUring& operator=(const IoUring&) = delete;
  ~IoUring() { Close(); }

  // entries: most reads that may be pending. Returns false if the kernel is older than 5.6, or io_uring is not allowed.
  bool Open(uint32_t entries) {
    io_uring_params params{};
    const long fd = ::syscall(__NR_io_uring_setup, entries, &params);
    if (fd < 0) return false;
    ring_ = static_cast<int>(fd);
    const uint32_t needed = IORING_FEAT_RW_CUR_POS | IORING_FEAT_SINGLE_MMAP;
    if ((params.features & needed) != needed || !MapRings(params)) {
      Close();
      return false;
    }
    return true;
  }

  // No read may be pending: the kernel would continue to write to its memory.
  void Close() {
    if (entries_ != nullptr) ::munmap(entries_, entries_bytes_);
    if (rings_ != nullptr) ::munmap(rings_, rings_bytes_);
    if (ring_ >= 0) ::close(ring_);
    ring_ = -1;
    rings_ = nullptr;
    entries_ = nullptr;
  }

  bool is_open() const { return ring_ >= 0; }

  // Starts a read; fewer than `entries` are pending. Returns 0, or an error number if nothing was started.
  int Submit(const FileRange& range, uint32_t name) {
    const uint32_t tail = *submit_tail_;
    const uint32_t at = tail & submit_mask_;
    io_uring_sqe& entry = entries_[at];
    entry = io_uring_sqe{};
    entry.opcode = IORING_OP_READ;
    entry.fd = range.file;
    entry.off = range.offset;
    entry.addr = reinterpret_cast<uintptr_t>(range.to);
    entry.len = static_cast<uint32_t>(range.bytes);
    entry.user_data = name;
    submit_order_[at] = at;
    __atomic_store_n(submit_tail_, tail + 1, __ATOMIC_RELEASE);
    int error = 0;
    for (uint32_t i = 0; i < kSubmitAttempts; ++i) {
      const long taken = ::syscall(__NR_io_uring_enter, ring_, 1, 0, 0, nullptr, 0);
      if (taken > 0) return 0;
      error = taken < 0 ? errno : EAGAIN;
      if (error != EINTR && error != EAGAIN && error != EBUSY) break;
    }
    __atomic_store_n(submit_tail_, tail, __ATOMIC_RELEASE);  // the kernel has not taken it
    return error;
  }

  // Takes one completed read: its name, and the bytes read or a negative error number.
  bool Poll(uint32_t* name, int64_t* result) {
    const uint32_t head = *complete_head_;
    if (head == __atomic_load_n(complete_tail_, __ATOMIC_ACQUIRE)) return false;
    const io_uring_cqe& entry = completions_[head & complete_mask_];
    *name = static_cast<uint32_t>(entry.user_data);
    *result = entry.res;
    __atomic_store_n(complete_head_, head + 1, __ATOMIC_RELEASE);
    return true;
  }

  // Sleeps until Poll has something to take, at most this long; negative: without a limit.
  void Wait(int milliseconds) {
    pollfd ready{ring_, POLLIN, 0};
    static_cast<void>(::poll(&ready, 1, milliseconds));
  }

 private:
  static constexpr uint32_t kSubmitAttempts = 1000;

  bool MapRings(const io_uring_params& params) {
    const size_t submit = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
    const size_t complete = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    rings_bytes_ = Max(submit, complete);
    entries_bytes_ = params.sq_entries * sizeof(io_uring_sqe);
    rings_ = Map(rings_bytes_, IORING_OFF_SQ_RING);
    entries_ = static_cast<io_uring_sqe*>(Map(entries_bytes_, IORING_OFF_SQES));
    if (rings_ == nullptr || entries_ == nullptr) return false;
    char* const base = static_cast<char*>(rings_);
    const auto word = [base](uint32_t offset) { return reinterpret_cast<uint32_t*>(base + offset); };
    submit_tail_ = word(params.sq_off.tail);
    submit_mask_ = *word(params.sq_off.ring_mask);
    submit_order_ = word(params.sq_off.array);
    complete_head_ = word(params.cq_off.head);
    complete_tail_ = word(params.cq_off.tail);
    complete_mask_ = *word(params.cq_off.ring_mask);
    completions_ = reinterpret_cast<io_uring_cqe*>(base + params.cq_off.cqes);
    return true;
  }
  void* Map(size_t bytes, uint64_t which) const {
    void* const at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, static_cast<off_t>(which));
    return at == MAP_FAILED ? nullptr : at;
  }

  int ring_ = -1;
  void* rings_ = nullptr;
  size_t rings_bytes_ = 0;
  io_uring_sqe* entries_ = nullptr;
  size_t entries_bytes_ = 0;
  uint32_t* submit_tail_ = nullptr;
  uint32_t* submit_order_ = nullptr;
  uint32_t submit_mask_ = 0;
  uint32_t* complete_head_ = nullptr;
  uint32_t* complete_tail_ = nullptr;
  uint32_t complete_mask_ = 0;
  io_uring_cqe* completions_ = nullptr;
};

}  // namespace lfm2::posix

#endif  // LFM2_HAVE_IO_URING

#endif  // LFM2_POSIX_IO_URING_H_
