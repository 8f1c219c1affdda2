// Descriptions of a model's config and tensors, for people.
#ifndef LFM2_PROGRAMS_SESSION_DESCRIBE_H_
#define LFM2_PROGRAMS_SESSION_DESCRIBE_H_

#include <string>
#include <vector>

#include "lfm2/format/image_layout.h"
#include "lfm2/format/model_config.h"

namespace lfm2::tools {

// A table of layers, sizes, vocabulary and context.
std::string DescribeConfig(const ModelConfig& config);

// "temperature 0.3, min_p 0.15": what is set, or "nothing recommended".
std::string DescribeSampling(const Sampling& sampling);

// Number of weights of all tensors in the directory, every expert included.
uint64_t WeightCount(const ModelConfig& config, const std::vector<TensorEntry>& directory);

// Their bytes, counted in the same way.
uint64_t WeightBytes(const ModelConfig& config, const std::vector<TensorEntry>& directory);

// A table with a line for each pair of role and type: tensors, bytes, bits per weight; then the totals.
std::string TensorTable(const ModelConfig& config, const std::vector<TensorEntry>& directory);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_DESCRIBE_H_
