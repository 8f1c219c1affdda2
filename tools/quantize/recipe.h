// Which tensor is quantised to which type.
#ifndef LFM2_TOOLS_QUANTIZE_RECIPE_H_
#define LFM2_TOOLS_QUANTIZE_RECIPE_H_

#include <string>
#include <vector>

#include "lfm2/format/tensor_list.h"
#include "tools/common/error.h"
#include "tools/pack/model_source.h"

namespace lfm2::tools {

// What a person chooses: q4 is the best of 4.5 bits (ggml's IQ4_NL), q4_0 the plainest, q6 Q6_K, q8 Q8_0.
// t4, t3 and t2: T4G64, T3G64 and T2G32.
enum class QuantChoice { kSource, kQ4, kQ4_0, kQ6, kQ8, kT4, kT3, kT2 };
// False for a name that is none of source, q4, q4_0, q6, q8, t4, t3, t2.
bool ParseQuantChoice(const std::string& name, QuantChoice* out);

class Recipe {
 public:
  QuantChoice type = QuantChoice::kQ4;
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

#endif  // LFM2_TOOLS_QUANTIZE_RECIPE_H_
