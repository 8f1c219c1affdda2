// The fixed structures of a model image and the offsets of its parts (docs/format.md). Pure arithmetic: the packer
// writes images by it, and Image::Open checks them against it.
#ifndef LFM2_FORMAT_IMAGE_LAYOUT_H_
#define LFM2_FORMAT_IMAGE_LAYOUT_H_

#include <cstddef>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/model_config.h"
#include "lfm2/format/sampling.h"
#include "lfm2/format/tensor_list.h"

namespace lfm2 {

inline constexpr char kImageMagic[8] = {'L', 'F', 'M', '2', 'I', 'M', 'G', '\n'};
inline constexpr uint32_t kImageVersion = 1;

// The first 512 bytes. The metadata are the header, the tensor directory, the record table and the record CRCs, one
// after another.
struct ImageHeader {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes;
  uint64_t file_bytes;
  uint64_t metadata_bytes;
  uint32_t metadata_crc;  // CRC-32C of the metadata, computed with this field 0
  uint32_t tensor_count;
  uint64_t directory_offset;
  uint64_t record_table_offset;
  uint64_t record_crc_offset;
  uint64_t pinned_offset;  // vocabulary, then all tensors that are not experts
  uint64_t pinned_bytes;
  uint32_t pinned_crc;
  uint32_t record_layers;
  uint64_t vocab_bytes;  // the vocabulary is at pinned_offset

  uint32_t hidden_size;
  uint32_t layers;
  uint32_t heads;
  uint32_t kv_heads;
  uint32_t head_dim;
  uint32_t dense_layers;
  uint32_t dense_ff_size;
  uint32_t experts;
  uint32_t experts_per_token;
  uint32_t expert_ff_size;
  uint32_t vocab_size;
  uint32_t context_length;
  uint32_t conv_kernel;
  uint32_t tied_embedding;
  float norm_eps;
  float rope_theta;
  float routed_scaling_factor;
  uint32_t reserved0;
  uint8_t layer_kind[kMaxLayers];
  char name[64];  // for people; UTF-8, zero-terminated
  // The publisher's recommendation: the bits of sampling_set mark the fields that are set; the others are 0.
  uint32_t sampling_set;
  float temperature;
  uint32_t top_k;
  float top_p;
  float min_p;
  float repetition_penalty;
  // The token trie at the end of the file (token_trie.h), at the first multiple of kRecordAlignment after everything
  // else; all 0 if there is none.
  uint64_t token_trie_offset;
  uint64_t token_trie_bytes;
  uint32_t token_trie_crc;
  uint8_t reserved[108];
};
static_assert(sizeof(ImageHeader) == 512 && offsetof(ImageHeader, hidden_size) == 96 &&
                  offsetof(ImageHeader, sampling_set) == 360 && offsetof(ImageHeader, token_trie_offset) == 384,
              "the format fixes these");

// Bits of sampling_set.
inline constexpr uint32_t kTemperatureSet = 1, kTopKSet = 2, kTopPSet = 4, kMinPSet = 8, kRepetitionPenaltySet = 16;

// One tensor. offset counts from pinned_offset, or from the start of each expert record.
struct TensorEntry {
  uint16_t role;
  uint16_t layer;
  uint32_t type;
  uint32_t rows;
  uint32_t cols;
  uint64_t offset;
  uint64_t bytes;
};
static_assert(sizeof(TensorEntry) == 32, "the format fixes this");

// The expert records of one layer: record e is at offset + e * stride and has `bytes` bytes.
struct RecordEntry {
  uint64_t offset;
  uint64_t bytes;
  uint64_t stride;
};
static_assert(sizeof(RecordEntry) == 24, "the format fixes this");

// Assigns every tensor its offset, when called for each in image order. Starts after a vocabulary of vocab_bytes.
class LayoutCursor {
 public:
  constexpr explicit LayoutCursor(uint64_t vocab_bytes) : pinned_(vocab_bytes) {}

  constexpr TensorEntry Place(const TensorSpec& spec, TensorType type) {
    const bool expert = spec.layout == TensorLayout::kExpert;
    if (expert && spec.role == TensorRole::kExpertGate) record_ = 0;
    uint64_t& cursor = expert ? record_ : pinned_;
    const uint64_t offset = RoundUp<uint64_t>(cursor, kAlignment);
    const uint64_t bytes = TensorBytes(spec, type);
    cursor = offset + bytes;
    return {
        static_cast<uint16_t>(spec.role), spec.layer, static_cast<uint32_t>(type), spec.rows, spec.cols, offset, bytes};
  }
  // Bytes of the pinned part so far.
  constexpr uint64_t pinned_bytes() const { return pinned_; }
  // Bytes of one record of the last layer placed.
  constexpr uint64_t record_bytes() const { return record_; }

 private:
  uint64_t pinned_;
  uint64_t record_ = 0;
};

// Offsets of the metadata parts, computed from the counts alone.
struct MetadataLayout {
  uint64_t directory_offset;
  uint64_t record_table_offset;
  uint64_t record_crc_offset;
  uint64_t metadata_bytes;
  uint64_t pinned_offset;
};

constexpr MetadataLayout LayoutMetadata(const ModelConfig& config) {
  MetadataLayout m{};
  m.directory_offset = sizeof(ImageHeader);
  m.record_table_offset = m.directory_offset + uint64_t{TensorCount(config)} * sizeof(TensorEntry);
  m.record_crc_offset = m.record_table_offset + uint64_t{config.moe_layers()} * sizeof(RecordEntry);
  m.metadata_bytes = m.record_crc_offset + uint64_t{config.moe_layers()} * config.experts * sizeof(uint32_t);
  m.pinned_offset = RoundUp<uint64_t>(m.metadata_bytes, kRecordAlignment);
  return m;
}

// The config in the header, not checked yet.
inline ModelConfig ConfigFromHeader(const ImageHeader& h) {
  ModelConfig c;
  c.hidden_size = h.hidden_size;
  c.layers = h.layers;
  c.heads = h.heads;
  c.kv_heads = h.kv_heads;
  c.head_dim = h.head_dim;
  c.dense_layers = h.dense_layers;
  c.dense_ff_size = h.dense_ff_size;
  c.experts = h.experts;
  c.experts_per_token = h.experts_per_token;
  c.expert_ff_size = h.expert_ff_size;
  c.vocab_size = h.vocab_size;
  c.context_length = h.context_length;
  c.conv_kernel = h.conv_kernel;
  c.tied_embedding = h.tied_embedding != 0;
  c.norm_eps = h.norm_eps;
  c.rope_theta = h.rope_theta;
  c.routed_scaling_factor = h.routed_scaling_factor;
  for (uint32_t l = 0; l < kMaxLayers; ++l) c.layer_kind[l] = static_cast<LayerKind>(h.layer_kind[l]);
  return c;
}

// Sets the header's fields of the config; the others stay as they are.
inline void ConfigToHeader(const ModelConfig& c, ImageHeader* h) {
  h->hidden_size = c.hidden_size;
  h->layers = c.layers;
  h->heads = c.heads;
  h->kv_heads = c.kv_heads;
  h->head_dim = c.head_dim;
  h->dense_layers = c.dense_layers;
  h->dense_ff_size = c.dense_ff_size;
  h->experts = c.experts;
  h->experts_per_token = c.experts_per_token;
  h->expert_ff_size = c.expert_ff_size;
  h->vocab_size = c.vocab_size;
  h->context_length = c.context_length;
  h->conv_kernel = c.conv_kernel;
  h->tied_embedding = c.tied_embedding ? 1u : 0u;
  h->norm_eps = c.norm_eps;
  h->rope_theta = c.rope_theta;
  h->routed_scaling_factor = c.routed_scaling_factor;
  for (uint32_t l = 0; l < kMaxLayers; ++l) h->layer_kind[l] = static_cast<uint8_t>(c.layer_kind[l]);
}

// The recommended sampling in the header, not checked yet.
inline Sampling SamplingFromHeader(const ImageHeader& h) {
  const uint32_t set = h.sampling_set;
  Sampling s;
  if ((set & kTemperatureSet) != 0) s.temperature = h.temperature;
  if ((set & kTopKSet) != 0) s.top_k = h.top_k;
  if ((set & kTopPSet) != 0) s.top_p = h.top_p;
  if ((set & kMinPSet) != 0) s.min_p = h.min_p;
  if ((set & kRepetitionPenaltySet) != 0) s.repetition_penalty = h.repetition_penalty;
  return s;
}

// Sets the header's fields of the sampling; the others stay as they are.
inline void SamplingToHeader(const Sampling& s, ImageHeader* h) {
  h->sampling_set = (s.temperature != kUnset ? kTemperatureSet : 0u) | (s.top_k != kUnsetCount ? kTopKSet : 0u) |
                    (s.top_p != kUnset ? kTopPSet : 0u) | (s.min_p != kUnset ? kMinPSet : 0u) |
                    (s.repetition_penalty != kUnset ? kRepetitionPenaltySet : 0u);
  const Sampling zeros{0.0f, 0, 0.0f, 0.0f, 0.0f};
  const Sampling all = Merged(s, zeros);
  h->temperature = all.temperature;
  h->top_k = all.top_k;
  h->top_p = all.top_p;
  h->min_p = all.min_p;
  h->repetition_penalty = all.repetition_penalty;
}

}  // namespace lfm2

#endif  // LFM2_FORMAT_IMAGE_LAYOUT_H_
