// Which model files there are to compare with exact results, and those results.
//
// The repository ships some: tests/data/{gguf,golden}/MODEL-NAME.*. A folder of more, MODEL/gguf/NAME.gguf with
// MODEL/golden/NAME.{json,logits.npy} and peer-error.json, is taken from the environment variable LFM2_GOLDEN_DIR.
#ifndef LFM2_TESTS_RUNTIME_GOLDEN_MODELS_H_
#define LFM2_TESTS_RUNTIME_GOLDEN_MODELS_H_

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lfm2::test {

// A float32 array from a .npy file.
struct NpyArray {
  std::vector<size_t> shape;
  std::vector<float> values;
};
NpyArray ReadNpy(const std::string& path);
nlohmann::json ReadJsonFile(const std::string& path);

struct GoldenModel {
  std::string label;   // "moe-256 Q4_0"
  std::string source;  // path of a GGUF file, or of an MLX directory
  std::string golden;  // path without .json and .logits.npy
  std::string hidden;  // the same of the unquantised model, with .json and .hidden.npy; empty: this is quantised
  double peer_error;   // llama.cpp's error for this file; of MLX's, for the GGUF file nearest in bits
};
std::vector<GoldenModel> GoldenModels();

// The error of logits[tokens, vocab] against the golden ones: for each position sum((x - g)^2) / sum((g - mean g)^2),
// of these the geometric mean.
double LogitsError(const std::vector<std::vector<float>>& logits, const NpyArray& golden);

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_GOLDEN_MODELS_H_
