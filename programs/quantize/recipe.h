// Decides which tensor is quantised to which type.
#ifndef LFM2_PROGRAMS_QUANTIZE_RECIPE_H_
#define LFM2_PROGRAMS_QUANTIZE_RECIPE_H_

#include <string>
#include <vector>

#include "lfm2/format/tensor_list.h"
#include "programs/base/error.h"
#include "programs/pack/model_source.h"

namespace lfm2::tools {

// Types for matrices: the source's own, or q8 (Q8_0), q6 (Q6_K), iq4_nl, q4_0, t4 (T4G64), t3 (T3G64), t2 (T2G32).
// Where the rows do not fit the type's blocks, q8 replaces q6, and iq4_nl replaces t4 and t3.
enum class QuantChoice { kSource, kQ8, kQ6, kIQ4_NL, kQ4_0, kT4, kT3, kT2 };
// False for any other name.
bool ParseQuantChoice(const std::string& name, QuantChoice* out);

// The type for each kind of matrix. Routers keep their type: they are small, and rounding changes which experts they
// choose.
struct RoleChoices {
  QuantChoice expert_in = QuantChoice::kSource;    // gate and up of experts; in a model without experts, of all layers
  QuantChoice expert_down = QuantChoice::kSource;  // down, likewise
  QuantChoice dense = QuantChoice::kSource;        // feed forward of the dense layers in a model with experts
  QuantChoice conv_in = QuantChoice::kSource;
  QuantChoice conv_out = QuantChoice::kSource;
  QuantChoice attention = QuantChoice::kSource;
  QuantChoice vocabulary = QuantChoice::kSource;  // the embedding, and the output matrix if it is separate
};
// The same type for all, except the vocabulary, which gets at least six bits.
RoleChoices AllOf(QuantChoice type);

class Recipe {
 public:
  RoleChoices choices;
  bool requantize = false;  // allow sources that are already quantised

  // "PATTERN=TYPE": for tensors whose name, such as attn_q or layers.3.attn_q, matches the shell-style pattern. If
  // several rules match, the last one counts.
  Error Keep(const std::string& rule);

  // The tensors of `source` with their types in the image. The Error names a tensor that cannot be quantised, or a rule
  // that matches no tensor.
  Error Apply(const ModelSource& source, std::vector<ImageTensor>* out) const;

  // A text that is equal for equal results.
  std::string Text() const;

 private:
  struct Rule {
    std::string pattern;
    QuantChoice choice;
  };
  std::vector<Rule> rules_;
};

// Whether the model has one such tensor rather than one per layer.
bool BelongsToNoLayer(TensorRole role);
// "layers.3.attn_q", or "token_embedding" for a tensor that belongs to no layer.
std::string TensorName(const TensorSpec& spec);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_RECIPE_H_
