// lfm2-eval table: compares models of one vocabulary by quality, speed and memory.
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
  bool cache = true;  // as in ModelArgument
  std::string base;   // empty: the first model
  CorpusArguments corpus;
  std::string choices;       // JSON file of tasks; empty: none
  std::string commands;      // JSON lines; empty: none
  uint64_t arena_bytes = 0;  // arena for experts in the streamed speed measurement; 0: not measured
  uint64_t throttle = 0;     // simulated speed of the drive in bytes a second; 0: no limit
  std::string svg;           // file to write; empty: none
  bool markdown = false;
  uint32_t threads = 0;  // 0: one for each usable core
};
Error RunTable(const TableArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_H_
