// A model as every program opens it: an image, or a published model of which an image is made first.
#ifndef LFM2_PROGRAMS_OPEN_MODEL_FILE_H_
#define LFM2_PROGRAMS_OPEN_MODEL_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/image.h"
#include "lfm2/posix/mapped_file.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// A model as a command line names it.
struct ModelArgument {
  std::string path;   // an image; a GGUF file or a directory of safetensors
  bool cache = true;  // false: published models are refused
};

class ModelFile {
 public:
  // Called once. A published model is packed into the cache (image_cache.h) unless its image is there already. The
  // Error names the file.
  Error Open(const ModelArgument& model);
  const Image& image() const { return image_; }
  // Of the image: in the cache if the argument names a published model.
  const std::string& path() const { return path_; }
  // What the model is called, for people: the image's name, without what converters add where they find none.
  std::string name() const;
  // Whether the argument names a published model, of which the image was made.
  bool published() const { return published_; }
  // Size of the files that the argument names: an image; a GGUF file with all parts; the safetensors of a directory.
  uint64_t given_bytes() const { return given_bytes_; }
  // All tensors of the image.
  std::vector<TensorEntry> Directory() const;

 private:
  std::string given_;
  std::string path_;
  bool published_ = false;
  uint64_t given_bytes_ = 0;
  posix::MappedFile file_;
  Image image_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_MODEL_FILE_H_
