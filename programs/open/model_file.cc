#include "programs/open/model_file.h"

#include <cstring>
#include <filesystem>
#include <system_error>

#include "lfm2/format/image_layout.h"
#include "programs/files/byte_source.h"
#include "programs/open/file_stamp.h"
#include "programs/open/image_cache.h"

namespace lfm2::tools {

namespace {

// *published: whether a path is that of a model as publishers distribute it: a directory, or a GGUF file. Refuses what
// is neither that nor an image.
Error Recognize(const std::string& path, bool* published) {
  std::error_code unknown;
  *published = std::filesystem::is_directory(path, unknown);
  if (*published) return Error();
  FileSource file;
  LFM2_RETURN_IF_FAILED(file.Open(path));
  if (file.size() == 0) return Error::Of("cannot open ", path, ": it is empty (was its download complete?)");
  char magic[sizeof(kImageMagic)] = {};
  LFM2_RETURN_IF_FAILED(file.Read(0, magic, file.size() < sizeof(magic) ? 0 : sizeof(magic)));
  *published = std::memcmp(magic, "GGUF", 4) == 0;
  if (*published || std::memcmp(magic, kImageMagic, sizeof(magic)) == 0) return Error();
  const bool safetensors = std::filesystem::path(path).extension() == ".safetensors";
  return Error::Of("cannot open ", path, ": it is neither a .lfm2 image nor a GGUF file",
                   safetensors ? " (give the directory of a safetensors file)" : "");
}

// Whether a converter has made up the name: it found none, and took that of a directory named after a commit.
bool IsCommit(const std::string& name) {
  return name.size() >= 32 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Error ModelFile::Open(const ModelArgument& model) {
  given_ = path_ = model.path;
  LFM2_RETURN_IF_FAILED(Recognize(model.path, &published_));
  if (published_) {
    if (!model.cache) {
      return Error::Of("cannot open ", model.path, ": it is not a .lfm2 image (make one: lfm2-pack ", model.path,
                       " MODEL.lfm2)");
    }
    LFM2_RETURN_IF_FAILED(FindOrPack(model.path, &path_));
  }
  Status status = file_.Open(path_.c_str());
  if (status.ok()) status = image_.Open(file_);
  given_bytes_ = published_ ? WeightFileBytes(model.path) : image_.file_bytes();
  return status.ok() ? Error() : Error::Of("cannot open ", path_, ": ", Error::From(status).text());
}

std::string ModelFile::name() const {
  std::string name = image_.name();
  // Converters title-case the name of the directory that they read, where "hf" stands for its format.
  const size_t size = name.size();
  if (size > 3 && (name[size - 3] == '_' || name[size - 3] == '-' || name[size - 3] == ' ') &&
      (name[size - 2] == 'h' || name[size - 2] == 'H') && (name[size - 1] == 'f' || name[size - 1] == 'F')) {
    name.resize(size - 3);
  }
  if (!name.empty() && !IsCommit(name)) return name;
  return std::filesystem::path(given_).stem().string();
}

std::vector<TensorEntry> ModelFile::Directory() const {
  std::vector<TensorEntry> entries;
  for (uint32_t i = 0; i < image_.tensor_count(); ++i) entries.push_back(image_.tensor(i));
  return entries;
}

}  // namespace lfm2::tools
