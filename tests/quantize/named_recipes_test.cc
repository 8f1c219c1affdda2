// The named recipes, at the shapes of LFM2-8B-A1B. If these fail, an image is larger than --type, --budget and
// --for-arena promise, or reads more than necessary.
#include "programs/quantize/named_recipes.h"

#include <doctest/doctest.h>

#include <cstring>
#include <map>

#include "lfm2/model/presets.h"
#include "lfm2/runtime/plan.h"
#include "programs/files/byte_source.h"
#include "programs/pack/gguf_source.h"
#include "programs/pack/packer.h"
#include "programs/quantize/quantized_source.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::NamedRecipe;
using tools::NamedRecipes;
using tools::RecipeWish;

// Shapes without weights, in BF16; the vocabulary is a tiny model's, and kVocabulary stands for the size of a real one.
constexpr uint64_t kVocabulary = 4'000'000;
class ShapeSource final : public tools::ModelSource {
 public:
  explicit ShapeSource(const ModelConfig& config) {
    const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
    const tools::MemorySource file(bytes);
    tools::GgufSource tiny;
    REQUIRE(tiny.Open({&file}, {}).ok());
    vocab_ = tiny.vocab();
    sampling_ = tiny.sampling();
    config_ = config;
    for (uint32_t group = 0; group < TensorGroups(config); ++group) {
      const TensorSpecs specs = TensorGroup(config, group);
      for (uint32_t i = 0; i < specs.count; ++i) {
        const bool plain = specs.spec[i].layout == TensorLayout::kPlain;
        tensors_.push_back({specs.spec[i], plain ? TensorType::kF32 : TensorType::kBF16});
      }
    }
  }
  Error ReadBlocks(size_t, uint32_t, uint32_t, uint32_t, uint8_t*) const override { return Error::Of("no weights"); }
  Error ReadPlain(size_t, float*) const override { return Error::Of("no weights"); }
};

tools::PackPlan PlanOf(const tools::ModelSource& source, const tools::RoleChoices& choices) {
  tools::Recipe recipe;
  recipe.choices = choices;
  tools::QuantizedSource quantized;
  tools::PackPlan plan;
  REQUIRE(quantized.Open(source, recipe, nullptr).ok());
  REQUIRE(PlanPack(quantized, "", &plan).ok());
  return plan;
}

struct Chosen {
  std::string name, error;
};
Chosen Choose(const tools::ModelSource& source, const std::string& type, uint64_t file, uint64_t arena) {
  tools::Recipe recipe;
  const NamedRecipe* chosen = nullptr;
  const Error error = ChooseRecipe(source, {type, file, arena}, &recipe, &chosen);
  if (!error.ok()) return {"", error.text()};
  // The chosen recipe is the one that is applied.
  tools::Recipe wanted;
  wanted.choices = chosen->choices;
  CHECK(recipe.Text() == wanted.Text());
  return {chosen->name, ""};
}

}  // namespace

TEST_CASE("q4 is no larger than Q4_0's file of LFM2-8B-A1B, q3 has 3.7 GB and q2 3.2 GB at most") {
  const ShapeSource source(kLfm2_8B_A1B);
  const std::map<std::string, uint64_t> most = {{"q4", 4'730'000'000}, {"q3", 3'700'000'000}, {"q2", 3'200'000'000}};
  for (const auto& entry : most) {
    const std::string& name = entry.first;
    CAPTURE(name);
    const NamedRecipe* const recipe = tools::FindRecipe(name);
    REQUIRE(recipe != nullptr);
    CHECK(PlanOf(source, recipe->choices).header.file_bytes + kVocabulary <= entry.second);
  }
}

TEST_CASE("within a family, sizes decrease and errors increase in the order of the list") {
  const ShapeSource source(kLfm2_8B_A1B);
  const NamedRecipe* last = nullptr;
  for (const NamedRecipe& recipe : NamedRecipes()) {
    CAPTURE(recipe.name);
    CHECK(tools::FindRecipe(recipe.name) == &recipe);
    if (recipe.family == nullptr) continue;
    CHECK(recipe.trained > 0);
    CHECK(recipe.random > 0);
    if (last != nullptr && std::strcmp(last->family, recipe.family) == 0) {
      CHECK(PlanOf(source, recipe.choices).header.file_bytes < PlanOf(source, last->choices).header.file_bytes);
      CHECK(recipe.trained >= last->trained);
    }
    last = &recipe;
  }
  CHECK(tools::FindRecipe("q5") == nullptr);
  CHECK(tools::FindRecipe("") == nullptr);
}

TEST_CASE("--budget: the smallest error that fits; a budget that none fits is refused with the size of the smallest") {
  const ShapeSource source(kLfm2_8B_A1B);
  for (uint64_t budget = 2'500'000'000; budget <= 5'000'000'000; budget += 50'000'000) {
    CAPTURE(budget);
    const Chosen chosen = Choose(source, "", budget, 0);
    const NamedRecipe* best = nullptr;
    for (const NamedRecipe& recipe : NamedRecipes()) {
      if (recipe.family == nullptr || PlanOf(source, recipe.choices).header.file_bytes > budget) continue;
      if (best == nullptr || recipe.trained < best->trained) best = &recipe;
    }
    CHECK(chosen.name == (best == nullptr ? "" : best->name));
    CHECK(chosen.error.empty() == (best != nullptr));
  }
  CHECK(Choose(source, "q4", 3'000'000'000, 0).error.find("the smallest recipe, q4-") != std::string::npos);
  CHECK(Choose(source, "", 1, 0).error.find("--budget 1 is too small") == 0);
  CHECK(Choose(source, "q8", 9'000'000'000, 0).error.find("q8 is all of one type") != std::string::npos);
  CHECK(Choose(source, "q5", 0, 0).error == "there is no recipe q5");
}

TEST_CASE("--for-arena: the fewest bytes a token among those within the error limit, in arenas that are large enough") {
  const ShapeSource source(kLfm2_8B_A1B);
  for (const char* type : {"", "q4", "q3", "q2"}) {
    for (uint64_t arena = 300'000'000; arena <= 3'000'000'000; arena += 100'000'000) {
      CAPTURE(type);
      CAPTURE(arena);
      const Chosen chosen = Choose(source, type, 0, arena);
      std::string best;
      uint64_t best_bytes = UINT64_MAX;
      for (const NamedRecipe& recipe : NamedRecipes()) {
        if (recipe.family == nullptr || (*type != '\0' && std::strcmp(type, recipe.family) != 0)) continue;
        if (*type == '\0' && std::max(recipe.trained, recipe.random) > tools::kArenaError) continue;
        const tools::PackPlan plan = PlanOf(source, recipe.choices);
        StreamShape shape;
        shape.front_bytes = plan.records[0].offset;
        for (size_t m = 0; m < plan.records.size(); ++m) shape.record_bytes[m] = plan.records[m].stride;
        SessionOptions options;
        options.arena_bytes = arena;
        const Plan session = MakePlan(source.config(), options, shape);
        if (session.total_bytes > arena) continue;
        if (session.slots.read_bytes_per_token < best_bytes) {
          best_bytes = session.slots.read_bytes_per_token;
          best = recipe.name;
        }
      }
      CHECK(chosen.name == best);
    }
  }
  CHECK(Choose(source, "q3", 0, 100'000'000).error.find("--for-arena 100000000 is too small") == 0);
  // The current least arena of a file in Q4_0.
  CHECK(Choose(source, "q3", 0, 445'000'000).error.empty());
  CHECK(Choose(ShapeSource(kLfm2_1_2B), "", 0, 445'000'000).error.find("which this one has none of") !=
        std::string::npos);
}

}  // namespace lfm2::test
