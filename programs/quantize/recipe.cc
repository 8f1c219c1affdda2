#include "programs/quantize/recipe.h"

#include <fnmatch.h>

namespace lfm2::tools {

namespace {

struct NamedChoice {
  const char* name;
  QuantChoice choice;
};
constexpr NamedChoice kChoices[] = {{"source", QuantChoice::kSource}, {"q8", QuantChoice::kQ8},
                                    {"q6", QuantChoice::kQ6},         {"iq4_nl", QuantChoice::kIQ4_NL},
                                    {"q4_0", QuantChoice::kQ4_0},     {"t4", QuantChoice::kT4},
                                    {"t3", QuantChoice::kT3},         {"t2", QuantChoice::kT2}};

const char* NameOf(QuantChoice choice) {
  for (const NamedChoice& known : kChoices) {
    if (known.choice == choice) return known.name;
  }
  return "";
}

QuantChoice ChoiceFor(TensorRole role, bool has_experts, const RoleChoices& c) {
  switch (role) {
    case TensorRole::kExpertGate:
    case TensorRole::kExpertUp: return c.expert_in;
    case TensorRole::kExpertDown: return c.expert_down;
    case TensorRole::kFfnGate:
    case TensorRole::kFfnUp: return has_experts ? c.dense : c.expert_in;
    case TensorRole::kFfnDown: return has_experts ? c.dense : c.expert_down;
    case TensorRole::kConvIn: return c.conv_in;
    case TensorRole::kConvOut: return c.conv_out;
    case TensorRole::kAttnQ:
    case TensorRole::kAttnK:
    case TensorRole::kAttnV:
    case TensorRole::kAttnOut: return c.attention;
    case TensorRole::kTokenEmbedding:
    case TensorRole::kOutput: return c.vocabulary;
    default: return QuantChoice::kSource;
  }
}

TensorType TypeOf(QuantChoice choice, const ImageTensor& source) {
  const auto fits = [&](TensorType type, TensorType otherwise) {
    return source.spec.cols % TraitsOf(type).columns == 0 ? type : otherwise;
  };
  switch (choice) {
    case QuantChoice::kSource: return source.type;
    case QuantChoice::kQ8: return TensorType::kQ8_0;
    case QuantChoice::kQ6: return fits(TensorType::kQ6_K, TensorType::kQ8_0);
    case QuantChoice::kIQ4_NL: return TensorType::kIQ4_NL;
    case QuantChoice::kQ4_0: return TensorType::kQ4_0;
    case QuantChoice::kT4: return fits(TensorType::kT4G64, TensorType::kIQ4_NL);
    case QuantChoice::kT3: return fits(TensorType::kT3G64, TensorType::kIQ4_NL);
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

RoleChoices AllOf(QuantChoice type) {
  const bool wide = type == QuantChoice::kSource || type == QuantChoice::kQ8;
  return {type, type, type, type, type, type, wide ? type : QuantChoice::kQ6};
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
    return Error::Of("--keep ", rule, " names no type; there are source, q8, q6, iq4_nl, q4_0, t4, t3 and t2");
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
    QuantChoice choice = ChoiceFor(t.spec.role, source.config().experts > 0, choices);
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
  std::string text;
  for (const QuantChoice choice : {choices.expert_in, choices.expert_down, choices.dense, choices.conv_in,
                                   choices.conv_out, choices.attention, choices.vocabulary}) {
    text += (text.empty() ? "" : " ") + std::string(NameOf(choice));
  }
  for (const Rule& rule : rules_) text += " " + rule.pattern + "=" + NameOf(rule.choice);
  return text;
}

}  // namespace lfm2::tools
