#include "programs/pack/summary.h"

#include <cstdio>
#include <map>

#include "programs/console/console.h"
#include "programs/pack/repack.h"
#include "programs/session/describe.h"

namespace lfm2::tools {

namespace {

// Lists types that take more space in an image than in the GGUF file, which may have been chosen for its size.
std::string Expansions(const ModelConfig& config, const std::vector<TensorEntry>& directory) {
  std::map<TensorType, uint64_t> image_bytes;
  for (const TensorEntry& t : directory) image_bytes[static_cast<TensorType>(t.type)] += WeightBytes(config, {t});
  std::string text;
  for (const auto& [type, bytes] : image_bytes) {
    const GgmlTypeInfo* const ggml = GgmlInfoOf(type);
    if (ggml == nullptr) continue;
    const double file_bits = 8.0 * ggml->block_bytes / ggml->block_values;
    const double image_bits = 8.0 * TraitsOf(type).bytes / (kBlockRows * TraitsOf(type).columns);
    if (image_bits <= file_bits) continue;
    char line[200];
    std::snprintf(
        line, sizeof(line),
        "%s: %.2f bits per weight in the file, %.2f in the image (%s, not %s), which stores values in place of codes "
        "because these are slower to decode\n",
        NameOf(type), file_bits, image_bits, HumanBytes(bytes).c_str(),
        HumanBytes(static_cast<uint64_t>(static_cast<double>(bytes) * file_bits / image_bits)).c_str());
    text += line;
  }
  return text.empty() ? text : "\n" + text;
}

}  // namespace

std::string Summary(const ModelSource& source, const PackPlan& plan) {
  const ModelConfig& config = source.config();
  Table facts("ll");
  facts.Row({"source", source.description() + ", " + HumanBytes(source.bytes())});
  facts.Row({"name", plan.header.name});
  facts.Row({"weights", Grouped(WeightCount(config, plan.directory))});
  facts.Row({"sampling", DescribeSampling(source.sampling())});
  std::string text = facts.Text() + DescribeConfig(config) + "\n" + TensorTable(config, plan.directory) + "\n";
  Table parts("lr");
  parts.Row({"metadata", HumanBytes(plan.header.metadata_bytes)});
  parts.Row({"vocabulary", HumanBytes(plan.header.vocab_bytes)});
  parts.Row({"pinned part, with the vocabulary", HumanBytes(plan.header.pinned_bytes)});
  if (!plan.records.empty()) {
    parts.Row({"expert records", std::to_string(plan.records.size() * config.experts)});
    parts.Row({"largest expert record", HumanBytes(plan.records[0].bytes)});
  }
  parts.Row({"token trie", plan.token_trie.empty() ? "none" : HumanBytes(plan.header.token_trie_bytes)});
  parts.Row({"image", HumanBytes(plan.header.file_bytes)});
  return text + parts.Text() + Expansions(config, plan.directory);
}

void ShowNotes(const ModelSource& source) {
  for (const std::string& note : source.notes()) std::fprintf(stderr, "note: %s\n", note.c_str());
}

}  // namespace lfm2::tools
