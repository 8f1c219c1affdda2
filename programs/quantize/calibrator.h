// Quantises a model layer by layer, with the activations that a text produces in the layers that are already quantised.
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
  uint32_t sequence = 512;   // at most, in each of the sequences that the text is cut into; they are independent
  float shrinkage = 0.3f;    // as in FactoredMoments
  float damping = 0.05f;     // likewise
  float prior = 128.0f;      // inputs from all tokens that every expert gets in addition to its own
  uint32_t refinements = 3;  // as in QuantizeWithFeedback
};

// Whether this tensor of `source` comes from the store: matrices that the source quantises and that belong to a layer.
std::vector<bool> HeldTensors(const QuantizedSource& source);

// Quantises HeldTensors of `source`, which then reads them and their reports from the store. sequences: of ids of the
// model's vocabulary. show: called with the weights quantised so far and their total; if it returns false, the work
// stops with an Error. Continues from `progress`, as WeightStore::Open returns it. The result depends neither on the
// executor nor on where an earlier run was stopped. Errors: those of the source and the store, and weights or
// activations that are not finite, with the tensor's name.
Error Calibrate(const std::vector<std::vector<int32_t>>& sequences, const CalibrationOptions& options,
                const Executor* executor, const StepProgress& show, WeightProgress* progress, WeightStore* store,
                QuantizedSource* source);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_CALIBRATOR_H_
