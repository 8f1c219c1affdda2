#include "tests/runtime/golden_models.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/runtime/test_model.h"

namespace lfm2::test {

nlohmann::json ReadJsonFile(const std::string& path) {
  std::ifstream file(path);
  INFO(path);
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

NpyArray ReadNpy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  INFO(path);
  REQUIRE(file.good());
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  REQUIRE(bytes.size() > 10);
  REQUIRE(bytes.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) == 0);
  const size_t begin = 10 + LoadAs<uint16_t>(bytes.data() + 8);
  const std::string header = bytes.substr(10, begin - 10);
  REQUIRE(header.find("'<f4'") != std::string::npos);
  NpyArray array;
  size_t count = 1;
  const char* at = header.c_str() + header.find('(') + 1;
  while (*at != ')') {
    char* end = nullptr;
    array.shape.push_back(std::strtoul(at, &end, 10));
    REQUIRE(end != at);
    count *= array.shape.back();
    at = end + std::strspn(end, ", ");
  }
  REQUIRE(bytes.size() - begin == count * sizeof(float));
  array.values.resize(count);
  std::memcpy(array.values.data(), bytes.data() + begin, count * sizeof(float));
  return array;
}

namespace {

// The GGUF type that is nearest to an MLX one in bits a weight.
const char* NearestGguf(const std::string& mlx) {
  const std::pair<const char*, const char*> nearest[] = {
      {"mlx-qx86-hi", "Q6_K"}, {"mlx-mxfp4", "MXFP4_MOE"},  {"mlx-2bit", "Q2_K"},   {"mlx-3bit", "Q3_K_M"},
      {"mlx-nvfp4", "IQ4_XS"}, {"mlx-4bit-g128", "IQ4_XS"}, {"mlx-5bit", "IQ4_XS"}, {"mlx-mxfp8", "IQ4_XS"}};
  for (const auto& [name, gguf] : nearest) {
    if (mlx == name) return gguf;
  }
  return "Q4_K_M";
}

}  // namespace

std::vector<GoldenModel> GoldenModels() {
  namespace fs = std::filesystem;
  const std::string data = LFM2_TEST_DATA;
  std::vector<GoldenModel> models;
  const char* more = std::getenv("LFM2_GOLDEN_DIR");
  const nlohmann::json peer =
      ReadJsonFile((more == nullptr ? data + "/golden" : std::string(more)) + "/peer-error.json");
  if (more == nullptr) {
    const char* const shipped[][2] = {{"home", "Q4_0"},    {"moe-256", "Q4_K_M"}, {"moe-256", "mlx-4bit"},
                                      {"moe-odd", "Q4_0"}, {"dense-256", "Q4_0"}, {"dense-256", "BF16"},
                                      {"moe-low", "Q2_K"}};
    for (const auto& [model_name, file_name] : shipped) {
      const std::string model = model_name, name = file_name, file = model + "-" + name;
      const bool mlx = name.compare(0, 4, "mlx-") == 0;
      const std::string source = mlx               ? "/mlx/" + model + "-" + name.substr(4)
                                 : model == "home" ? "/home/" + name + ".gguf"
                                                   : "/gguf/" + file + ".gguf";
      models.push_back({model + " " + name, data + source, data + "/golden/" + file,
                        name == "BF16" ? data + "/golden/" + model + "-bf16" : std::string(),
                        peer[model][mlx ? NearestGguf(name) : name].get<double>()});
    }
    return models;
  }
  for (const auto& [model, errors] : peer.items()) {
    const std::string folder = std::string(more) + "/" + model;
    for (const auto& [name, error] : errors.items()) {
      const std::string gguf = folder + "/gguf/" + name + ".gguf";
      if (!fs::exists(gguf)) continue;
      const bool exact = name == "F16" || name == "BF16";
      models.push_back({model + " " + name, gguf, folder + "/golden/" + name,
                        exact ? folder + "/golden/bf16" : std::string(), error.get<double>()});
    }
    for (const char* name : {"mlx-2bit", "mlx-3bit", "mlx-4bit", "mlx-4bit-g128", "mlx-5bit", "mlx-mxfp4", "mlx-mxfp8",
                             "mlx-nvfp4", "mlx-qx64-hi", "mlx-qx86-hi"}) {
      if (!fs::exists(folder + "/" + name)) continue;
      models.push_back({model + " " + name, folder + "/" + name, folder + "/golden/" + name, std::string(),
                        errors[NearestGguf(name)].get<double>()});
    }
  }
  REQUIRE(!models.empty());
  return models;
}

double LogitsError(const std::vector<std::vector<float>>& logits, const NpyArray& golden) {
  REQUIRE(golden.shape.size() == 2);
  REQUIRE(golden.shape[0] == logits.size());
  const size_t vocab = golden.shape[1];
  double log_sum = 0;
  for (size_t t = 0; t < logits.size(); ++t) {
    REQUIRE(logits[t].size() == vocab);
    const float* want = golden.values.data() + t * vocab;
    double mean = 0, error = 0, spread = 0;
    for (size_t i = 0; i < vocab; ++i) mean += static_cast<double>(want[i]) / static_cast<double>(vocab);
    for (size_t i = 0; i < vocab; ++i) {
      const double golden_value = static_cast<double>(want[i]);
      error += std::pow(static_cast<double>(logits[t][i]) - golden_value, 2);
      spread += std::pow(golden_value - mean, 2);
    }
    log_sum += std::log(error / spread);
  }
  return std::exp(log_sum / static_cast<double>(logits.size()));
}

}  // namespace lfm2::test
