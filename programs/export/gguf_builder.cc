#include "programs/export/gguf_builder.h"

#include "lfm2/base/numeric.h"
#include "programs/pack/gguf_reader.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kGgufVersion = 3;
// The default of files that do not state one.
constexpr uint64_t kDataAlignment = 32;

template <class T>
void Put(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(std::string* out, std::string_view text) {
  Put(out, uint64_t{text.size()});
  out->append(text);
}

}  // namespace

void GgufBuilder::Begin(std::string_view key, uint32_t type) {
  PutText(&pairs_, key);
  Put(&pairs_, type);
  ++pair_count_;
}

void GgufBuilder::SetU32(std::string_view key, uint32_t value) {
  Begin(key, static_cast<uint32_t>(GgufType::kU32));
  Put(&pairs_, value);
}

void GgufBuilder::SetI32(std::string_view key, int32_t value) {
  Begin(key, static_cast<uint32_t>(GgufType::kI32));
  Put(&pairs_, value);
}

void GgufBuilder::SetF32(std::string_view key, float value) {
  Begin(key, static_cast<uint32_t>(GgufType::kF32));
  Put(&pairs_, value);
}

void GgufBuilder::SetBool(std::string_view key, bool value) {
  Begin(key, static_cast<uint32_t>(GgufType::kBool));
  Put(&pairs_, static_cast<uint8_t>(value ? 1 : 0));
}

void GgufBuilder::SetText(std::string_view key, std::string_view value) {
  Begin(key, static_cast<uint32_t>(GgufType::kString));
  PutText(&pairs_, value);
}

void GgufBuilder::SetI32s(std::string_view key, const std::vector<int32_t>& values) {
  Begin(key, static_cast<uint32_t>(GgufType::kArray));
  Put(&pairs_, static_cast<uint32_t>(GgufType::kI32));
  Put(&pairs_, uint64_t{values.size()});
  for (const int32_t value : values) Put(&pairs_, value);
}

void GgufBuilder::SetTexts(std::string_view key, const std::vector<std::string>& values) {
  Begin(key, static_cast<uint32_t>(GgufType::kArray));
  Put(&pairs_, static_cast<uint32_t>(GgufType::kString));
  Put(&pairs_, uint64_t{values.size()});
  for (const std::string& value : values) PutText(&pairs_, value);
}

uint64_t GgufBuilder::AddTensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                                uint64_t bytes) {
  const uint64_t offset = data_bytes_;
  PutText(&tensors_, name);
  Put(&tensors_, static_cast<uint32_t>(dims.size()));
  for (const uint64_t dim : dims) Put(&tensors_, dim);
  Put(&tensors_, type);
  Put(&tensors_, offset);
  ++tensor_count_;
  data_bytes_ = RoundUp<uint64_t>(offset + bytes, kDataAlignment);
  return offset;
}

std::string GgufBuilder::Front() const {
  std::string bytes = "GGUF";
  Put(&bytes, kGgufVersion);
  Put(&bytes, tensor_count_);
  Put(&bytes, pair_count_);
  bytes += pairs_ + tensors_;
  bytes.resize(RoundUp<size_t>(bytes.size(), kDataAlignment));
  return bytes;
}

}  // namespace lfm2::tools
