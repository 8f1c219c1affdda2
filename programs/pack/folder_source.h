// A model in a directory of safetensors, as Hugging Face and MLX publish it: config.json, one or several .safetensors
// files, tokenizer.json and a chat template. Weights are floats, or MLX's affine and MXFP4 types, which an image holds
// as they are.
#ifndef LFM2_PROGRAMS_PACK_FOLDER_SOURCE_H_
#define LFM2_PROGRAMS_PACK_FOLDER_SOURCE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "programs/files/byte_source.h"
#include "programs/pack/folder_files.h"
#include "programs/pack/mlx_types.h"
#include "programs/pack/model_source.h"
#include "programs/pack/safetensors.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// The source of a matrix, or of one expert's.
struct FolderMatrix {
  const SafeTensor* weight = nullptr;
  const SafeTensor* scales = nullptr;  // of MLX's types
  const SafeTensor* biases = nullptr;
  TensorType packed = TensorType::kF32;  // MLX's type, if there are scales
  uint64_t first_row = 0;
};

class FolderSource final : public ModelSource {
 public:
  // Reads and checks everything but the weights. chat_format: in place of the chat template of the directory; without
  // it an unknown template is refused.
  Error Open(const FolderFiles& folder, const std::optional<OwnedChatFormat>& chat_format);

  Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const override;
  Error ReadPlain(size_t tensor, float* values) const override;

 private:
  struct Found {
    const SafeTensor* tensor = nullptr;
    size_t file = 0;
    std::string name;  // in the file
  };

  Error OpenFiles(const FolderFiles& folder);
  Error OpenFile(const FolderFiles& folder, const std::string& name);
  Error ReadVocabulary(const FolderFiles& folder, const std::optional<OwnedChatFormat>& chat_format);
  Error NameTensors();
  uint32_t GateRows() const;
  Error MatchTensors();
  Error MatchPlain(const TensorSpec& spec);
  Error MatchMatrix(const TensorSpec& spec);
  Error MatchPlace(const TensorSpec& spec, const std::string& base, const std::string& weight, uint64_t matrices,
                   uint64_t rows, TensorType* type);
  Error ReadRows(const FolderMatrix& place, uint64_t first, uint32_t rows) const;
  const SafeTensor* Find(const std::string& name);
  Error Read(const SafeTensor& t, uint64_t offset, size_t bytes, std::vector<uint8_t>* out) const;

  std::vector<std::unique_ptr<ByteSource>> opened_;
  std::vector<Safetensors> headers_;                 // one per file
  std::map<std::string, Found, std::less<>> found_;  // every tensor, by its name in a text model
  std::map<const SafeTensor*, size_t> file_of_;      // index of opened_
  std::set<std::string, std::less<>> used_;
  MlxQuantization quantization_;
  bool sees_ = false;  // the text model of a vision model
  bool expert_bias_ = true;
  std::vector<std::vector<FolderMatrix>> places_;                   // as tensors(); one, or one per expert
  mutable std::vector<uint8_t> weight_, scales_, biases_, blocks_;  // of one read
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_FOLDER_SOURCE_H_
