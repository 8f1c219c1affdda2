// The results of lfm2-eval table, as a picture from which a file can be chosen.
#ifndef LFM2_PROGRAMS_EVAL_TABLE_SVG_H_
#define LFM2_PROGRAMS_EVAL_TABLE_SVG_H_

#include <string>
#include <vector>

#include "programs/eval/table_row.h"

namespace lfm2::tools {

// KL divergence from the first row, which is not drawn, against the size of the file, the bytes that a token reads and
// the speed of decoding: in the arena where the setup has one. The perplexity of a row that is alone.
std::string TableSvg(const TableSetup& setup, const std::vector<TableRow>& rows);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_SVG_H_
