// The work that one token needs on any machine, from a model's directory alone: weights to read and to multiply.
#ifndef LFM2_PROGRAMS_MEASURE_MODEL_WORK_H_
#define LFM2_PROGRAMS_MEASURE_MODEL_WORK_H_

#include <cstdint>
#include <vector>

#include "lfm2/format/image.h"
#include "programs/base/random.h"

namespace lfm2::tools {

struct ByteRange {
  const uint8_t* data = nullptr;
  uint64_t bytes = 0;
};

struct ModelWork {
  std::vector<ByteRange> pinned;  // read for every decoded token
  uint64_t experts_bytes = 0;     // of the experts that a token is routed to, in all layers
  uint64_t layers_macs = 0;       // products of weights with one token, in all layers
  uint64_t head_macs = 0;         // the LM head: once per prompt, once per decoded token

  uint64_t pinned_bytes() const;
  // Bytes of the weights that a decoded token reads, each byte counted once.
  uint64_t weight_bytes() const { return pinned_bytes() + experts_bytes; }
  // Multiply-adds with weights for a prompt of n tokens, without attention, which computes with floats.
  uint64_t PromptMacs(uint64_t n) const { return n * layers_macs + head_macs; }
};

// The image outlives the result.
ModelWork WorkOf(const Image& image);

// Every expert record that a token reads: experts_per_token of each MoE layer, drawn uniformly.
std::vector<ByteRange> DrawExperts(const Image& image, Random* random);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_MODEL_WORK_H_
