// Writes float32 matrices as numpy's .npy files.
#ifndef LFM2_PROGRAMS_FILES_NPY_H_
#define LFM2_PROGRAMS_FILES_NPY_H_

#include <cstdint>
#include <string>

#include "programs/base/error.h"
#include "programs/files/byte_sink.h"

namespace lfm2::tools {

// The header of format version 1.0 for a C-ordered little-endian float32 array [rows, cols]; a multiple of 64 bytes.
std::string NpyHeader(uint64_t rows, uint64_t cols);

// Row by row; the sink outlives it.
class NpyWriter {
 public:
  NpyWriter(uint64_t rows, uint64_t cols, ByteSink* sink) : rows_(rows), cols_(cols), sink_(sink) {}
  // Called once, before the rows.
  Error Begin();
  // row: cols floats. Called `rows` times.
  Error Row(const float* row);

 private:
  uint64_t rows_;
  uint64_t cols_;
  uint64_t position_ = 0;
  ByteSink* sink_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_NPY_H_
