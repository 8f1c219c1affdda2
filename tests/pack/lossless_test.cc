// Every weight of a GGUF file is in the image, whatever its type and however many parts the file has.
#include <doctest/doctest.h>

#include <cmath>

#include "lfm2/base/numeric.h"
#include "lfm2/format/image.h"
#include "lfm2/storage/memory_storage.h"
#include "programs/pack/verify.h"
#include "tests/kernels/test_types.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/pack_gguf.h"
#include "tests/pack/texts.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::GgufSource;
using tools::GgufTensor;
using tools::MemorySink;
using tools::MemorySource;
using tools::PackPlan;

// One value of a ggml row by the definition of its type in ggml's dequantize_row functions.
float GgmlValue(uint32_t type, const char* row, uint32_t col) {
  const uint8_t* p = reinterpret_cast<const uint8_t*>(row);
  switch (type) {
    case kGgmlF32: return LoadAs<float>(p + col * 4);
    case kGgmlF16: return F32FromF16(LoadAs<uint16_t>(p + col * 2));
    case kGgmlBF16: return F32FromBF16(LoadAs<uint16_t>(p + col * 2));
    case kGgmlQ4_0: {
      const uint8_t* b = p + col / 32 * 18;
      const uint8_t byte = b[2 + col % 16];
      const int value = (col % 32 < 16 ? byte & 15 : byte >> 4) - 8;
      return static_cast<float>(value) * F32FromF16(LoadAs<uint16_t>(b));
    }
    case kGgmlQ8_0: {
      const uint8_t* b = p + col / 32 * 34;
      return static_cast<float>(static_cast<int8_t>(b[2 + col % 32])) * F32FromF16(LoadAs<uint16_t>(b));
    }
    case kGgmlQ4_1:
    case kGgmlQ5_0:
    case kGgmlQ5_1: {
      const bool five = type != kGgmlQ4_1, has_min = type != kGgmlQ5_0;
      const uint8_t* b = p + col / 32 * (16 + (five ? 4 : 0) + (has_min ? 4 : 2));
      const uint8_t* bits = b + (has_min ? 4 : 2);
      const uint8_t byte = bits[(five ? 4 : 0) + col % 16];
      int value = col % 32 < 16 ? byte & 15 : byte >> 4;
      if (five) value |= static_cast<int>(LoadAs<uint32_t>(bits) >> (col % 32) & 1) << 4;
      const float d = F32FromF16(LoadAs<uint16_t>(b));
      if (!has_min) return static_cast<float>(value - 16) * d;
      return static_cast<float>(value) * d + F32FromF16(LoadAs<uint16_t>(b + 2));
    }
    case kGgmlIQ4_NL:
    case kGgmlMxfp4: {
      const bool table = type == kGgmlIQ4_NL;
      const uint8_t* b = p + col / 32 * (table ? 18 : 17);
      const uint8_t byte = b[(table ? 2 : 1) + col % 16];
      const uint32_t nibble = col % 32 < 16 ? byte & 15u : uint32_t{byte} >> 4;
      if (table) return static_cast<float>(WholeOf(TensorType::kIQ4_NL, nibble)) * F32FromF16(LoadAs<uint16_t>(b));
      return std::ldexp(static_cast<float>(WholeOf(TensorType::kMxfp4, nibble)), b[0] - 128);
    }
    case kGgmlQ4_K:
    case kGgmlQ5_K: {
      const bool five = type == kGgmlQ5_K;
      const uint8_t* b = p + col / 256 * (five ? 176 : 144);
      const uint32_t g = col % 256 / 32, c = col % 32;
      const uint8_t* s = b + 4;  // get_scale_min_k4
      const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | (s[g - 4] >> 6) << 4;
      const int min = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | (s[g] >> 6) << 4;
      int value = b[(five ? 48 : 16) + g / 2 * 32 + c] >> (g % 2 * 4) & 15;
      if (five) value |= (b[16 + c] >> g & 1) << 4;
      const float d = F32FromF16(LoadAs<uint16_t>(b)), dmin = F32FromF16(LoadAs<uint16_t>(b + 2));
      return d * static_cast<float>(scale) * static_cast<float>(value) - dmin * static_cast<float>(min);
    }
    default: {
      REQUIRE(type == kGgmlQ6_K);
      const uint8_t* b = p + col / 256 * 210;
      const uint32_t c = col % 256, n = c / 128, quarter = c % 128 / 32, l = c % 32;
      const int low = b[64 * n + (quarter % 2) * 32 + l] >> (quarter / 2 * 4) & 15;
      const int high = b[128 + 32 * n + l] >> (2 * quarter) & 3;
      const float scale = static_cast<float>(static_cast<int8_t>(b[192 + 8 * n + 2 * quarter + l / 16]));
      return F32FromF16(LoadAs<uint16_t>(b + 208)) * scale * static_cast<float>((low | high << 4) - 32);
    }
  }
}

size_t GgmlRow(uint32_t type, uint64_t cols) {
  const tools::GgmlTypeInfo* info = tools::FindGgmlType(type);
  return static_cast<size_t>(cols / info->block_values * info->block_bytes);
}

// One value of a matrix in an image, by the byte positions that docs/format.md gives.
float ImageValue(TensorType type, const uint8_t* data, uint32_t cols, uint32_t row, uint32_t col) {
  const uint32_t r = row % 16, columns = TraitsOf(type).columns;
  const size_t block = size_t{row / 16} * (cols / columns) + col / columns;
  const uint32_t c = col % 32, quad = c / 4, i = r * 4 + c % 4;
  if (type == TensorType::kF32) return LoadAs<float>(data + block * 2048 + (c * 16 + r) * 4);
  if (type == TensorType::kF16) return F32FromF16(LoadAs<uint16_t>(data + block * 1024 + (c * 16 + r) * 2));
  if (type == TensorType::kBF16) return F32FromBF16(LoadAs<uint16_t>(data + block * 1024 + (c * 16 + r) * 2));
  const Places places = PlacesOf(type);
  const uint8_t* b = data + block * TraitsOf(type).bytes;
  const uint32_t g = col % columns / 32;
  const uint8_t* group = b + g * places.group_bytes;
  uint32_t bits = places.bits == 8 ? group[quad * 64 + i] : group[quad % 4 * 64 + i] >> (4 * (quad / 4)) & 15u;
  if (places.bits == 5) bits |= (uint32_t{group[256 + i]} >> quad & 1) << 4;
  if (places.bits == 6)
    bits |= (uint32_t{group[256 + quad % 4 / 2 * 64 + i]} >> (4 * (quad % 2) + 2 * (quad / 4)) & 3) << 4;
  const float whole = static_cast<float>(WholeOf(type, bits));
  if (type == TensorType::kMxfp4) return std::ldexp(whole, b[places.scale + r] - 128);
  float scale = F32FromF16(LoadAs<uint16_t>(b + places.scale + r * 2));
  float min = places.min == 0 ? 0.0f : F32FromF16(LoadAs<uint16_t>(b + places.min + r * 2));
  if (type == TensorType::kQ6_K) scale *= static_cast<float>(static_cast<int8_t>(group[384 + quad / 4 * 16 + r]));
  if (places.six_bits != 0) {
    const uint32_t low = group[places.six_bits + r],
                   high = b[places.six_bits_high + g / 2 * 16 + r] >> (g % 2 * 4) & 15u;
    scale *= static_cast<float>((low & 15) | (high & 3) << 4);
    min *= -static_cast<float>(low >> 4 | (high >> 2) << 4);
  }
  return places.min == 0 ? whole * scale : whole * scale + min;
}

// Packs, opens, and compares every value of every tensor; also the zeros in the places of rows that do not exist.
void CheckLossless(const std::string& gguf_bytes) {
  const MemorySource file(gguf_bytes);
  GgufSource source;
  PackPlan plan;
  Error planned = source.Open({&file}, {});
  if (planned.ok()) planned = PlanPack(source, "", &plan);
  REQUIRE_MESSAGE(planned.ok(), planned.text());
  MemorySink sink;
  REQUIRE(WriteImage(source, plan, tools::StepProgress(), &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  REQUIRE(image.tensor_count() == source.tensors().size());

  for (uint32_t t = 0; t < image.tensor_count(); ++t) {
    const TensorSpec& spec = source.tensors()[t].spec;
    const GgufTensor& from = *source.origin(t).tensor;
    const TensorEntry entry = image.tensor(t);
    const bool expert = spec.layout == TensorLayout::kExpert;
    const size_t row_bytes = GgmlRow(from.type, from.dims[0]);
    uint64_t wrong = 0;
    for (uint32_t e = 0; e < (expert ? image.config().experts : 1); ++e) {
      const uint8_t* data =
          expert ? image.Record(spec.layer - image.config().dense_layers, e) + entry.offset : image.PinnedData(entry);
      const char* rows = gguf_bytes.data() + from.offset + e * spec.rows * row_bytes;
      const uint32_t padded = spec.layout == TensorLayout::kPlain ? spec.rows : (spec.rows + 15) / 16 * 16;
      for (uint32_t row = 0; row < padded; ++row) {
        for (uint32_t col = 0; col < spec.cols; ++col) {
          const bool turned = spec.role == TensorRole::kConvKernel;
          const float want = row >= spec.rows ? 0.0f
                             : turned         ? GgmlValue(from.type, rows + col * row_bytes, row)
                                              : GgmlValue(from.type, rows + row * row_bytes, col);
          const float got = spec.layout == TensorLayout::kPlain
                                ? LoadAs<float>(data + (size_t{row} * spec.cols + col) * 4)
                                : ImageValue(static_cast<TensorType>(entry.type), data, spec.cols, row, col);
          wrong += row >= spec.rows ? got != 0.0f : BitCast<uint32_t>(got) != BitCast<uint32_t>(want);
        }
      }
    }
    CHECK_MESSAGE(wrong == 0, from.name << ": " << wrong << " values differ");
  }
  CHECK(image.VerifyPinned().ok());
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    for (uint32_t e = 0; e < image.config().experts; ++e) CHECK(image.VerifyRecord(m, e).ok());
  }
  const MemorySource packed(sink.bytes());
  CHECK(VerifyCrcs(image, packed, tools::StepProgress()).ok());
}

}  // namespace

TEST_CASE("a weight that changes on its way into the image would change what the model says: every type") {
  for (const uint32_t type : {kGgmlF32, kGgmlF16, kGgmlBF16, kGgmlQ4_0, kGgmlQ4_1, kGgmlQ5_0, kGgmlQ5_1, kGgmlQ8_0,
                              kGgmlQ4_K, kGgmlQ5_K, kGgmlQ6_K, kGgmlIQ4_NL, kGgmlMxfp4}) {
    CAPTURE(type);
    TinyOptions o;
    o.hidden = o.expert_ff = 256;
    o.matrix = o.embedding = type;
    o.vector = type == kGgmlF16 || type == kGgmlBF16 ? type : uint32_t{kGgmlF32};
    CheckLossless(MakeTinyGguf(o).Bytes());
  }
}

TEST_CASE("a matrix that is read in several pieces, the last one shorter, is whole in the image") {
  TinyOptions o;
  o.hidden = 512;
  o.matrix = kGgmlQ8_0;
  CheckLossless(MakeTinyGguf(o).Bytes());
}

TEST_CASE("a model in several parts is the same image; a part that is missing, foreign or first in line is named") {
  const TinyGguf whole = MakeTinyGguf(TinyOptions());
  TinyGguf parts[3];
  for (uint32_t i = 0; i < 3; ++i) {
    if (i == 0) parts[i].pairs = whole.pairs;
    parts[i].SetU32("split.count", 3);
    parts[i].SetU32("split.no", i);
  }
  for (size_t t = 0; t < whole.tensors.size(); ++t) parts[t % 3].tensors.push_back(whole.tensors[t]);
  const auto pack = [](const std::vector<std::string>& bytes, MemorySink* sink) {
    std::vector<MemorySource> files;
    for (const std::string& b : bytes) files.emplace_back(b);
    std::vector<const tools::ByteSource*> sources;
    for (const MemorySource& f : files) sources.push_back(&f);
    GgufSource source;
    PackPlan plan;
    LFM2_RETURN_IF_FAILED(source.Open(sources, {}));
    LFM2_RETURN_IF_FAILED(PlanPack(source, "", &plan));
    return WriteImage(source, plan, tools::StepProgress(), sink);
  };
  const std::string a = parts[0].Bytes(), b = parts[1].Bytes(), c = parts[2].Bytes();
  MemorySink one, split, unused;
  REQUIRE(pack({whole.Bytes()}, &one).ok());
  const Error error = pack({a, b, c}, &split);
  REQUIRE_MESSAGE(error.ok(), error.text());
  CHECK(one.bytes() == split.bytes());
  CHECK(Contains(pack({a, b}, &unused).text(), "split.count is 3"));
  CHECK(Contains(pack({a, c, b}, &unused).text(), "split.no is 2, expected 1"));
  CHECK(Contains(pack({a}, &unused).text(), "give the first"));
  CHECK(Contains(pack({a, b, b}, &unused).text(), "split.no is 1, expected 2"));
  parts[2].tensors = parts[1].tensors;
  CHECK(Contains(pack({a, b, parts[2].Bytes()}, &unused).text(), "is missing"));
  parts[2].tensors = whole.tensors;
  CHECK(Contains(pack({a, b, parts[2].Bytes()}, &unused).text(), "two parts"));

  std::vector<std::string> names;
  CHECK(tools::GgufParts("dir/m-00001-of-00002.gguf", &names).ok());
  CHECK(names == std::vector<std::string>{"dir/m-00001-of-00002.gguf", "dir/m-00002-of-00002.gguf"});
  CHECK(tools::GgufParts("m-1-of-00002.gguf", &names).ok());
  CHECK(names.size() == 1);
  CHECK(Contains(tools::GgufParts("m-00002-of-00002.gguf", &names).text(), "part 00002"));
  CHECK(Contains(tools::GgufParts("m-00001-of-99999.gguf", &names).text(), "99999 parts"));
}

TEST_CASE("dense models, untied heads and version 2 files pack as well") {
  TinyOptions o;
  o.moe = false;
  o.untied = true;
  TinyGguf file = MakeTinyGguf(o);
  file.version = 2;
  CheckLossless(file.Bytes());
}

TEST_CASE("files as llama-quantize publishes them pack without a change") {
  for (const char* name : {"/gguf/moe-256-Q4_K_M.gguf", "/gguf/dense-256-Q4_0.gguf", "/home/Q4_0.gguf"}) {
    CAPTURE(name);
    CheckLossless(ReadWholeFile(std::string(LFM2_TEST_DATA) + name));
  }
}

}  // namespace lfm2::test
