// A model to be packed: what the packer needs to know of a GGUF file or a directory of safetensors.
#ifndef LFM2_PROGRAMS_PACK_MODEL_SOURCE_H_
#define LFM2_PROGRAMS_PACK_MODEL_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/model_config.h"
#include "lfm2/format/sampling.h"
#include "lfm2/format/tensor_list.h"
#include "programs/base/error.h"
#include "programs/pack/vocab_writer.h"

namespace lfm2::tools {

// One tensor of the image, and its type there.
struct ImageTensor {
  TensorSpec spec;
  TensorType type = TensorType::kF32;
};

class ModelSource {
 public:
  virtual ~ModelSource() = default;

  // Checked by CheckConfig.
  const ModelConfig& config() const { return config_; }
  // For people.
  const std::string& name() const { return name_; }
  // What the source is, such as "GGUF 3, lfm2moe".
  const std::string& description() const { return description_; }
  const VocabSource& vocab() const { return vocab_; }
  // What the publisher recommends; checked by CheckSampling.
  const Sampling& sampling() const { return sampling_; }
  // Sentences for people, about what the image lacks or has otherwise than the source states.
  const std::vector<std::string>& notes() const { return notes_; }
  // In image order; every type fits its tensor.
  const std::vector<ImageTensor>& tensors() const { return tensors_; }
  // The source's files, by the names under which they were opened, and their bytes.
  const std::vector<std::string>& files() const { return files_; }
  uint64_t bytes() const { return bytes_; }

  // Rows [row, row + rows) of a matrix, of expert `expert` if it is an expert tensor, as blocks of its type, the
  // last one padded with zeros. row is a multiple of kBlockRows.
  virtual Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const = 0;
  // A plain tensor, values[spec.rows * spec.cols] as the image holds it.
  virtual Error ReadPlain(size_t tensor, float* values) const = 0;

 protected:
  ModelConfig config_;
  std::string name_;
  std::string description_;
  VocabSource vocab_;
  Sampling sampling_;
  std::vector<std::string> notes_;
  std::vector<ImageTensor> tensors_;
  std::vector<std::string> files_;
  uint64_t bytes_ = 0;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_MODEL_SOURCE_H_
