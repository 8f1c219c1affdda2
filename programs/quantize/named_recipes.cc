#include "programs/quantize/named_recipes.h"

#include <algorithm>

#include "lfm2/runtime/plan.h"
#include "programs/pack/packer.h"
#include "programs/quantize/quantized_source.h"

namespace lfm2::tools {

namespace {

using Choice = QuantChoice;

// The tensors that are not experts, ordered by the loss per byte: attention and dense layers need the fewest bits, the
// vocabulary, which also computes the logits, the most.
RoleChoices Large(Choice expert_in, Choice expert_down, Choice conv_in) {
  return {expert_in, expert_down, Choice::kQ8, conv_in, Choice::kQ8, Choice::kIQ4_NL, Choice::kQ8};
}
RoleChoices Medium(Choice expert_in, Choice expert_down) {
  return {expert_in, expert_down, Choice::kIQ4_NL, Choice::kQ6, Choice::kQ6, Choice::kIQ4_NL, Choice::kQ8};
}
RoleChoices Small(Choice expert_in, Choice expert_down) {
  return {expert_in, expert_down, Choice::kIQ4_NL, Choice::kIQ4_NL, Choice::kIQ4_NL, Choice::kIQ4_NL, Choice::kQ6};
}

// Sizes of the image that a recipe gives.
struct Sizes {
  uint64_t file_bytes = 0;
  uint64_t least_arena = 0;
  uint64_t read_bytes = 0;  // per token, in the arena of the wish
};

// plan: of any recipe; becomes the one of this recipe.
Error Measure(const ModelSource& source, const Recipe& recipe, uint64_t arena_bytes, PackPlan* plan, Sizes* sizes) {
  QuantizedSource quantized;
  LFM2_RETURN_IF_FAILED(quantized.Open(source, recipe, nullptr));
  LayOut(quantized, plan);
  sizes->file_bytes = plan->header.file_bytes;
  if (arena_bytes == 0) return Error();
  StreamShape shape;
  shape.front_bytes = plan->records[0].offset;
  for (size_t m = 0; m < plan->records.size(); ++m) shape.record_bytes[m] = plan->records[m].stride;
  SessionOptions options;
  options.arena_bytes = arena_bytes;
  const Plan session = MakePlan(source.config(), options, shape);
  sizes->least_arena = session.least_bytes;
  sizes->read_bytes = session.slots.read_bytes_per_token;
  return Error();
}

}  // namespace

const std::vector<NamedRecipe>& NamedRecipes() {
  static const std::vector<NamedRecipe> recipes = {
      {"q4", "experts 4.25 bits, attention 4.5, the rest 8.5", "q4", Large(Choice::kT4, Choice::kT4, Choice::kQ8),
       0.056, 0.016},
      {"q4-m", "experts 4.25 bits, attention and dense layers 4.5, convolution 6.6, vocabulary 8.5", "q4",
       Medium(Choice::kT4, Choice::kT4), 0.086, 0.032},
      {"q4-s", "experts 4.25 bits, the rest 4.5, vocabulary 6.6", "q4", Small(Choice::kT4, Choice::kT4), 0.372, 0.11},
      {"q3", "experts 3.25 bits, attention 4.5, conv_in 6.6, the rest 8.5", "q3",
       Large(Choice::kT3, Choice::kT3, Choice::kQ6), 0.172, 0.03},
      {"q3-m", "experts 3.25 bits, attention and dense layers 4.5, convolution 6.6, vocabulary 8.5", "q3",
       Medium(Choice::kT3, Choice::kT3), 0.198, 0.04},
      {"q3-s", "experts 3.25 bits, the rest 4.5, vocabulary 6.6", "q3", Small(Choice::kT3, Choice::kT3), 0.553, 0.128},
      {"q2", "experts 2.5 bits and 3.25 in down, attention and dense layers 4.5, convolution 6.6, vocabulary 8.5", "q2",
       Medium(Choice::kT2, Choice::kT3), 0.222, 0.049},
      {"q2-m", "experts 2.5 bits and 3.25 in down, the rest 4.5, vocabulary 6.6", "q2", Small(Choice::kT2, Choice::kT3),
       0.576, 0.135},
      {"q2-s", "experts 2.5 bits, the rest 4.5, vocabulary 6.6", "q2", Small(Choice::kT2, Choice::kT2), 1.117, 0.146},
      {"q8", "8.5 bits", nullptr, AllOf(Choice::kQ8), 0, 0},
      {"q6", "6.6 bits", nullptr, AllOf(Choice::kQ6), 0, 0},
      {"iq4_nl", "4.5 bits, vocabulary 6.6", nullptr, AllOf(Choice::kIQ4_NL), 0, 0},
      {"q4_0", "4.5 bits at even levels, vocabulary 6.6", nullptr, AllOf(Choice::kQ4_0), 0, 0},
  };
  return recipes;
}

const NamedRecipe* FindRecipe(const std::string& name) {
  for (const NamedRecipe& recipe : NamedRecipes()) {
    if (name == recipe.name) return &recipe;
  }
  return nullptr;
}

Error ChooseRecipe(const ModelSource& source, const RecipeWish& wish, Recipe* recipe, const NamedRecipe** out) {
  *out = FindRecipe(wish.type);
  if (*out != nullptr) recipe->choices = (*out)->choices;
  if (wish.file_bytes == 0 && wish.arena_bytes == 0) {
    return *out != nullptr ? Error() : Error::Of("there is no recipe ", wish.type);
  }
  if (*out != nullptr && (*out)->family == nullptr) {
    return Error::Of("--budget and --for-arena choose among recipes, and ", wish.type, " is all of one type");
  }
  if (wish.arena_bytes > 0 && source.config().moe_layers() == 0) {
    return Error::Of("--for-arena is for models with experts, which this one has none of");
  }
  const char* const family = *out == nullptr ? nullptr : (*out)->family;
  *out = nullptr;
  PackPlan plan;
  LFM2_RETURN_IF_FAILED(PlanPack(source, std::string(), &plan));
  Sizes best, smallest;
  const NamedRecipe* least = nullptr;
  Recipe tried = *recipe;
  for (const NamedRecipe& named : NamedRecipes()) {
    if (named.family == nullptr || (family != nullptr && std::string(family) != named.family)) continue;
    Sizes sizes;
    tried.choices = named.choices;
    LFM2_RETURN_IF_FAILED(Measure(source, tried, wish.arena_bytes, &plan, &sizes));
    if (least == nullptr || sizes.file_bytes < smallest.file_bytes) {
      least = &named;
      smallest = sizes;
    }
    if (wish.file_bytes > 0 && sizes.file_bytes > wish.file_bytes) continue;
    if (wish.arena_bytes > 0) {
      if (sizes.least_arena > wish.arena_bytes) continue;
      if (family == nullptr && std::max(named.trained, named.random) > kArenaError) continue;
      if (*out != nullptr && sizes.read_bytes >= best.read_bytes) continue;
    } else if (*out != nullptr && named.trained >= (*out)->trained) {
      continue;
    }
    *out = &named;
    best = sizes;
  }
  if (*out != nullptr) {
    recipe->choices = (*out)->choices;
    return Error();
  }
  const std::string of_least = std::string(", of the smallest recipe, ") + least->name + ", ";
  if (wish.arena_bytes > 0 && smallest.least_arena > wish.arena_bytes) {
    return Error::Of("--for-arena ", wish.arena_bytes, " is too small", of_least, "needs ", smallest.least_arena,
                     " bytes");
  }
  return Error::Of("--budget ", wish.file_bytes, " is too small", of_least, "the image takes ", smallest.file_bytes,
                   " bytes");
}

}  // namespace lfm2::tools
