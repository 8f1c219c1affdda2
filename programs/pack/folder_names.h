// Names of the tensors of an LFM2 checkpoint in safetensors.
#ifndef LFM2_PROGRAMS_PACK_FOLDER_NAMES_H_
#define LFM2_PROGRAMS_PACK_FOLDER_NAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/tensor_list.h"

namespace lfm2::tools {

// One way to store a matrix, or those of all experts.
struct MatrixName {
  std::string before, after;  // the number of an expert comes between them
  bool per_expert = false;    // otherwise one tensor holds those of all experts
  const char* suffix = ".weight";
  uint32_t parts = 1;  // number of matrices of equal rows that are stacked in one tensor, and the index of this one
  uint32_t part = 0;

  std::string Base(uint32_t expert) const { return per_expert ? before + std::to_string(expert) + after : before; }
  std::string Weight(uint32_t expert) const { return Base(expert) + suffix; }
};

// All known ways: Hugging Face's with a tensor per expert or with stacked ones, and MLX's.
std::vector<MatrixName> MatrixNames(const TensorSpec& spec);
// The name of a plain tensor.
std::string PlainName(const TensorSpec& spec);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_FOLDER_NAMES_H_
