// The type of each tensor. If these fail, --type and --keep do not do what they say.
#include "programs/quantize/recipe.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "programs/files/byte_source.h"
#include "programs/pack/gguf_source.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::QuantChoice;
using tools::Recipe;

struct Applied {
  std::map<std::string, TensorType> types;
  std::string error;
};

// In order; the last rule that matches counts.
using Rules = std::vector<std::string>;

Applied Apply(const TinyOptions& options, QuantChoice type, const Rules& rules = Rules(), bool requantize = false) {
  const std::string bytes = MakeTinyGguf(options).Bytes();
  const tools::MemorySource file(bytes);
  tools::GgufSource source;
  REQUIRE(source.Open({&file}, {}).ok());
  Recipe recipe;
  recipe.choices = tools::AllOf(type);
  recipe.requantize = requantize;
  for (const std::string& rule : rules) REQUIRE(recipe.Keep(rule).ok());
  std::vector<tools::ImageTensor> tensors;
  Applied applied;
  applied.error = recipe.Apply(source, &tensors).text();
  for (const tools::ImageTensor& t : tensors) applied.types[tools::TensorName(t.spec)] = t.type;
  return applied;
}

TinyOptions Bf16(uint32_t hidden = 256) {
  TinyOptions o;
  o.hidden = hidden;
  o.matrix = o.embedding = kGgmlBF16;
  return o;
}

}  // namespace

TEST_CASE("each name selects its type, the vocabulary has six bits, routers and vectors stay") {
  const std::map<QuantChoice, std::pair<TensorType, TensorType>> wanted = {
      {QuantChoice::kIQ4_NL, {TensorType::kIQ4_NL, TensorType::kQ6_K}},
      {QuantChoice::kQ4_0, {TensorType::kQ4_0, TensorType::kQ6_K}},
      {QuantChoice::kQ6, {TensorType::kQ6_K, TensorType::kQ6_K}},
      {QuantChoice::kQ8, {TensorType::kQ8_0, TensorType::kQ8_0}},
      {QuantChoice::kT2, {TensorType::kT2G32, TensorType::kQ6_K}}};
  for (const auto& [choice, types] : wanted) {
    TinyOptions untied = Bf16();
    untied.untied = true;
    Applied a = Apply(untied, choice);
    CHECK(a.error.empty());
    CHECK(a.types["token_embedding"] == types.second);
    CHECK(a.types["output"] == types.second);
    CHECK(a.types["layers.1.attn_q"] == types.first);
    CHECK(a.types["layers.0.conv_in"] == types.first);
    CHECK(a.types["layers.2.expert_gate"] == types.first);
    CHECK(a.types["layers.1.router"] == TensorType::kF32);
    CHECK(a.types["layers.1.expert_bias"] == TensorType::kF32);
    CHECK(a.types["layers.0.conv_kernel"] == TensorType::kF32);
    CHECK(a.types["output_norm"] == TensorType::kF32);
  }
}

TEST_CASE("rows that do not fit blocks of Q6_K have eight bits, and every type fits its tensor") {
  Applied a = Apply(Bf16(), QuantChoice::kQ6);  // a dense feed forward of 64, experts of 32
  CHECK(a.types["layers.0.ffn_gate"] == TensorType::kQ6_K);
  CHECK(a.types["layers.0.ffn_down"] == TensorType::kQ8_0);
  CHECK(a.types["layers.1.expert_down"] == TensorType::kQ8_0);
  a = Apply(Bf16(32), QuantChoice::kIQ4_NL);
  CHECK(a.types["token_embedding"] == TensorType::kQ8_0);
  CHECK(a.types["layers.1.expert_down"] == TensorType::kIQ4_NL);
}

TEST_CASE("a rule matches names with and without the layer, and the last of several matches counts") {
  Applied a = Apply(Bf16(), QuantChoice::kIQ4_NL,
                    {"attn_*=q8", "layers.1.attn_[qk]=q6", "layers.2.*=source", "*.expert_up=q4_0", "router=q8",
                     "token_embedding=iq4_nl"});
  CHECK(a.error.empty());
  CHECK(a.types["layers.1.attn_v"] == TensorType::kQ8_0);
  CHECK(a.types["layers.1.attn_out"] == TensorType::kQ8_0);
  CHECK(a.types["layers.1.attn_q"] == TensorType::kQ6_K);
  CHECK(a.types["layers.1.attn_k"] == TensorType::kQ6_K);
  CHECK(a.types["layers.2.conv_in"] == TensorType::kBF16);
  CHECK(a.types["layers.2.expert_gate"] == TensorType::kBF16);
  CHECK(a.types["layers.2.expert_up"] == TensorType::kQ4_0);
  CHECK(a.types["layers.1.expert_up"] == TensorType::kQ4_0);
  CHECK(a.types["layers.1.expert_down"] == TensorType::kIQ4_NL);
  CHECK(a.types["layers.1.router"] == TensorType::kQ8_0);
  CHECK(a.types["token_embedding"] == TensorType::kIQ4_NL);
  CHECK(a.types["layers.1.attn_q_norm"] == TensorType::kF32);
}

TEST_CASE("a rule that matches nothing, or only vectors, is refused with its text") {
  CHECK(Apply(Bf16(), QuantChoice::kIQ4_NL, {"attn_q=q8", "atn_*=q8"}).error == "--keep atn_*=q8 matches no matrix");
  CHECK(Apply(Bf16(), QuantChoice::kIQ4_NL, {"*_norm=q8"}).error == "--keep *_norm=q8 matches no matrix");
  CHECK(Apply(Bf16(), QuantChoice::kIQ4_NL, {"layers.3.*=source"}).error ==
        "--keep layers.3.*=source matches no matrix");
}

TEST_CASE("a rule needs a pattern, an equals sign and a type") {
  for (const char* rule : {"attn_q", "", "=q8", "="}) {
    Recipe recipe;
    CHECK(recipe.Keep(rule).text().find("is not of the form PATTERN=TYPE") != std::string::npos);
  }
  for (const char* rule : {"attn_q=", "attn_q=q5", "attn_q=Q8", "attn_q=q8 "}) {
    Recipe recipe;
    const std::string text = recipe.Keep(rule).text();
    CHECK(text.find(rule) != std::string::npos);
    CHECK(text.find("names no type") != std::string::npos);
  }
}

TEST_CASE("quantised tensors are quantised again only on request, and stay where nothing changes") {
  TinyOptions o;
  o.hidden = 256;
  o.matrix = kGgmlQ4_0;
  o.embedding = kGgmlQ6_K;
  const std::string refused = Apply(o, QuantChoice::kQ8).error;
  CHECK(refused.find("token_embedding") != std::string::npos);
  CHECK(refused.find("Q6_K") != std::string::npos);
  CHECK(refused.find("--requantize") != std::string::npos);
  CHECK(Apply(o, QuantChoice::kQ8, {}, true).types["token_embedding"] == TensorType::kQ8_0);
  // Nothing changes.
  CHECK(Apply(o, QuantChoice::kQ4_0).error.empty());
  CHECK(Apply(o, QuantChoice::kQ8, {"*=source"}).error.empty());
}

TEST_CASE("the texts of two recipes differ if their results may differ") {
  Recipe plain, ruled, other;
  plain.choices = ruled.choices = other.choices = tools::AllOf(QuantChoice::kQ4_0);
  REQUIRE(ruled.Keep("attn_*=q8").ok());
  REQUIRE(other.Keep("attn_*=q6").ok());
  CHECK(plain.Text() == "q4_0 q4_0 q4_0 q4_0 q4_0 q4_0 q6");
  CHECK(ruled.Text() == plain.Text() + " attn_*=q8");
  CHECK(other.Text() != ruled.Text());
}

}  // namespace lfm2::test
