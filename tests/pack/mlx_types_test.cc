// "quantization" of an MLX config.json: a type that is taken for another makes every weight wrong.
#include "programs/pack/mlx_types.h"

#include <doctest/doctest.h>

namespace lfm2::test {
namespace {

using tools::MlxQuantization;

std::string MlxReadError(const std::string& config) {
  MlxQuantization quantization;
  return quantization.Read(nlohmann::json::parse(config)).text();
}

void MlxRefused(const std::string& quantization, const char* part) {
  for (const char* key : {"quantization", "quantization_config"}) {
    const std::string text = MlxReadError("{\"" + std::string(key) + "\":" + quantization + "}");
    CHECK_MESSAGE(text.find(part) != std::string::npos, "got: " << text);
  }
}

}  // namespace

TEST_CASE("one type for all tensors, and others for some") {
  MlxQuantization quantization;
  REQUIRE(quantization.Read(nlohmann::json::parse("{}")).ok());
  CHECK_FALSE(quantization.any());
  REQUIRE(quantization
              .Read(nlohmann::json::parse(R"({"quantization":{"bits":4,"group_size":64,"lm_head":{"bits":8,)"
                                          R"("group_size":32,"mode":"affine"},"x":{"bits":4,"group_size":32,)"
                                          R"("mode":"mxfp4"},"y":false}})"))
              .ok());
  CHECK(quantization.any());
  CHECK(quantization.Of("model.embed_tokens").ImageType(false) == TensorType::kA4G64);
  CHECK(quantization.Of("lm_head").ImageType(true) == TensorType::kA8G32H);
  CHECK((quantization.Of("x").ImageType(false) == TensorType::kMxfp4 && !quantization.Of("x").has_biases()));
  CHECK(quantization.Of("y").ImageType(false) == TensorType::kA4G64);
}

TEST_CASE("bits and groups that no type has are refused with their numbers, and with the tensor that has them") {
  MlxRefused("7", "quantization is 7, not an object");
  MlxRefused("{}", "the quantization of the model: the key bits is missing");
  MlxRefused(R"({"bits":4})", "the key group_size is missing");
  MlxRefused(R"({"bits":-4,"group_size":64})", "the key bits is -4");
  MlxRefused(R"({"bits":4.0,"group_size":64})", "the key bits is 4.0");
  MlxRefused(R"({"bits":4,"group_size":18446744073709551616})", "the key group_size is 1.84467440737");
  MlxRefused(R"({"bits":4,"group_size":4294967296})", "the key group_size is 4294967296");
  MlxRefused(R"({"bits":0,"group_size":64})", "affine, 0 bits in groups of 64");
  MlxRefused(R"({"bits":4,"group_size":0})", "affine, 4 bits in groups of 0");
  MlxRefused(R"({"bits":4294967295,"group_size":4294967295})", "4294967295 bits in groups of 4294967295");
  MlxRefused(R"({"bits":4,"group_size":16})", "4 bits in groups of 16");
  MlxRefused(R"({"bits":4,"group_size":256})", "4 bits in groups of 256");
  MlxRefused(R"({"bits":4,"group_size":32,"mode":"nvfp4"})", "nvfp4, 4 bits in groups of 32");
  MlxRefused(R"({"bits":8,"group_size":32,"mode":"mxfp4"})", "mxfp4, 8 bits in groups of 32");
  MlxRefused(R"({"bits":4,"group_size":32,"mode":7})", "the key mode is 7");
  MlxRefused(R"({"bits":4,"group_size":64,"lm_head":{"bits":7,"group_size":64}})",
             "the quantization of lm_head is affine, 7 bits in groups of 64");
}

}  // namespace lfm2::test
