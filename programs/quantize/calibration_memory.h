// Estimates the memory that a calibration needs.
#ifndef LFM2_PROGRAMS_QUANTIZE_CALIBRATION_MEMORY_H_
#define LFM2_PROGRAMS_QUANTIZE_CALIBRATION_MEMORY_H_

#include <cstdint>

#include "programs/quantize/quantized_source.h"

namespace lfm2::tools {

// An estimate of the peak memory of Calibrate. sequence: tokens of the longest sequence.
uint64_t CalibrationBytes(const QuantizedSource& source, uint64_t tokens, uint32_t sequence);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_CALIBRATION_MEMORY_H_
