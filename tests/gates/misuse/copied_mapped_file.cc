// The first of two copies to be destroyed would unmap the file of the other one.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#include "lfm2/posix/mapped_file.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::posix::MappedFile&, lfm2::posix::MappedFile&);
