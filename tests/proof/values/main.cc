// Prints what the library computes for a model and a session's options: one line of numbers in, one line of JSON out.
// tests/proof/values.py compares it with the formulas that tests/proof/prove.py proves things about.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "lfm2.h"

namespace lfm2::test {
namespace {

class Numbers {
 public:
  void Add(uint64_t n) { text_ += (text_.empty() ? "" : ",") + std::to_string(n); }
  std::string text() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};

std::string Arithmetic(uint64_t a, uint64_t b) {
  uint64_t sum = 42, product = 43;
  const bool adds = CheckedAdd(a, b, &sum), multiplies = CheckedMul(a, b, &product);
  Numbers n;
  for (const uint64_t value : {uint64_t{adds}, sum, uint64_t{multiplies}, product}) n.Add(value);
  for (const uint64_t step : {1u, 8u, 16u, 32u, 64u, 512u, 4096u}) {
    n.Add(RoundUp<uint64_t>(a, step));
    n.Add(DivideUp<uint64_t>(a, step));
  }
  return n.text();
}

// Carves two regions from an arena of `capacity` bytes. No memory is at this address, and none is touched.
std::string Carved(uint64_t capacity, uint64_t first, uint64_t second) {
  std::byte* const base = reinterpret_cast<std::byte*>(uintptr_t{kAlignment});
  Arena arena({base, static_cast<size_t>(capacity)});
  Numbers n;
  for (const uint64_t count : {first, second}) {
    const uint32_t* const at = arena.Carve<uint32_t>(count);
    n.Add(at == nullptr ? UINT64_MAX : static_cast<uint64_t>(reinterpret_cast<const std::byte*>(at) - base));
    n.Add(arena.used());
  }
  n.Add(arena.overflowed());
  return n.text();
}

ModelConfig ReadConfig(std::istream& in) {
  ModelConfig c;
  std::string kinds;
  in >> c.hidden_size >> c.heads >> c.kv_heads >> c.head_dim >> c.dense_layers >> c.dense_ff_size >> c.experts >>
      c.experts_per_token >> c.expert_ff_size >> c.vocab_size >> c.context_length >> c.conv_kernel >>
      c.tied_embedding >> kinds;
  c.layers = static_cast<uint32_t>(kinds.size());
  for (uint32_t l = 0; l < c.layers && l < kMaxLayers; ++l) {
    c.layer_kind[l] = kinds[l] == 'a' ? LayerKind::kAttention : LayerKind::kShortConv;
  }
  return c;
}

std::string Layout(const ModelConfig& config, uint64_t vocab_bytes, TensorType type) {
  const MetadataLayout m = LayoutMetadata(config);
  Numbers metadata, entries, records;
  for (const uint64_t n :
       {m.directory_offset, m.record_table_offset, m.record_crc_offset, m.metadata_bytes, m.pinned_offset}) {
    metadata.Add(n);
  }
  LayoutCursor cursor(vocab_bytes);
  for (uint32_t g = 0; g < TensorGroups(config); ++g) {
    const TensorSpecs specs = TensorGroup(config, g);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const bool plain = specs.spec[i].layout == TensorLayout::kPlain;
      const TensorEntry entry = cursor.Place(specs.spec[i], plain ? TensorType::kF32 : type);
      entries.Add(entry.offset);
      entries.Add(entry.bytes);
    }
    if (g > 0 && g <= config.layers && config.is_moe_layer(g - 1)) records.Add(cursor.record_bytes());
  }
  return "\"metadata\":" + metadata.text() + ",\"entries\":" + entries.text() + ",\"records\":" + records.text() +
         ",\"pinned_bytes\":" + std::to_string(cursor.pinned_bytes());
}

std::string PlanOf(const ModelConfig& config, const SessionOptions& options, const StreamShape& shape) {
  const Plan plan = MakePlan(config, options, shape);
  Numbers regions, workspace;
  std::string names;
  for (uint32_t i = 0; i < plan.count; ++i) {
    regions.Add(plan.regions[i].bytes);
    names += (i == 0 ? "\"" : ",\"") + std::string(plan.regions[i].name) + "\"";
  }
  const SessionOptions normal = Normalized(config, options);
  std::byte* const base = reinterpret_cast<std::byte*>(uintptr_t{kAlignment});
  Arena arena({base, SIZE_MAX / 2});
  Workspace w;
  w.Carve(config, normal.prefill_chunk, normal.context_length, arena);
  const void* const parts[] = {w.x,
                               w.normed,
                               w.delta,
                               w.panel,
                               w.rope,
                               w.mean_square,
                               w.conv.bcx,
                               w.conv.out,
                               w.conv.panel,
                               w.attention.q,
                               w.attention.k,
                               w.attention.v,
                               w.attention.out,
                               w.attention.panel,
                               w.attention.sums,
                               w.attention.part,
                               w.attention.part_sums,
                               w.ffn.act,
                               w.ffn.panel,
                               w.moe.scores,
                               w.moe.chosen,
                               w.moe.weights,
                               w.moe.slot,
                               w.moe.token,
                               w.moe.offset,
                               w.moe.active,
                               w.moe.batch,
                               w.moe.data,
                               w.moe.panel,
                               w.moe.act,
                               w.moe.act_panel,
                               w.moe.out};
  for (const void* at : parts) workspace.Add(static_cast<uint64_t>(static_cast<const std::byte*>(at) - base));
  workspace.Add(arena.used());
  Numbers own;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) own.Add(plan.slots.own[m]);
  const bool accepted = CheckOptions(config, options).ok();
  return "\"names\":[" + names + "],\"regions\":" + regions.text() +
         ",\"total_bytes\":" + std::to_string(plan.total_bytes) +
         ",\"least_bytes\":" + std::to_string(plan.least_bytes) + ",\"workspace\":" + workspace.text() +
         ",\"own\":" + own.text() + ",\"shared\":" + std::to_string(plan.slots.shared) +
         ",\"slot_bytes\":" + std::to_string(plan.slots.bytes) +
         ",\"arena_bytes\":" + std::to_string(accepted ? ArenaBytes(config, options) : 0);
}

std::string Model(std::istream& in) {
  const ModelConfig config = ReadConfig(in);
  SessionOptions options;
  uint64_t vocab_bytes = 0, front_bytes = 0, record_bytes = 0;
  uint32_t type = 0, kv_cache = 0;
  in >> vocab_bytes >> type >> options.context_length >> options.prefill_chunk >> kv_cache >> options.logits_rows >>
      options.max_word_bytes >> options.draft_tokens >> options.arena_bytes >> front_bytes >> record_bytes;
  options.kv_cache = static_cast<KvCacheType>(kv_cache);
  options.now_ns = [](void*) { return uint64_t{0}; };
  StreamShape shape;
  shape.front_bytes = front_bytes;
  for (uint32_t m = 0; m < config.moe_layers(); ++m) shape.record_bytes[m] = record_bytes * (1 + m % 3);
  if (!CheckConfig(config).ok()) return "{\"accepted\":false}";
  return "{\"accepted\":true," + Layout(config, vocab_bytes, static_cast<TensorType>(type)) + "," +
         PlanOf(config, options, shape) + "}";
}

std::string Constants() {
  Numbers n;
  for (const uint64_t value : {sizeof(LayerWeights), sizeof(AttentionSum), sizeof(ImageHeader), sizeof(TensorEntry),
                               sizeof(RecordEntry), kAlignment, kRecordAlignment}) {
    n.Add(value);
  }
  for (uint32_t type = 0; type < kTensorTypes; ++type) {
    n.Add(TraitsOf(static_cast<TensorType>(type)).columns);
    n.Add(TraitsOf(static_cast<TensorType>(type)).bytes);
  }
  return n.text();
}

std::string Bounds() {
  Numbers n;
  for (const uint64_t value : {kMaxLayers, kMaxHiddenSize, kMaxFeedForward, kMaxHeads, kMaxHeadDim, kMaxExperts,
                               kMaxExpertsPerToken, kMaxConvKernel, kMaxVocabSize, kMaxContextLength}) {
    n.Add(value);
  }
  return n.text();
}

std::string Answer(const std::string& line) {
  std::istringstream in(line);
  std::string what;
  uint64_t a = 0, b = 0, c = 0;
  in >> what;
  if (what == "constants") return Constants();
  if (what == "bounds") return Bounds();
  if (what == "model") return Model(in);
  in >> a >> b >> c;
  return what == "carve" ? Carved(a, b, c) : Arithmetic(a, b);
}

}  // namespace
}  // namespace lfm2::test

int main() {
  for (std::string line; std::getline(std::cin, line);) std::puts(lfm2::test::Answer(line).c_str());
  return 0;
}
