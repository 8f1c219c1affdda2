// A model as every tool opens it: an image on disk, or a published model of which an image is made first.
#ifndef LFM2_TOOLS_OPEN_MODEL_FILE_H_
#define LFM2_TOOLS_OPEN_MODEL_FILE_H_

#include <string>
#include <vector>

#include "lfm2/format/image.h"
#include "lfm2/posix/mapped_file.h"
#include "tools/common/error.h"

namespace lfm2::tools {

// A model as a command line names it.
struct ModelArgument {
  std::string path;   // an image; a GGUF file or a directory of safetensors
  bool cache = true;  // false: only an image will do
};

class ModelFile {
 public:
  // Called once. A published model is packed into the cache (image_cache.h) unless that has it. The Error names the
  // file.
  Error Open(const ModelArgument& model);
  const Image& image() const { return image_; }
  // Of the image, which is not where the argument says if that was a published model.
  const std::string& path() const { return path_; }
  // The whole directory.
  std::vector<TensorEntry> Directory() const;

 private:
  std::string path_;
  posix::MappedFile file_;
  Image image_;
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_OPEN_MODEL_FILE_H_
