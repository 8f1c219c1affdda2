#include "programs/pack/gguf_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lfm2/base/numeric.h"

namespace lfm2::tools {

namespace {

// Far more than any model has, and low enough that a hostile file cannot exhaust memory.
constexpr uint64_t kMaxPairs = 1u << 16;
constexpr uint64_t kMaxTensors = 1u << 16;
constexpr uint64_t kMaxElements = 1u << 23;
constexpr size_t kMaxNesting = 8;  // of arrays in arrays
constexpr uint64_t kMaxStringBytes = 1u << 24;
constexpr uint64_t kMaxKeyBytes = 1u << 10;
constexpr uint64_t kMaxMetadataBytes = 1u << 28;
constexpr uint64_t kMaxAlignment = 1u << 20;
constexpr uint32_t kDefaultAlignment = 32;

constexpr GgmlTypeInfo kGgmlTypes[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},    {41, "Q1_0", 128, 18},    {42, "Q2_0", 64, 18},
};

}  // namespace

const GgmlTypeInfo* FindGgmlType(uint32_t number) {
  for (const GgmlTypeInfo& info : kGgmlTypes) {
    if (info.number == number) return &info;
  }
  return nullptr;
}

// Reads forward through a window, so that a long list of tokens does not take a system call for each.
class Gguf::Cursor {
 public:
  explicit Cursor(const ByteSource& source) : source_(source) {}

  uint64_t position() const { return window_begin_ + used_; }
  uint64_t remaining() const { return source_.size() - position(); }

  // out: nullptr skips them.
  Error Bytes(void* out, uint64_t bytes) {
    if (bytes > remaining()) return Error::Of("the file ends inside its metadata, at byte ", source_.size());
    if (position() + bytes > kMaxMetadataBytes) {
      return Error::Of("the metadata are larger than ", kMaxMetadataBytes, " bytes, which is more than any model has");
    }
    char* at = static_cast<char*>(out);
    while (bytes > 0) {
      if (used_ == window_.size()) LFM2_RETURN_IF_FAILED(Refill());
      const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes, window_.size() - used_));
      if (at != nullptr) {
        std::memcpy(at, window_.data() + used_, n);
        at += n;
      }
      used_ += n;
      bytes -= n;
    }
    return Error();
  }
  template <class T>
  Error Number(T* out) {
    return Bytes(out, sizeof(T));
  }
  // what: for the message. out: nullptr skips it.
  Error String(const char* what, uint64_t limit, std::string* out) {
    uint64_t size = 0;
    LFM2_RETURN_IF_FAILED(Number(&size));
    if (size > limit || size > remaining()) {
      return Error::Of("the length of ", what, " at byte ", position(), " is ", size, ", which is impossible");
    }
    if (out != nullptr) out->resize(static_cast<size_t>(size));
    return Bytes(out == nullptr ? nullptr : out->data(), size);
  }

 private:
  static constexpr uint64_t kWindowBytes = 1u << 16;

  Error Refill() {
    window_begin_ += used_;
    used_ = 0;
    window_.resize(static_cast<size_t>(std::min(kWindowBytes, source_.size() - window_begin_)));
    return source_.Read(window_begin_, window_.data(), window_.size());
  }

  const ByteSource& source_;
  std::string window_;
  uint64_t window_begin_ = 0;
  size_t used_ = 0;
};

Error Gguf::Read(const ByteSource& source) {
  Cursor cursor(source);
  char magic[4];
  if (source.size() < sizeof(magic)) return Error::Of("the file is too short to be a GGUF file");
  LFM2_RETURN_IF_FAILED(cursor.Bytes(magic, sizeof(magic)));
  if (std::memcmp(magic, "GGUF", sizeof(magic)) != 0)
    return Error::Of("the file is not a GGUF file: it does not begin with GGUF");
  LFM2_RETURN_IF_FAILED(cursor.Number(&version_));
  if (version_ != 0 && (version_ & 0xffffu) == 0)
    return Error::Of("the GGUF file is big-endian, which is not supported");
  if (version_ != 2 && version_ != 3) {
    return Error::Of("the file is GGUF version ", version_, "; only versions 2 and 3 are supported");
  }
  uint64_t tensor_count = 0, pair_count = 0;
  LFM2_RETURN_IF_FAILED(cursor.Number(&tensor_count));
  LFM2_RETURN_IF_FAILED(cursor.Number(&pair_count));
  if (tensor_count > kMaxTensors)
    return Error::Of("the GGUF header counts ", tensor_count, " tensors, which is impossible");
  if (pair_count > kMaxPairs) return Error::Of("the GGUF header counts ", pair_count, " keys, which is impossible");
  LFM2_RETURN_IF_FAILED(ReadPairs(&cursor, pair_count));
  LFM2_RETURN_IF_FAILED(ReadTensors(&cursor, tensor_count));
  return PlaceTensors(cursor.position(), source.size());
}

Error Gguf::ReadPairs(Cursor* cursor, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    std::string key;
    LFM2_RETURN_IF_FAILED(cursor->String("a key", kMaxKeyBytes, &key));
    if (key.empty()) return Error::Of("key number ", i, " is empty");
    GgufValue value;
    LFM2_RETURN_IF_FAILED(ReadValue(cursor, key, &value));
    if (!pairs_.emplace(key, std::move(value)).second) return Error::Of("the key ", key, " occurs twice");
  }
  return Error();
}

Error Gguf::ReadValue(Cursor* cursor, const std::string& key, GgufValue* value) {
  uint32_t type = 0;
  value->count = 1;
  LFM2_RETURN_IF_FAILED(cursor->Number(&type));
  if (type == static_cast<uint32_t>(GgufType::kArray)) {
    value->is_array = true;
    LFM2_RETURN_IF_FAILED(cursor->Number(&type));
    LFM2_RETURN_IF_FAILED(cursor->Number(&value->count));
  }
  if (type > static_cast<uint32_t>(GgufType::kF64)) return Error::Of("the key ", key, " has the unknown type ", type);
  value->type = static_cast<GgufType>(type);
  if (value->count > kMaxElements)
    return Error::Of("the key ", key, " counts ", value->count, " elements, which is impossible");
  if (value->type == GgufType::kArray) return SkipArrays(cursor, key, value->count);
  if (value->type == GgufType::kString) {
    for (uint64_t i = 0; i < value->count; ++i) {
      value->strings.emplace_back();
      LFM2_RETURN_IF_FAILED(cursor->String(key.c_str(), kMaxStringBytes, &value->strings.back()));
    }
    return Error();
  }
  const uint64_t bytes = value->count * ElementBytes(value->type);  // at most 2^26
  if (bytes > cursor->remaining()) return Error::Of("the file ends inside the key ", key);
  value->numbers.resize(static_cast<size_t>(bytes));
  return cursor->Bytes(value->numbers.data(), static_cast<size_t>(bytes));
}

// Skips `count` arrays, which may contain arrays. No key that programs read is of this kind.
Error Gguf::SkipArrays(Cursor* cursor, const std::string& key, uint64_t count) {
  uint64_t left[kMaxNesting] = {count};  // arrays that are still to come, on each level
  for (size_t depth = 1; depth > 0;) {
    if (left[depth - 1] == 0) {
      --depth;
      continue;
    }
    --left[depth - 1];
    uint32_t type = 0;
    uint64_t elements = 0;
    LFM2_RETURN_IF_FAILED(cursor->Number(&type));
    LFM2_RETURN_IF_FAILED(cursor->Number(&elements));
    if (type > static_cast<uint32_t>(GgufType::kF64)) return Error::Of("the key ", key, " has the unknown type ", type);
    if (elements > kMaxElements) {
      return Error::Of("the key ", key, " counts ", elements, " elements, which is impossible");
    }
    if (type == static_cast<uint32_t>(GgufType::kArray)) {
      if (depth == kMaxNesting) {
        return Error::Of("the key ", key, " nests arrays more than ", uint64_t{kMaxNesting}, " deep");
      }
      left[depth++] = elements;
    } else if (type == static_cast<uint32_t>(GgufType::kString)) {
      for (uint64_t i = 0; i < elements; ++i) {
        LFM2_RETURN_IF_FAILED(cursor->String(key.c_str(), kMaxStringBytes, nullptr));
      }
    } else {
      LFM2_RETURN_IF_FAILED(cursor->Bytes(nullptr, elements * ElementBytes(static_cast<GgufType>(type))));
    }
  }
  return Error();
}

Error Gguf::ReadTensors(Cursor* cursor, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    GgufTensor t;
    LFM2_RETURN_IF_FAILED(cursor->String("a tensor's name", kMaxKeyBytes, &t.name));
    LFM2_RETURN_IF_FAILED(cursor->Number(&t.dim_count));
    if (t.dim_count < 1 || t.dim_count > 4) {
      return Error::Of("the tensor ", t.name, " has ", t.dim_count, " dimensions, which is impossible");
    }
    for (uint32_t d = 0; d < t.dim_count; ++d) LFM2_RETURN_IF_FAILED(cursor->Number(&t.dims[d]));
    LFM2_RETURN_IF_FAILED(cursor->Number(&t.type));
    LFM2_RETURN_IF_FAILED(cursor->Number(&t.offset));
    if (!tensor_index_.emplace(t.name, tensors_.size()).second) {
      return Error::Of("the tensor ", t.name, " occurs twice");
    }
    tensors_.push_back(std::move(t));
  }
  return Error();
}

Error Gguf::PlaceTensors(uint64_t table_end, uint64_t file_bytes) {
  uint32_t alignment = kDefaultAlignment;
  if (Find("general.alignment") != nullptr) LFM2_RETURN_IF_FAILED(GetU32("general.alignment", &alignment));
  if (alignment == 0 || alignment > kMaxAlignment || (alignment & (alignment - 1)) != 0) {
    return Error::Of("general.alignment is ", alignment, ", not a power of two up to ", kMaxAlignment);
  }
  const uint64_t data = RoundUp<uint64_t>(table_end, alignment);  // table_end is at most kMaxMetadataBytes
  for (GgufTensor& t : tensors_) {
    const GgmlTypeInfo* info = FindGgmlType(t.type);
    if (info == nullptr) return Error::Of("the tensor ", t.name, " has the type number ", t.type, ", which is unknown");
    uint64_t values = 1;
    for (const uint64_t dim : t.dims) {
      if (dim == 0 || !CheckedMul(values, dim, &values)) {
        return Error::Of("the dimensions of the tensor ", t.name, " cannot be: one of them is ", dim);
      }
    }
    if (t.dims[0] % info->block_values != 0) {
      return Error::Of("the rows of the tensor ", t.name, " have ", t.dims[0], " values, not a multiple of ",
                       info->block_values, " as ", info->name, " needs");
    }
    if (t.offset % alignment != 0) {
      return Error::Of("the data of the tensor ", t.name, " begin at byte ", t.offset, ", not a multiple of the ",
                       alignment, " bytes that the file aligns to");
    }
    uint64_t end = 0;
    if (!CheckedMul(values / info->block_values, info->block_bytes, &t.bytes) ||
        !CheckedAdd(t.offset, data, &t.offset) || !CheckedAdd(t.offset, t.bytes, &end) || end > file_bytes) {
      return Error::Of("the data of the tensor ", t.name, " are not within the file: ", t.bytes, " bytes at ", t.offset,
                       " in a file of ", file_bytes);
    }
  }
  return CheckOverlaps();
}

Error Gguf::CheckOverlaps() const {
  std::vector<const GgufTensor*> in_order;
  for (const GgufTensor& t : tensors_) in_order.push_back(&t);
  std::sort(in_order.begin(), in_order.end(),
            [](const GgufTensor* a, const GgufTensor* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < in_order.size(); ++i) {
    if (in_order[i]->offset - in_order[i - 1]->offset >= in_order[i - 1]->bytes) continue;
    return Error::Of("the tensors ", in_order[i - 1]->name, " and ", in_order[i]->name, " share the byte ",
                     in_order[i]->offset, " of the file");
  }
  return Error();
}

const GgufTensor* Gguf::FindTensor(std::string_view name) const {
  const auto it = tensor_index_.find(name);
  return it == tensor_index_.end() ? nullptr : &tensors_[it->second];
}

const GgufValue* Gguf::Find(std::string_view key) const {
  const auto it = pairs_.find(key);
  return it == pairs_.end() ? nullptr : &it->second;
}

namespace {

Error Missing(std::string_view key) { return Error::Of("the GGUF file lacks the key ", key); }

}  // namespace

Error Gguf::GetU32(std::string_view key, uint32_t* out) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  uint64_t number = 0;
  if (value->is_array || !IntegerAt(*value, 0, &number) || number > UINT32_MAX) {
    return Error::Of("the key ", key, " is ", Shown(*value), ", not a whole number from 0 to 4294967295");
  }
  *out = static_cast<uint32_t>(number);
  return Error();
}

Error Gguf::GetF32(std::string_view key, float* out) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (!value->is_array && value->type == GgufType::kF32) {
    *out = LoadAs<float>(value->numbers.data());
  } else if (!value->is_array && value->type == GgufType::kF64) {
    *out = static_cast<float>(LoadAs<double>(value->numbers.data()));
  } else {
    return Error::Of("the key ", key, " is ", Shown(*value), ", not a floating-point number");
  }
  return Error();
}

Error Gguf::GetString(std::string_view key, std::string* out) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (value->is_array || value->type != GgufType::kString) {
    return Error::Of("the key ", key, " is ", Shown(*value), ", not a string");
  }
  *out = value->strings[0];
  return Error();
}

Error Gguf::GetU32Array(std::string_view key, uint32_t count, std::vector<uint32_t>* out) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (value->is_array && value->count != count) {
    return Error::Of("the key ", key, " has ", value->count, " elements, expected ", count);
  }
  out->clear();
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t number = 0;
    if (!IntegerAt(*value, value->is_array ? i : 0, &number) || number > UINT32_MAX) {
      return Error::Of("element ", i, " of the key ", key, ", ", Shown(*value),
                       ", is not a whole number from 0 to 4294967295");
    }
    out->push_back(static_cast<uint32_t>(number));
  }
  return Error();
}

}  // namespace lfm2::tools
