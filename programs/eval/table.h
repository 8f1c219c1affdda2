// lfm2-eval table: models of one vocabulary beside each other, by quality, speed and memory.
#ifndef LFM2_PROGRAMS_EVAL_TABLE_H_
#define LFM2_PROGRAMS_EVAL_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/eval/corpus.h"

namespace lfm2::tools {

struct TableArguments {
  std::vector<std::string> models;
  bool cache = true;  // ModelArgument's
  std::string base;   // empty: the first model
  CorpusArguments corpus;
  std::string choices;       // JSON file of tasks; empty: none
  std::string commands;      // JSON lines; empty: none
  uint64_t arena_bytes = 0;  // that experts are read into where speed is measured; 0: not measured
  uint64_t throttle = 0;     // bytes a second that the drive seems to give; 0: what it gives
  std::string svg;           // file to write; empty: none
  bool markdown = false;
  uint32_t threads = 0;  // 0: one for each core that may be used
};
Error RunTable(const TableArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_H_
