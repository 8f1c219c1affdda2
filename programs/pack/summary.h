// Facts about a model, shown before it is packed.
#ifndef LFM2_PROGRAMS_PACK_SUMMARY_H_
#define LFM2_PROGRAMS_PACK_SUMMARY_H_

#include <string>

#include "programs/pack/packer.h"

namespace lfm2::tools {

// Facts about the source, then a table of roles, types, counts and bytes.
std::string Summary(const ModelSource& source, const PackPlan& plan);

// Writes the notes of the source to standard error, one per line.
void ShowNotes(const ModelSource& source);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_SUMMARY_H_
