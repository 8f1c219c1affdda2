// The text that a model is calibrated with, as tokens.
#ifndef LFM2_PROGRAMS_QUANTIZE_CALIBRATION_TEXT_H_
#define LFM2_PROGRAMS_QUANTIZE_CALIBRATION_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// Encodes a text, with the text of special tokens becoming those tokens, and cuts its first `tokens` ids into sequences
// of `length` (the last may be shorter). Each sequence starts with the begin token, which counts, if the vocabulary has
// one. `tokens` and `length` are at least 2. If the text has fewer than 2 tokens, the Error gives their number.
Error CalibrationIds(const Vocab& vocab, const std::string& text, uint32_t tokens, uint32_t length,
                     std::vector<std::vector<int32_t>>* sequences);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_CALIBRATION_TEXT_H_
