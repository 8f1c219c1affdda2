// Its threads keep a pointer to it.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#include "lfm2/posix/thread_pool.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::posix::ThreadPool&, lfm2::posix::ThreadPool&);
