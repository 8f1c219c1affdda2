// The first of two to go would unmap the file under the other one.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#include "lfm2/posix/mapped_file.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::posix::MappedFile&, lfm2::posix::MappedFile&);
