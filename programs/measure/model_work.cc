#include "programs/measure/model_work.h"

#include <algorithm>
#include <numeric>

#include "lfm2/base/numeric.h"
#include "lfm2/format/tensor_blocks.h"
#include "lfm2/format/tensor_list.h"

namespace lfm2::tools {

uint64_t ModelWork::pinned_bytes() const {
  uint64_t sum = 0;
  for (const ByteRange& range : pinned) sum += range.bytes;
  return sum;
}

ModelWork WorkOf(const Image& image) {
  const ModelConfig& config = image.config();
  ModelWork work;
  uint32_t index = 0;
  for (uint32_t group = 0; group < TensorGroups(config); ++group) {
    const TensorSpecs specs = TensorGroup(config, group);
    for (uint32_t i = 0; i < specs.count; ++i, ++index) {
      const TensorSpec& spec = specs.spec[i];
      const TensorEntry entry = image.tensor(index);
      const uint64_t macs = spec.layout == TensorLayout::kPlain ? 0 : uint64_t{spec.rows} * spec.cols;
      if (spec.layout == TensorLayout::kExpert) {
        work.layers_macs += config.experts_per_token * macs;
        continue;
      }
      const bool embedding = spec.role == TensorRole::kTokenEmbedding;
      const bool head = spec.role == TensorRole::kOutput || (embedding && config.tied_embedding);
      if (head) {
        work.head_macs += macs;
      } else if (!embedding) {
        work.layers_macs += macs;
      }
      // Looking up a token reads one row of its embedding, which the head reads anyway if both are the same matrix.
      const uint64_t parts = head || !embedding ? 1 : RoundUp(spec.rows, kBlockRows);
      work.pinned.push_back({image.PinnedData(entry), entry.bytes / parts});
    }
  }
  for (uint32_t layer = 0; layer < config.moe_layers(); ++layer) {
    work.experts_bytes += config.experts_per_token * image.record_layer(layer).bytes;
  }
  // The embedding comes first in an image; if it is also the head, it is read last.
  if (config.tied_embedding) std::rotate(work.pinned.begin(), work.pinned.begin() + 1, work.pinned.end());
  return work;
}

std::vector<ByteRange> DrawExperts(const Image& image, Random* random) {
  const ModelConfig& config = image.config();
  std::vector<ByteRange> records;
  std::vector<uint32_t> experts(config.experts);
  for (uint32_t layer = 0; layer < config.moe_layers(); ++layer) {
    std::iota(experts.begin(), experts.end(), 0u);
    for (uint32_t i = 0; i < config.experts_per_token; ++i) {
      std::swap(experts[i], experts[i + random->Below(config.experts - i)]);
      records.push_back({image.Record(layer, experts[i]), image.record_layer(layer).bytes});
    }
  }
  return records;
}

}  // namespace lfm2::tools
