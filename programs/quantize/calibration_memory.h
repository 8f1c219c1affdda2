// How much memory a calibration takes.
#ifndef LFM2_PROGRAMS_QUANTIZE_CALIBRATION_MEMORY_H_
#define LFM2_PROGRAMS_QUANTIZE_CALIBRATION_MEMORY_H_

#include <cstdint>

#include "programs/quantize/quantized_source.h"

namespace lfm2::tools {

// About the memory that Calibrate takes at most; sequence: tokens of the longest.
uint64_t CalibrationBytes(const QuantizedSource& source, uint64_t tokens, uint32_t sequence);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_CALIBRATION_MEMORY_H_
