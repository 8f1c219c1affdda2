// Reads the header of a safetensors file: 8 bytes with its length, JSON, then the tensors' bytes.
#ifndef LFM2_PROGRAMS_PACK_SAFETENSORS_H_
#define LFM2_PROGRAMS_PACK_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "programs/base/error.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

enum class SafeType {
  kF32,
  kF16,
  kBF16,
  kU32,
  kU8,
  kOther,  // of a known size, but not in LFM2 models
};
uint32_t BytesOf(SafeType type);  // kOther: 0

struct SafeTensor {
  SafeType type = SafeType::kOther;
  std::string type_name;
  std::vector<uint64_t> shape;
  uint64_t offset = 0;  // in the file
  uint64_t bytes = 0;   // within the file

  uint64_t cols() const { return shape.empty() ? 1 : shape.back(); }
};
// "[2, 3]"
std::string ShapeText(const std::vector<uint64_t>& shape);

class Safetensors {
 public:
  // Reads and checks the header: every tensor has as many bytes as its type and shape require, and together the tensors
  // fill the rest of the file, without gaps or overlaps. Limits keep a hostile file from using much memory.
  Error Read(const ByteSource& file);

  const std::map<std::string, SafeTensor, std::less<>>& tensors() const { return tensors_; }

 private:
  std::map<std::string, SafeTensor, std::less<>> tensors_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_SAFETENSORS_H_
