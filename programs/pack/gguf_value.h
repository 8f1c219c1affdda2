// A value in the metadata of a GGUF file.
#ifndef LFM2_PROGRAMS_PACK_GGUF_VALUE_H_
#define LFM2_PROGRAMS_PACK_GGUF_VALUE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace lfm2::tools {

// Numbers are those of the file format.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// A scalar is an array of one. For an array of arrays only the count is kept, and type is kArray.
struct GgufValue {
  GgufType type = GgufType::kU8;  // of the elements
  bool is_array = false;
  uint64_t count = 0;
  std::string numbers;               // the bytes of the elements, unless they are strings
  std::vector<std::string> strings;  // the elements, if they are strings
};

// Bytes of one element; 0 for types without a fixed size.
uint32_t ElementBytes(GgufType type);

// Element i of a value of integers or booleans. Returns false for other types and negative values.
bool IntegerAt(const GgufValue& value, uint64_t i, uint64_t* out);

// A value that is one number of any kind.
bool NumberOf(const GgufValue& value, double* out);

// A value as a short text for messages.
std::string Shown(const GgufValue& value);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_GGUF_VALUE_H_
