// Directories of tiny models: one Hugging Face file, Hugging Face shards of a mixture, and MLX of several types.
#ifndef LFM2_TESTS_FUZZ_TINY_FOLDER_H_
#define LFM2_TESTS_FUZZ_TINY_FOLDER_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace lfm2::fuzz {

struct TinyFolder {
  std::map<std::string, nlohmann::json> json;  // what the files say; of .safetensors the header
  std::map<std::string, std::string> texts;    // the files themselves, all there are
  std::map<std::string, uint64_t> data_bytes;  // of .safetensors, after the header
};

constexpr uint32_t kTinyFolders = 6;
const TinyFolder& TinyFolderOf(uint32_t number);

// A header with its length before it.
std::string WithLength(const std::string& header);

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_TINY_FOLDER_H_
