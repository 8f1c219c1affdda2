#include "programs/open/model_file.h"

#include "programs/open/file_stamp.h"
#include "programs/open/image_cache.h"

namespace lfm2::tools {

Error ModelFile::Open(const ModelArgument& model) {
  path_ = model.path;
  published_ = IsPublishedModel(model.path);
  if (published_) {
    if (!model.cache) {
      return Error::Of(model.path, ": this is no .lfm2 image; make one with: lfm2-pack ", model.path, " MODEL.lfm2");
    }
    LFM2_RETURN_IF_FAILED(FindOrPack(model.path, &path_));
  }
  Status status = file_.Open(path_.c_str());
  if (status.ok()) status = image_.Open(file_);
  given_bytes_ = published_ ? WeightFileBytes(model.path) : image_.file_bytes();
  return status.ok() ? Error() : Error::Of(path_, ": ", Error::From(status).text());
}

std::vector<TensorEntry> ModelFile::Directory() const {
  std::vector<TensorEntry> entries;
  for (uint32_t i = 0; i < image_.tensor_count(); ++i) entries.push_back(image_.tensor(i));
  return entries;
}

}  // namespace lfm2::tools
