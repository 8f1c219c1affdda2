// What is told of a model before it is packed.
#ifndef LFM2_PROGRAMS_PACK_SUMMARY_H_
#define LFM2_PROGRAMS_PACK_SUMMARY_H_

#include <string>

#include "programs/pack/packer.h"

namespace lfm2::tools {

// Several lines: facts of the source, then a table of roles, types, counts and bytes.
std::string Summary(const ModelSource& source, const PackPlan& plan);

// The source's notes, a line each, on standard error.
void ShowNotes(const ModelSource& source);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_SUMMARY_H_
