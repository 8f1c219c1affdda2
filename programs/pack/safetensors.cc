#include "programs/pack/safetensors.h"

#include <algorithm>

#include "programs/files/strict_json.h"

namespace lfm2::tools {

namespace {

constexpr uint64_t kMaxHeaderBytes = 100u << 20;  // what the format's own library accepts, rounded up
constexpr size_t kMaxDimensions = 8;
constexpr size_t kMaxHeaderTensors = 1u << 20;

struct TypeSize {
  const char* name;
  SafeType type;
  uint32_t bytes;
};
constexpr TypeSize kTypeSizes[] = {
    {"F32", SafeType::kF32, 4},    {"F16", SafeType::kF16, 2},   {"BF16", SafeType::kBF16, 2},
    {"U32", SafeType::kU32, 4},    {"U8", SafeType::kU8, 1},     {"I8", SafeType::kOther, 1},
    {"BOOL", SafeType::kOther, 1}, {"U16", SafeType::kOther, 2}, {"I16", SafeType::kOther, 2},
    {"I32", SafeType::kOther, 4},  {"I64", SafeType::kOther, 8}, {"U64", SafeType::kOther, 8},
    {"F64", SafeType::kOther, 8},
};

bool NumberAt(const nlohmann::json& list, size_t i, uint64_t* out) {
  if (!list[i].is_number_unsigned()) return false;
  *out = list[i].get<uint64_t>();
  return true;
}

std::string ShownOrNone(const nlohmann::json* value) { return value == nullptr ? "null" : Shown(*value); }

// Offsets in the header count from its end.
Error ReadEntry(const std::string& name, const nlohmann::json& entry, uint64_t data_bytes, SafeTensor* t) {
  if (!entry.is_object()) return Error::Of("the tensor ", name, " is not an object");
  JsonMembers members(entry);
  members.Text("dtype", &t->type_name);
  if (!members.error().ok()) return Error::Of("the tensor ", name, ": ", members.error().text());
  const auto type = std::find_if(std::begin(kTypeSizes), std::end(kTypeSizes),
                                 [&](const TypeSize& known) { return t->type_name == known.name; });
  if (type == std::end(kTypeSizes)) return Error::Of("the tensor ", name, " has the unknown dtype ", t->type_name);
  t->type = type->type;

  const nlohmann::json* const shape = members.Find("shape");
  if (shape == nullptr || !shape->is_array() || shape->size() > kMaxDimensions) {
    return Error::Of("the tensor ", name, " has the shape ", ShownOrNone(shape), ", not a list of at most ",
                     uint64_t{kMaxDimensions}, " dimensions");
  }
  uint64_t bytes = type->bytes;
  for (size_t i = 0; i < shape->size(); ++i) {
    uint64_t size = 0;
    if (!NumberAt(*shape, i, &size)) {
      return Error::Of("the tensor ", name, " has the dimension ", Shown((*shape)[i]), ", not a whole number");
    }
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return Error::Of("the tensor ", name, " has the shape ", Shown(*shape), ", which is too large");
    }
    t->shape.push_back(size);
  }
  const nlohmann::json* const offsets = members.Find("data_offsets");
  uint64_t begin = 0, end = 0;
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2 || !NumberAt(*offsets, 0, &begin) ||
      !NumberAt(*offsets, 1, &end)) {
    return Error::Of("the tensor ", name, " has the data_offsets ", ShownOrNone(offsets), ", not two whole numbers");
  }
  if (begin > end || end > data_bytes) {
    return Error::Of("the tensor ", name, " has the data_offsets ", Shown(*offsets), ", not within the ", data_bytes,
                     " bytes of data");
  }
  if (end - begin != bytes) {
    return Error::Of("the tensor ", name, " has ", end - begin, " bytes, but ", t->type_name, " of the shape ",
                     Shown(*shape), " takes ", bytes);
  }
  t->offset = begin;
  t->bytes = bytes;
  return Error();
}

}  // namespace

uint32_t BytesOf(SafeType type) {
  for (const TypeSize& known : kTypeSizes) {
    if (known.type == type && type != SafeType::kOther) return known.bytes;
  }
  return 0;
}

std::string ShapeText(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (const uint64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

Error Safetensors::Read(const ByteSource& file) {
  uint64_t header_bytes = 0;
  if (file.size() < sizeof(header_bytes)) return Error::Of("the file has only ", file.size(), " bytes");
  LFM2_RETURN_IF_FAILED(file.Read(0, &header_bytes, sizeof(header_bytes)));
  const uint64_t room = file.size() - sizeof(header_bytes);
  if (header_bytes > room || header_bytes > kMaxHeaderBytes) {
    return Error::Of("the length of the header is ", header_bytes, ", more than ",
                     header_bytes > room ? "the file has" : "any real one's");
  }
  std::string text(static_cast<size_t>(header_bytes), '\0');
  LFM2_RETURN_IF_FAILED(file.Read(sizeof(header_bytes), text.data(), text.size()));
  nlohmann::json header;
  const Error parsed = ParseStrictJson(text, &header);
  if (!parsed.ok()) return Error::Of("the header: ", parsed.text());
  if (header.size() > kMaxHeaderTensors) return Error::Of("the header has ", uint64_t{header.size()}, " tensors");

  const uint64_t data_bytes = room - header_bytes;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    SafeTensor t;
    LFM2_RETURN_IF_FAILED(ReadEntry(name, entry, data_bytes, &t));
    ranges.emplace_back(t.offset, t.offset + t.bytes);
    t.offset += sizeof(header_bytes) + header_bytes;
    tensors_.emplace(name, std::move(t));
  }
  std::sort(ranges.begin(), ranges.end());
  uint64_t end = 0;
  for (const auto& range : ranges) {
    if (range.first < end) return Error::Of("two tensors share the byte ", range.first, " of the data");
    if (range.first > end) return Error::Of("no tensor has the byte ", end, " of the data");
    end = range.second;
  }
  if (end != data_bytes) return Error::Of("no tensor has the byte ", end, " of the data");
  return Error();
}

}  // namespace lfm2::tools
