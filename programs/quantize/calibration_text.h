// The text that a model is calibrated with, as tokens.
#ifndef LFM2_PROGRAMS_QUANTIZE_CALIBRATION_TEXT_H_
#define LFM2_PROGRAMS_QUANTIZE_CALIBRATION_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// The first `tokens` ids of a text, in which the text of special tokens becomes those tokens, cut into sequences of
// `length` (the last may be shorter). Each begins with the begin token where the vocabulary has one, which counts. Both
// are 2 or more. The Error says how many tokens the text has where those are fewer than 2.
Error CalibrationIds(const Vocab& vocab, const std::string& text, uint32_t tokens, uint32_t length,
                     std::vector<std::vector<int32_t>>* sequences);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_CALIBRATION_TEXT_H_
