#include "programs/session/describe.h"

#include <cstdio>

#include "lfm2/format/tensor_list.h"
#include "programs/console/console.h"

namespace lfm2::tools {

namespace {

// Number of tensors of this role in a layer: one, or one for each expert.
uint64_t Copies(const ModelConfig& config, uint16_t role) {
  return role >= static_cast<uint16_t>(TensorRole::kExpertGate) ? config.experts : 1;
}

uint64_t Weights(const ModelConfig& config, const TensorEntry& t) { return Copies(config, t.role) * t.rows * t.cols; }

struct Line {
  uint16_t role;
  uint32_t type;
  uint64_t tensors, bytes, weights;
};

std::string BitsPerWeight(uint64_t bytes, uint64_t weights) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", static_cast<double>(bytes) * 8 / static_cast<double>(weights));
  return text;
}

}  // namespace

std::string DescribeConfig(const ModelConfig& c) {
  const uint32_t attention = c.attention_layers();
  Table table("ll");
  table.Row({"layers", std::to_string(c.layers) + ": " + std::to_string(attention) + " attention, " +
                           std::to_string(c.layers - attention) + " short convolution of " +
                           std::to_string(c.conv_kernel) + " taps"});
  table.Row({"hidden size", std::to_string(c.hidden_size)});
  table.Row({"heads", std::to_string(c.heads) + " query, " + std::to_string(c.kv_heads) + " key/value, of " +
                          std::to_string(c.head_dim)});
  if (c.dense_layers > 0) {
    table.Row({"dense layers", std::to_string(c.dense_layers) + ", " + std::to_string(c.dense_ff_size) + " wide"});
  }
  if (c.moe_layers() > 0) {
    table.Row({"MoE layers", std::to_string(c.moe_layers()) + " of " + std::to_string(c.experts) + " experts, " +
                                 std::to_string(c.expert_ff_size) + " wide, " + std::to_string(c.experts_per_token) +
                                 " a token"});
  }
  table.Row({"vocabulary", Grouped(c.vocab_size) + (c.tied_embedding ? ", embedding tied to the output" : "")});
  table.Row({"context", Grouped(c.context_length)});
  return table.Text();
}

std::string DescribeSampling(const Sampling& s) {
  std::string text;
  const auto add = [&](const char* name, double value) {
    char part[64];
    std::snprintf(part, sizeof(part), "%s%s %g", text.empty() ? "" : ", ", name, value);
    text += part;
  };
  const auto add_float = [&](const char* name, float value) {
    if (value != kUnset) add(name, static_cast<double>(value));
  };
  add_float("temperature", s.temperature);
  if (s.top_k != kUnsetCount) add("top_k", s.top_k);
  add_float("top_p", s.top_p);
  add_float("min_p", s.min_p);
  add_float("repetition_penalty", s.repetition_penalty);
  return text.empty() ? "nothing recommended" : text;
}

uint64_t WeightCount(const ModelConfig& config, const std::vector<TensorEntry>& directory) {
  uint64_t sum = 0;
  for (const TensorEntry& t : directory) sum += Weights(config, t);
  return sum;
}

uint64_t WeightBytes(const ModelConfig& config, const std::vector<TensorEntry>& directory) {
  uint64_t sum = 0;
  for (const TensorEntry& t : directory) sum += Copies(config, t.role) * t.bytes;
  return sum;
}

std::string TensorTable(const ModelConfig& config, const std::vector<TensorEntry>& directory) {
  std::vector<Line> lines;
  Line sum{};
  for (const TensorEntry& t : directory) {
    size_t i = 0;
    while (i < lines.size() && (lines[i].role != t.role || lines[i].type != t.type)) ++i;
    if (i == lines.size()) lines.push_back({t.role, t.type, 0, 0, 0});
    for (Line* line : {&lines[i], &sum}) {
      line->tensors += Copies(config, t.role);
      line->bytes += Copies(config, t.role) * t.bytes;
      line->weights += Weights(config, t);
    }
  }
  Table table("llrrr");
  table.Row({"role", "type", "tensors", "bytes", "bits/weight"});
  for (const Line& line : lines) {
    table.Row({NameOf(static_cast<TensorRole>(line.role)), NameOf(static_cast<TensorType>(line.type)),
               std::to_string(line.tensors), Grouped(line.bytes), BitsPerWeight(line.bytes, line.weights)});
  }
  table.Row({"all", "", std::to_string(sum.tensors), Grouped(sum.bytes), BitsPerWeight(sum.bytes, sum.weights)});
  return table.Text();
}

}  // namespace lfm2::tools
