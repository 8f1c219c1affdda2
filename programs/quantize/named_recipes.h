// The recipes that have names, and which of them to take.
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
  const char* family;  // whose members a size chooses among; nullptr: all of one type, which no size chooses
  RoleChoices choices;
  // Error of the logits with --calibrate, as a ratio to that of llama-quantize's Q4_0 (docs/quantisation.md): of a
  // trained model, and the geometric mean of four with random weights. 0: not measured, and never chosen. KL says the
  // same, but a few positions decide it.
  double trained, random;
};

// Mixed ones from the most bytes to the least, then those of one type.
const std::vector<NamedRecipe>& NamedRecipes();
// nullptr for no name of a recipe.
const NamedRecipe* FindRecipe(const std::string& name);

// What a person has said of the image to be.
struct RecipeWish {
  std::string type;          // a recipe, of whose family the choice is; empty: of any
  uint64_t file_bytes = 0;   // of the image at most; 0: any size
  uint64_t arena_bytes = 0;  // in which experts are streamed; 0: they are not
};

// The recipe for a wish, whose choices `recipe`, which has its rules already, then gets. With neither size it is the
// recipe of that name. file_bytes: of those that fit, the one of the least error. arena_bytes: of those that fit, and
// whose error is at most kArenaError of Q4_0's or that are of the family that `type` names, the one that reads the
// fewest bytes for a token, where no expert is a favourite, in a session of default options. The Error says what the
// smallest would take.
Error ChooseRecipe(const ModelSource& source, const RecipeWish& wish, Recipe* recipe, const NamedRecipe** out);
inline constexpr double kArenaError = 0.75;

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_NAMED_RECIPES_H_
