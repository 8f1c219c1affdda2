// The results of lfm2-eval table, as text, as Markdown and as a picture.
#ifndef LFM2_TOOLS_EVAL_TABLE_TEXT_H_
#define LFM2_TOOLS_EVAL_TABLE_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/common/running_mean.h"
#include "tools/eval/comparison.h"

namespace lfm2::tools {

// What was measured of a model.
struct TableRow {
  std::string name;
  uint64_t file_bytes = 0;
  uint64_t memory_bytes = 0;  // arena, and what every token reads of the file
  double bits_per_weight = 0;
  Prediction prediction;
  RunningMean acc, acc_norm, commands;  // empty: not measured
  std::vector<double> prefill, decode;  // tokens a second, of each round
};

// What all rows have in common.
struct TableSetup {
  uint64_t predicted = 0;
  uint32_t window = 0;
  uint32_t memory_context = 0;  // positions of the session whose arena counts
  uint32_t rounds = 0;          // in which every model was timed once
  uint32_t prompt = 0;          // tokens of a prefill, and of the decode behind it
  uint32_t generated = 0;
  uint32_t threads = 0;
  std::string processor;  // may be empty
  std::string kernels;
};

// The first row is the base of the others.
std::string TableText(const TableSetup& setup, const std::vector<TableRow>& rows, bool markdown);
std::string TableSvg(const TableSetup& setup, const std::vector<TableRow>& rows);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EVAL_TABLE_TEXT_H_
