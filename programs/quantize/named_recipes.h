// The named recipes, and the choice among them.
#ifndef LFM2_PROGRAMS_QUANTIZE_NAMED_RECIPES_H_
#define LFM2_PROGRAMS_QUANTIZE_NAMED_RECIPES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/pack/model_source.h"
#include "programs/quantize/recipe.h"

namespace lfm2::tools {

struct NamedRecipe {
  const char* name;
  const char* description;
  const char* family;  // recipes that a size limit chooses among; nullptr: of one type, not chosen by size
  RoleChoices choices;
  // Error of the logits with --calibrate, as a ratio to that of llama-quantize's Q4_0 (docs/quantisation.md): of a
  // trained model, and the geometric mean of four with random weights. 0: not measured, and never chosen. KL ranks the
  // recipes the same way, but is dominated by a few positions.
  double trained, random;
};

// The mixed recipes in descending order of bytes, followed by those of one type.
const std::vector<NamedRecipe>& NamedRecipes();
// nullptr for an unknown name.
const NamedRecipe* FindRecipe(const std::string& name);

// What the user requests of the image.
struct RecipeWish {
  std::string type;          // name of a recipe, whose family limits the choice; empty: no limit
  uint64_t file_bytes = 0;   // maximum size of the image; 0: any size
  uint64_t arena_bytes = 0;  // arena into which experts are streamed; 0: no streaming
};

// Finds the recipe for a wish and stores its choices in `recipe`, which already has its rules. Without a size it is the
// recipe of that name. file_bytes: of the recipes that fit, the one with the smallest error. arena_bytes: of the
// recipes that fit and either have an error of at most kArenaError of Q4_0's or belong to the family of `type`, the one
// that reads the fewest bytes per token with experts chosen uniformly, in a session with default options. The Error
// states the sizes of the smallest recipe.
Error ChooseRecipe(const ModelSource& source, const RecipeWish& wish, Recipe* recipe, const NamedRecipe** out);
inline constexpr double kArenaError = 0.75;

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_NAMED_RECIPES_H_
