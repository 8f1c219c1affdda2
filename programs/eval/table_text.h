// The results of lfm2-eval table, as text and as Markdown.
#ifndef LFM2_PROGRAMS_EVAL_TABLE_TEXT_H_
#define LFM2_PROGRAMS_EVAL_TABLE_TEXT_H_

#include <string>
#include <vector>

#include "programs/eval/table_row.h"

namespace lfm2::tools {

// The first row is the base of the others.
std::string TableText(const TableSetup& setup, const std::vector<TableRow>& rows, bool markdown);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_TEXT_H_
