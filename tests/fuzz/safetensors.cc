// The header of a safetensors file. Input: whether its length is to be put before it, how many words of data follow,
// and the header.
#include "programs/pack/safetensors.h"

#include <map>

#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace safetensors {

void Run(std::string_view bytes) {
  Input input(bytes);
  const bool add_length = input.Byte() % 4 != 3;
  const uint64_t padding = uint64_t{input.Byte()} * 4;
  std::string header(input.Rest());
  const uint64_t length = header.size();
  if (add_length) header.insert(0, reinterpret_cast<const char*>(&length), sizeof(length));
  const PaddedSource file(header, padding);
  tools::Safetensors safetensors;
  const tools::Error error = safetensors.Read(file);
  CheckSentence(error);
  if (!error.ok()) return;
  uint64_t sum = 0, first = file.size();
  std::map<uint64_t, uint64_t> places;
  for (const auto& [name, t] : safetensors.tensors()) {
    LFM2_HOLDS(t.offset <= file.size() && t.bytes <= file.size() - t.offset);
    const uint32_t each = tools::BytesOf(t.type);
    uint64_t values = 1;
    for (const uint64_t dimension : t.shape) values *= dimension;
    LFM2_HOLDS(each == 0 || t.bytes == values * each);
    if (t.bytes > 0) LFM2_HOLDS(places.emplace(t.offset, t.offset + t.bytes).second);
    sum += t.bytes;
    first = std::min(first, t.offset);
    LFM2_HOLDS(!tools::ShapeText(t.shape).empty());
  }
  // They are the rest of the file, and none of its bytes twice.
  uint64_t end = first;
  for (const auto& [begin, behind] : places) {
    LFM2_HOLDS(begin == end);
    end = behind;
  }
  LFM2_HOLDS(safetensors.tensors().empty() ? sum == 0 : first + sum == file.size());
}

std::vector<std::string> Seeds() {
  const auto seed = [](char words, const std::string& header) { return std::string(1, '\0') + words + header; };
  return {seed(0, "{}"), seed(1, R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"),
          seed(4, R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]},)"
                  R"("a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}})"),
          seed(2, R"({"z":{"dtype":"U8","shape":[0,7],"data_offsets":[0,0]},"y":{"dtype":"I64","shape":[1],)"
                  R"("data_offsets":[0,8]}})")};
}

std::vector<std::string> Words() {
  return {"\"dtype\":",
          "\"shape\":",
          "\"data_offsets\":",
          "\"F32\"",
          "\"F16\"",
          "\"BF16\"",
          "\"U32\"",
          "\"U8\"",
          "\"I64\"",
          "\"BOOL\"",
          "__metadata__",
          "[0,0]",
          "[0,4]",
          "[4,8]",
          "[1,1]",
          "null",
          "18446744073709551615",
          "9223372036854775808",
          "4294967296",
          "-1",
          "1e9",
          "0.5",
          "{}",
          "[]",
          "true",
          ","};
}

}  // namespace safetensors

const Target kSafetensors = {"safetensors", 512, &safetensors::Run, &safetensors::Seeds, &safetensors::Words};

}  // namespace lfm2::fuzz
