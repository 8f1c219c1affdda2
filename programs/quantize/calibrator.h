// Quantises a model layer by layer, with the activations that a text gives in the layers that are quantised already.
#ifndef LFM2_PROGRAMS_QUANTIZE_CALIBRATOR_H_
#define LFM2_PROGRAMS_QUANTIZE_CALIBRATOR_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/base/error.h"
#include "programs/console/progress.h"
#include "programs/quantize/quantized_source.h"
#include "programs/quantize/weight_store.h"

namespace lfm2::tools {

struct CalibrationOptions {
  uint32_t tokens = 16384;   // of the text at most; their residual streams are held in memory
  uint32_t sequence = 512;   // tokens of a sequence at most: the text is cut into these, each for itself
  float shrinkage = 0.3f;    // FactoredMoments'
  float damping = 0.05f;     // likewise
  float prior = 128.0f;      // inputs, as all tokens give them, that every expert gets besides its own
  uint32_t refinements = 3;  // QuantizeWithFeedback's
};

// Whether `source`'s tensor comes from the store: matrices that it quantises and that belong to a layer.
std::vector<bool> HeldTensors(const QuantizedSource& source);

// Quantises HeldTensors of `source`, which takes them and their reports from the store afterwards. sequences: of ids
// of the model's vocabulary. show: weights quantised so far and in all; false from it stops the work with an Error.
// Goes on where `progress`, from WeightStore::Open, says. The result does not depend on the executor, nor on where an
// earlier run was stopped. Errors: the source's, the store's, and weights or activations that are not finite, by name.
Error Calibrate(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
                const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
                QuantizedSource* source);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_CALIBRATOR_H_
