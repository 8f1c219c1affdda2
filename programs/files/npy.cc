#include "programs/files/npy.h"

namespace lfm2::tools {

std::string NpyHeader(uint64_t rows, uint64_t cols) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                     std::to_string(cols) + "), }";
  constexpr size_t kPrefix = 10;
  while ((kPrefix + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  const char length[] = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return std::string("\x93NUMPY\x01\x00", 8) + std::string(length, 2) + text;
}

Error NpyWriter::Begin() {
  const std::string header = NpyHeader(rows_, cols_);
  position_ = header.size();
  return sink_->Write(0, header.data(), header.size());
}

Error NpyWriter::Row(const float* row) {
  const size_t bytes = static_cast<size_t>(cols_) * sizeof(float);
  LFM2_RETURN_IF_FAILED(sink_->Write(position_, row, bytes));
  position_ += bytes;
  return Error();
}

}  // namespace lfm2::tools
