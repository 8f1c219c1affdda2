#include "programs/inspect/config_header.h"

#include <cctype>
#include <cstdio>
#include <string_view>

#include "lfm2/model/slot_plan.h"

namespace lfm2::tools {

namespace {

bool IsAlphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0; }
char Upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

// "LFM2-8B-A1B" becomes "LFM2_8B_A1B", "my home" "MyHome".
std::string Identifier(std::string_view name) {
  std::string out;
  bool begins = true;
  for (const char c : name) {
    if (!IsAlphanumeric(c)) {
      begins = true;
      continue;
    }
    // An underscore keeps digits of two words apart.
    const auto is_digit = [](char d) { return d >= '0' && d <= '9'; };
    if (begins && !out.empty() && (is_digit(c) || is_digit(out.back()))) out += '_';
    out += begins ? Upper(c) : c;
    begins = false;
  }
  return out.empty() ? "Model" : out;
}

// Nine digits, which give the same float again.
std::string FloatText(float value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", static_cast<double>(value));
  std::string out = text;
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out + "f";
}

}  // namespace

std::string ConfigHeader(const Image& image) {
  const ModelConfig& c = image.config();
  const std::string name = Identifier(image.name());
  std::string guard = "LFM2_CONFIG_";
  for (const char ch : name) guard += Upper(ch);
  guard += "_H_";
  std::string out = "// The shape of a model, made by lfm2-inspect --header: an arena of ArenaBytes(k" + name +
                    ", options) bytes holds a\n// session on it.\n";
  out += "#ifndef " + guard + "\n#define " + guard + "\n\n#include \"lfm2.h\"\n\n";
  out += "inline constexpr lfm2::ModelConfig k" + name + " = [] {\n  lfm2::ModelConfig c;\n";
  const auto member = [&](const char* field, const std::string& value) {
    out += std::string("  c.") + field + " = " + value + ";\n";
  };
  member("hidden_size", std::to_string(c.hidden_size));
  member("layers", std::to_string(c.layers));
  member("heads", std::to_string(c.heads));
  member("kv_heads", std::to_string(c.kv_heads));
  member("head_dim", std::to_string(c.head_dim));
  member("dense_layers", std::to_string(c.dense_layers));
  member("dense_ff_size", std::to_string(c.dense_ff_size));
  member("experts", std::to_string(c.experts));
  member("experts_per_token", std::to_string(c.experts_per_token));
  member("expert_ff_size", std::to_string(c.expert_ff_size));
  member("vocab_size", std::to_string(c.vocab_size));
  member("context_length", std::to_string(c.context_length));
  member("conv_kernel", std::to_string(c.conv_kernel));
  member("tied_embedding", c.tied_embedding ? "true" : "false");
  member("norm_eps", FloatText(c.norm_eps));
  member("rope_theta", FloatText(c.rope_theta));
  member("routed_scaling_factor", FloatText(c.routed_scaling_factor));
  out += "  for (const int layer : {";
  std::string list;
  for (uint32_t l = 0; l < c.layers; ++l) {
    if (c.layer_kind[l] == LayerKind::kAttention) list += (list.empty() ? "" : ", ") + std::to_string(l);
  }
  if (list.empty()) {
    out.erase(out.rfind("  for"));
  } else {
    out += list + "}) c.layer_kind[layer] = lfm2::LayerKind::kAttention;\n";
  }
  out += "  return c;\n}();\n\n// For MakePlan, where experts are read from a drive as they are needed.\n";
  out += "inline constexpr lfm2::StreamShape k" + name + "Shape = [] {\n  lfm2::StreamShape s;\n";
  const StreamShape shape = StreamShapeOf(image, true);
  out += "  s.front_bytes = " + std::to_string(shape.front_bytes) + "u;\n";
  for (uint32_t m = 0; m < c.moe_layers();) {
    uint32_t end = m + 1;
    while (end < c.moe_layers() && shape.record_bytes[end] == shape.record_bytes[m]) ++end;
    out += "  for (int layer = " + std::to_string(m) + "; layer < " + std::to_string(end) + "; ++layer) {\n" +
           "    s.record_bytes[layer] = " + std::to_string(shape.record_bytes[m]) + "u;\n  }\n";
    m = end;
  }
  out += "  return s;\n}();\n\n#endif  // " + guard + "\n";
  return out;
}

}  // namespace lfm2::tools
