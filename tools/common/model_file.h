// A model image on disk, opened as every tool opens it.
#ifndef LFM2_TOOLS_COMMON_MODEL_FILE_H_
#define LFM2_TOOLS_COMMON_MODEL_FILE_H_

#include <string>
#include <vector>

#include "lfm2/format/image.h"
#include "lfm2/posix/mapped_file.h"
#include "tools/common/error.h"

namespace lfm2::tools {

class ModelFile {
 public:
  // Called once. The Error names the file.
  Error Open(const std::string& path);
  const Image& image() const { return image_; }
  // The whole directory.
  std::vector<TensorEntry> Directory() const;

 private:
  posix::MappedFile file_;
  Image image_;
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_MODEL_FILE_H_
