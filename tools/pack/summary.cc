#include "tools/pack/summary.h"

#include "tools/common/console.h"
#include "tools/common/describe.h"

namespace lfm2::tools {

std::string Summary(const ModelSource& source, const PackPlan& plan) {
  const ModelConfig& config = source.config();
  Table facts("ll");
  facts.Row({"source", source.description() + ", " + HumanBytes(source.bytes())});
  facts.Row({"name", plan.header.name});
  facts.Row({"weights", Grouped(WeightCount(config, plan.directory))});
  std::string text = facts.Text() + DescribeConfig(config) + "\n" + TensorTable(config, plan.directory) + "\n";
  Table parts("lr");
  parts.Row({"metadata", HumanBytes(plan.header.metadata_bytes)});
  parts.Row({"vocabulary", HumanBytes(plan.header.vocab_bytes)});
  parts.Row({"pinned part, with the vocabulary", HumanBytes(plan.header.pinned_bytes)});
  if (!plan.records.empty()) {
    parts.Row({"expert records", std::to_string(plan.records.size() * config.experts)});
    parts.Row({"largest expert record", HumanBytes(plan.records[0].bytes)});
  }
  parts.Row({"image", HumanBytes(plan.header.file_bytes)});
  return text + parts.Text();
}

}  // namespace lfm2::tools
