// A second translation unit with the whole library in it.
#include LFM2_HEADER
#if defined(LFM2_SPLIT)
#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"
#endif

size_t OtherUnit();
size_t OtherUnit() {
  lfm2::Session session;
  lfm2::posix::ThreadPool pool;
  lfm2::posix::DirectFile file;
  return session.is_open() || file.is_open() ? 0 : lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, lfm2::SessionOptions());
}
