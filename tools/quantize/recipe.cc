#include "tools/quantize/recipe.h"

#include <fnmatch.h>

namespace lfm2::tools {

namespace {

struct NamedChoice {
  const char* name;
  QuantChoice choice;
};
constexpr NamedChoice kChoices[] = {{"source", QuantChoice::kSource},
                                    {"q4", QuantChoice::kQ4},
                                    {"q4_0", QuantChoice::kQ4_0},
                                    {"q6", QuantChoice::kQ6},
                                    {"q8", QuantChoice::kQ8},
                                    {"t4", QuantChoice::kT4},
                                    {"t3", QuantChoice::kT3},
                                    {"t2", QuantChoice::kT2}};

const char* NameOf(QuantChoice choice) {
  for (const NamedChoice& known : kChoices) {
    if (known.choice == choice) return known.name;
  }
  return "";
}

// The rounding of a router changes which experts are chosen, and it is small. What every token's logits come from gets
// six bits, as in llama.cpp's files.
QuantChoice ChoiceFor(TensorRole role, QuantChoice type) {
  if (role == TensorRole::kRouter) return QuantChoice::kSource;
  const bool is_vocabulary = role == TensorRole::kTokenEmbedding || role == TensorRole::kOutput;
  return is_vocabulary && (type == QuantChoice::kQ4 || type == QuantChoice::kQ4_0) ? QuantChoice::kQ6 : type;
}

TensorType TypeOf(QuantChoice choice, const ImageTensor& source) {
  switch (choice) {
    case QuantChoice::kSource: return source.type;
    case QuantChoice::kQ4: return TensorType::kIQ4_NL;
    case QuantChoice::kQ4_0: return TensorType::kQ4_0;
    case QuantChoice::kQ6:
      // Its blocks are 256 columns wide.
      return source.spec.cols % TraitsOf(TensorType::kQ6_K).columns == 0 ? TensorType::kQ6_K : TensorType::kQ8_0;
    case QuantChoice::kQ8: return TensorType::kQ8_0;
    case QuantChoice::kT4: return TensorType::kT4G64;
    case QuantChoice::kT3: return TensorType::kT3G64;
    case QuantChoice::kT2: return TensorType::kT2G32;
  }
  return source.type;
}

}  // namespace

bool BelongsToNoLayer(TensorRole role) {
  return role == TensorRole::kTokenEmbedding || role == TensorRole::kOutputNorm || role == TensorRole::kOutput;
}

std::string TensorName(const TensorSpec& spec) {
  if (BelongsToNoLayer(spec.role)) return NameOf(spec.role);
  return "layers." + std::to_string(spec.layer) + "." + NameOf(spec.role);
}

bool ParseQuantChoice(const std::string& name, QuantChoice* out) {
  for (const NamedChoice& known : kChoices) {
    if (name != known.name) continue;
    *out = known.choice;
    return true;
  }
  return false;
}

Error Recipe::Keep(const std::string& rule) {
  const size_t equals = rule.rfind('=');
  Rule r;
  if (equals == std::string::npos || equals == 0) {
    return Error::Of("--keep ", rule, " is not of the form PATTERN=TYPE, such as 'attn_*=q8'");
  }
  r.pattern = rule.substr(0, equals);
  if (!ParseQuantChoice(rule.substr(equals + 1), &r.choice)) {
    return Error::Of("--keep ", rule, " names no type; there are source, q4, q4_0, q6, q8, t4, t3 and t2");
  }
  rules_.push_back(r);
  return Error();
}

Error Recipe::Apply(const ModelSource& source, std::vector<ImageTensor>* out) const {
  std::vector<bool> used(rules_.size());
  for (const ImageTensor& t : source.tensors()) {
    out->push_back(t);
    if (t.spec.layout == TensorLayout::kPlain) continue;
    const std::string name = TensorName(t.spec);
    QuantChoice choice = ChoiceFor(t.spec.role, type);
    for (size_t i = 0; i < rules_.size(); ++i) {
      const char* const pattern = rules_[i].pattern.c_str();
      if (::fnmatch(pattern, name.c_str(), 0) != 0 && ::fnmatch(pattern, NameOf(t.spec.role), 0) != 0) continue;
      choice = rules_[i].choice;
      used[i] = true;
    }
    const TensorType wanted = TypeOf(choice, t);
    if (wanted != t.type && IsQuantized(t.type) && !requantize) {
      return Error::Of("the tensor ", name, " is quantised already, as ", NameOf(t.type),
                       ": take a model in BF16, F16 or F32, or say --requantize to lose more");
    }
    out->back().type = wanted;
  }
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (!used[i]) return Error::Of("--keep ", rules_[i].pattern, "=", NameOf(rules_[i].choice), " matches no matrix");
  }
  return Error();
}

std::string Recipe::Text() const {
  std::string text = NameOf(type);
  for (const Rule& rule : rules_) text += " " + rule.pattern + "=" + NameOf(rule.choice);
  return text;
}

}  // namespace lfm2::tools
