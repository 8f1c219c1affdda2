// Words for a model's config and tensors, shared by the tools that show them.
#ifndef LFM2_PROGRAMS_SESSION_DESCRIBE_H_
#define LFM2_PROGRAMS_SESSION_DESCRIBE_H_

#include <string>
#include <vector>

#include "lfm2/format/image_layout.h"
#include "lfm2/format/model_config.h"

namespace lfm2::tools {

// "24 layers (6 attention, 18 short convolution), hidden size 2048, ...": lines that end with a newline.
std::string DescribeConfig(const ModelConfig& config);

// "temperature 0.3, min_p 0.15": what is set, or "nothing recommended".
std::string DescribeSampling(const Sampling& sampling);

// Values that all tensors of the directory hold together, those of every expert counted.
uint64_t WeightCount(const ModelConfig& config, const std::vector<TensorEntry>& directory);

// Bytes that they take together, counted alike.
uint64_t WeightBytes(const ModelConfig& config, const std::vector<TensorEntry>& directory);

// A table with one line for each pair of role and type: tensors, bytes, bits a weight; then their sum.
std::string TensorTable(const ModelConfig& config, const std::vector<TensorEntry>& directory);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_DESCRIBE_H_
