// Reads the metadata of a GGUF file (version 2 or 3, little-endian): key/value pairs and the tensor table.
#ifndef LFM2_PROGRAMS_PACK_GGUF_READER_H_
#define LFM2_PROGRAMS_PACK_GGUF_READER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "programs/base/error.h"
#include "programs/files/byte_source.h"
#include "programs/pack/gguf_value.h"

namespace lfm2::tools {

// How one ggml tensor type is stored: `block_bytes` for each `block_values` values of a row.
struct GgmlTypeInfo {
  uint32_t number;
  const char* name;
  uint32_t block_values;
  uint32_t block_bytes;
};
// nullptr for an unknown number.
const GgmlTypeInfo* FindGgmlType(uint32_t number);

struct GgufTensor {
  std::string name;
  uint64_t dims[4] = {1, 1, 1, 1};  // dims[0] runs fastest
  uint32_t dim_count = 0;
  uint32_t type = 0;    // ggml's number, of a known type
  uint64_t offset = 0;  // in the file
  uint64_t bytes = 0;   // within the file
};

// The metadata of one file, checked: the data of every tensor is within the file and overlaps no other, and names and
// keys are unique.
class Gguf {
 public:
  // Reads and checks everything before the tensor data. Limits on counts keep a hostile file from using much memory.
  Error Read(const ByteSource& source);

  uint32_t version() const { return version_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufTensor* FindTensor(std::string_view name) const;
  // nullptr if the file has no such key.
  const GgufValue* Find(std::string_view key) const;

  // A required value of this kind; otherwise the Error names the key. Integers of any width and signedness are accepted
  // if they fit.
  Error GetU32(std::string_view key, uint32_t* out) const;
  Error GetF32(std::string_view key, float* out) const;
  Error GetString(std::string_view key, std::string* out) const;
  // A scalar means `count` equal elements.
  Error GetU32Array(std::string_view key, uint32_t count, std::vector<uint32_t>* out) const;

 private:
  class Cursor;
  Error ReadValue(Cursor* cursor, const std::string& key, GgufValue* value);
  static Error SkipArrays(Cursor* cursor, const std::string& key, uint64_t count);
  Error ReadPairs(Cursor* cursor, uint64_t count);
  Error ReadTensors(Cursor* cursor, uint64_t count);
  Error PlaceTensors(uint64_t table_end, uint64_t file_bytes);
  Error CheckOverlaps() const;

  uint32_t version_ = 0;
  std::map<std::string, GgufValue, std::less<>> pairs_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, size_t, std::less<>> tensor_index_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_READER_H_
