// The results of lfm2-eval table.
#ifndef LFM2_PROGRAMS_EVAL_TABLE_ROW_H_
#define LFM2_PROGRAMS_EVAL_TABLE_ROW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/eval/comparison.h"
#include "programs/measure/running_mean.h"

namespace lfm2::tools {

// Speed of decoding in an arena into which experts are read from a drive.
struct StreamedSpeed {
  uint64_t needed_bytes = 0;   // size the arena would need, if it is too small to measure; 0: it is large enough
  std::vector<double> decode;  // tokens a second, of each round; empty if the arena has all experts, or there are none
  RunningMean hit_rate;        // of each round: the share of experts that were in memory
  RunningMean read_bytes;      // per token, of each round: from the drive

  bool is_resident() const { return needed_bytes == 0 && decode.empty(); }
};

// The results for one model.
struct TableRow {
  std::string name;
  bool published = false;     // given in a format that other programs also read, and converted to an image
  uint64_t file_bytes = 0;    // of the given file
  uint64_t token_bytes = 0;   // weights that a decoded token reads, in the image
  uint64_t memory_bytes = 0;  // arena, and the part of the image that every token reads
  double bits_per_weight = 0;
  Prediction prediction;
  RunningMean acc, acc_norm, commands;  // empty: not measured
  std::vector<double> prefill, decode;  // tokens a second, of each round
  StreamedSpeed streamed;               // if the setup has an arena
};

// The setup that all rows share.
struct TableSetup {
  uint64_t predicted = 0;
  uint32_t window = 0;
  uint32_t memory_context = 0;  // positions of the session whose arena is reported
  uint32_t rounds = 0;          // in which every model was timed once
  uint32_t prompt = 0;          // tokens of a prefill, and of the decode after it
  uint32_t generated = 0;
  uint32_t threads = 0;
  uint64_t arena_bytes = 0;  // into which experts are read; 0: not streamed
  uint64_t throttle = 0;     // speed of the drive in bytes a second; 0: no limit
  std::string processor;     // may be empty
  std::string kernels;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_TABLE_ROW_H_
