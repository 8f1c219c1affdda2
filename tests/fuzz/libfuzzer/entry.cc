// The entry points of libFuzzer for one target, LFM2_FUZZ_TARGET. When started with --seeds DIRECTORY, it writes the
// fuzzer's initial inputs to that folder, and DIRECTORY.dict next to it, instead.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace {

constexpr const Target& kTarget = LFM2_FUZZ_TARGET;

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    std::fprintf(stderr, "%s cannot be written\n", path.c_str());
    std::exit(1);
  }
}

void WriteSeeds(const std::string& directory) {
  size_t number = 0;
  for (const std::string& seed : kTarget.seeds()) WriteFile(directory + "/seed-" + std::to_string(number++), seed);
  std::string dictionary;
  for (const std::string& word : kTarget.words()) {
    dictionary += '"';
    for (const char c : word) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      dictionary += escaped;
    }
    dictionary += "\"\n";
  }
  WriteFile(directory + ".dict", dictionary);
}

}  // namespace
}  // namespace lfm2::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 3 && std::string((*argv)[1]) == "--seeds") {
    lfm2::fuzz::WriteSeeds((*argv)[2]);
    std::exit(0);
  }
  if (*argc == 2 && std::string((*argv)[1]) == "--max-bytes") {
    std::printf("%zu\n", lfm2::fuzz::kTarget.max_bytes);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  lfm2::fuzz::kTarget.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
