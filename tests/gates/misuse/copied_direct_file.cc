// Reads in flight complete in the object that started them.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#include "lfm2/posix/direct_file.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::posix::DirectFile&, lfm2::posix::DirectFile&);
