// The results of lfm2-eval table, as a chart for choosing a file.
#ifndef LFM2_PROGRAMS_EVAL_TABLE_SVG_H_
#define LFM2_PROGRAMS_EVAL_TABLE_SVG_H_

#include <string>
#include <vector>

#include "programs/eval/table_row.h"

namespace lfm2::tools {

// KL divergence from the first row, which is not drawn, against the size of the file, the bytes that a token reads and
// the speed of decoding (in the arena if the setup has one). With a single row, its perplexity.
std::string TableSvg(const TableSetup& setup, const std::vector<TableRow>& rows);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_SVG_H_
