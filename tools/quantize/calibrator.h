// Quantises a model layer by layer, with the activations that a text gives in the layers that are quantised already.
#ifndef LFM2_TOOLS_QUANTIZE_CALIBRATOR_H_
#define LFM2_TOOLS_QUANTIZE_CALIBRATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/base/executor.h"
#include "tools/common/error.h"
#include "tools/common/progress.h"
#include "tools/quantize/quantized_source.h"
#include "tools/quantize/weight_store.h"

namespace lfm2::tools {

struct CalibrationOptions {
  uint32_t tokens = 16384;   // of the text at most; their residual streams are held in memory
  uint32_t sequence = 512;   // tokens of a sequence: the text is cut into these, each for itself
  float damping = 0.03f;     // added to the diagonal of the inputs' moments, of its mean
  float prior = 128.0f;      // inputs of an average token that every expert is given besides its own
  uint32_t refinements = 3;  // passes over all integers behind the feedback
};

// The ids of a text, cut into sequences of equal length (but the last) that each begin with the begin token where the
// vocabulary has one. At least 2 tokens are left of it, or the Error says how many there were.
Error CalibrationIds(const Vocab& vocab, const std::string& text, const CalibrationOptions& options,
                     std::vector<std::vector<int32_t>>* sequences);

// Fills the store with every matrix that is quantised by `source` and belongs to a layer, and the reports of `source`.
// show: of weights quantised so far and in all. Goes on where `progress`, from WeightStore::Open, says. The result does
// not depend on the executor, nor on where an earlier run was interrupted.
Error Calibrate(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
                const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
                QuantizedSource* source);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_QUANTIZE_CALIBRATOR_H_
