// Builds the front of a GGUF version 3 file: key/value pairs, and the tensor table with the offsets of the data.
#ifndef LFM2_PROGRAMS_EXPORT_GGUF_BUILDER_H_
#define LFM2_PROGRAMS_EXPORT_GGUF_BUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lfm2::tools {

class GgufBuilder {
 public:
  // Each key may be added once.
  void SetU32(std::string_view key, uint32_t value);
  void SetI32(std::string_view key, int32_t value);
  void SetF32(std::string_view key, float value);
  void SetBool(std::string_view key, bool value);
  void SetText(std::string_view key, std::string_view value);
  void SetI32s(std::string_view key, const std::vector<int32_t>& values);
  void SetTexts(std::string_view key, const std::vector<std::string>& values);

  // dims: 1 to 4, fastest varying first. type: ggml's number. The data follow those of the previous tensor, at the next
  // multiple of the alignment; returns their offset from the start of all data.
  uint64_t AddTensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t bytes);

  // Everything before the data, which start where it ends.
  std::string Front() const;
  // Size of the data, with the padding after the last tensor.
  uint64_t data_bytes() const { return data_bytes_; }

 private:
  void Begin(std::string_view key, uint32_t type);

  uint64_t pair_count_ = 0;
  uint64_t tensor_count_ = 0;
  uint64_t data_bytes_ = 0;
  std::string pairs_;
  std::string tensors_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EXPORT_GGUF_BUILDER_H_
