// The metadata of a GGUF file. Input: how much data follows, in blocks of 256 bytes, and the metadata.
#include <set>

#include "lfm2/base/numeric.h"
#include "programs/pack/gguf_reader.h"
#include "programs/pack/sampling_defaults.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::fuzz {
namespace gguf_metadata {

using test::Raw;
using tools::Gguf;
using tools::GgufTensor;

const char* const kKeys[] = {"a",
                             "b",
                             "f",
                             "general.alignment",
                             "general.architecture",
                             "tokenizer.ggml.tokens",
                             tools::kGgufTemperature,
                             tools::kGgufTopK};

// Whatever a key holds can be asked for in every way.
void AskForKeys(const Gguf& gguf) {
  for (const char* key : kKeys) {
    const tools::GgufValue* const value = gguf.Find(key);
    if (value == nullptr) continue;
    LFM2_HOLDS(value->is_array || value->count == 1);
    LFM2_HOLDS(value->type != tools::GgufType::kString || value->strings.size() == value->count);
    uint32_t number = 0;
    float real = 0;
    std::string text;
    std::vector<uint32_t> list;
    for (const tools::Error& error :
         {gguf.GetU32(key, &number), gguf.GetF32(key, &real), gguf.GetString(key, &text),
          gguf.GetU32Array(key, value->count < 9 ? static_cast<uint32_t>(value->count) : 9u, &list)}) {
      CheckSentence(error);
    }
  }
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint64_t padding = uint64_t{input.Byte()} * 256;
  const std::string_view metadata = input.Rest();
  const PaddedSource file(metadata, padding);
  Gguf gguf;
  const tools::Error error = gguf.Read(file);
  CheckSentence(error);
  if (!error.ok()) return;
  std::set<std::pair<uint64_t, uint64_t>> places;
  for (const GgufTensor& t : gguf.tensors()) {
    const tools::GgmlTypeInfo* const info = tools::FindGgmlType(t.type);
    LFM2_HOLDS(info != nullptr);
    LFM2_HOLDS(t.bytes > 0 && t.offset < file.size() && t.bytes <= file.size() - t.offset);
    uint64_t values = 1;
    for (const uint64_t dim : t.dims) LFM2_HOLDS(dim > 0 && CheckedMul(values, dim, &values));
    LFM2_HOLDS(t.bytes == values / info->block_values * info->block_bytes);
    LFM2_HOLDS(gguf.FindTensor(t.name) == &t);
    places.emplace(t.offset, t.offset + t.bytes);
  }
  LFM2_HOLDS(places.size() == gguf.tensors().size());
  uint64_t end = 0;
  for (const auto& place : places) {
    LFM2_HOLDS(place.first >= end);
    end = place.second;
  }
  AskForKeys(gguf);
  std::vector<std::string> notes;
  LFM2_HOLDS(CheckSampling(tools::SamplingOf(gguf, &notes), StatusCode::kCorrupt).ok() && notes.size() <= 5);
}

std::vector<std::string> Seeds() {
  test::TinyGguf keys, tensors;
  keys.SetU32("a", 7);
  keys.SetF32("b", 1.5f);
  keys.SetText("general.architecture", "lfm2");
  keys.SetTexts("tokenizer.ggml.tokens", {"x", "", "yz"});
  keys.Set("c", Raw(uint32_t{test::kGgufU64}) + Raw(uint64_t{1} << 40));
  keys.Set("d", Raw(uint32_t{12}) + Raw(2.5));
  keys.SetI32s("e", {1, -1});
  keys.Set("f", Raw(uint32_t{test::kGgufArray}) + Raw(uint32_t{test::kGgufArray}) + Raw(uint64_t{2}) +
                    Raw(uint32_t{test::kGgufU32}) + Raw(uint64_t{1}) + Raw(7u) + Raw(uint32_t{test::kGgufArray}) +
                    Raw(uint64_t{1}) + Raw(uint32_t{test::kGgufString}) + Raw(uint64_t{1}) + test::GgufText("x"));
  keys.SetF32(tools::kGgufTemperature, 0.3f);
  keys.SetU32(tools::kGgufTopK, 50);
  tensors.SetU32("general.alignment", 32);
  tensors.tensors = {{"t", {8, 2}, test::kGgmlF32, std::string(64, 'x')},
                     {"u", {32}, test::kGgmlQ4_0, std::string(18, 'x')},
                     {"v", {256, 1, 2}, test::kGgmlQ6_K, std::string(420, 'x')}};
  std::string bare = tensors.Bytes();
  bare.resize(bare.size() - 420 - 32 - 64);
  return {std::string(1, '\0') + keys.Bytes(), std::string(1, '\2') + bare, std::string(1, '\0') + tensors.Bytes()};
}

std::vector<std::string> Words() {
  std::vector<std::string> words = {"GGUF", Raw(UINT64_MAX), Raw(uint64_t{1} << 63), Raw(UINT32_MAX)};
  for (const char* key : kKeys) words.push_back(test::GgufText(key));
  for (uint32_t type = 0; type <= 40; ++type) words.push_back(Raw(type));
  return words;
}

}  // namespace gguf_metadata

const Target kGgufMetadata = {"gguf_metadata", 1024, &gguf_metadata::Run, &gguf_metadata::Seeds, &gguf_metadata::Words};

}  // namespace lfm2::fuzz
