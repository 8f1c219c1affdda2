#include "tools/common/model_file.h"

namespace lfm2::tools {

Error ModelFile::Open(const std::string& path) {
  Status status = file_.Open(path.c_str());
  if (status.ok()) status = image_.Open(file_);
  return status.ok() ? Error() : Error::Of(path, ": ", Error::From(status).text());
}

std::vector<TensorEntry> ModelFile::Directory() const {
  std::vector<TensorEntry> entries;
  for (uint32_t i = 0; i < image_.tensor_count(); ++i) entries.push_back(image_.tensor(i));
  return entries;
}

}  // namespace lfm2::tools
