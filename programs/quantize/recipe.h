// Which tensor is quantised to which type.
#ifndef LFM2_PROGRAMS_QUANTIZE_RECIPE_H_
#define LFM2_PROGRAMS_QUANTIZE_RECIPE_H_

#include <string>
#include <vector>

#include "lfm2/format/tensor_list.h"
#include "programs/base/error.h"
#include "programs/pack/model_source.h"

namespace lfm2::tools {

// What matrices may become: what they are, or q8 (Q8_0), q6 (Q6_K), iq4_nl, q4_0, t4 (T4G64), t3 (T3G64), t2 (T2G32).
// Where rows do not fit the type's blocks: q8 in place of q6, iq4_nl in place of t4 and t3.
enum class QuantChoice { kSource, kQ8, kQ6, kIQ4_NL, kQ4_0, kT4, kT3, kT2 };
// False for a name that is none of the above.
bool ParseQuantChoice(const std::string& name, QuantChoice* out);

// What the matrices of each kind become. Routers, which are small and choose other experts when they are rounded, stay
// as they are.
struct RoleChoices {
  QuantChoice expert_in = QuantChoice::kSource;    // gate and up of experts; of a model without any, of all layers
  QuantChoice expert_down = QuantChoice::kSource;  // down, likewise
  QuantChoice dense = QuantChoice::kSource;        // feed forward of the dense layers of a model with experts
  QuantChoice conv_in = QuantChoice::kSource;
  QuantChoice conv_out = QuantChoice::kSource;
  QuantChoice attention = QuantChoice::kSource;
  QuantChoice vocabulary = QuantChoice::kSource;  // the embedding, and a matrix of its own that makes logits
};
// All of one type, but the vocabulary, which has six bits where it would have less.
RoleChoices AllOf(QuantChoice type);

class Recipe {
 public:
  RoleChoices choices;
  bool requantize = false;  // sources that are quantised already may be quantised again

  // "PATTERN=TYPE": tensors whose name, such as attn_q or layers.3.attn_q, the pattern matches as a shell's would. Of
  // several that match, the last counts.
  Error Keep(const std::string& rule);

  // The tensors of `source` with their types in the image. The Error names a tensor that can not be quantised, or a
  // rule that matches none.
  Error Apply(const ModelSource& source, std::vector<ImageTensor>* out) const;

  // The same for the same result.
  std::string Text() const;

 private:
  struct Rule {
    std::string pattern;
    QuantChoice choice;
  };
  std::vector<Rule> rules_;
};

// Whether there is one of it, not one of each layer.
bool BelongsToNoLayer(TensorRole role);
// "layers.3.attn_q", or "token_embedding" where it belongs to no layer.
std::string TensorName(const TensorSpec& spec);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_RECIPE_H_
