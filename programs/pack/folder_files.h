// The files of a model's directory, by name, on a drive or elsewhere.
#ifndef LFM2_PROGRAMS_PACK_FOLDER_FILES_H_
#define LFM2_PROGRAMS_PACK_FOLDER_FILES_H_

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "programs/base/error.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

class FolderFiles {
 public:
  virtual ~FolderFiles() = default;
  virtual bool Has(const std::string& name) const = 0;
  // *file may outlive this.
  virtual Error Open(const std::string& name, std::unique_ptr<ByteSource>* file) const = 0;
  // The path of the file, for people.
  virtual std::string Path(const std::string& name) const = 0;
  // The name of the model: that of its repository or its directory.
  virtual std::string Name() const = 0;
};

class DirectoryFiles final : public FolderFiles {
 public:
  explicit DirectoryFiles(const std::string& path) : path_(path) {}
  // A file that cannot be examined counts as present: opening it reports why.
  bool Has(const std::string& name) const override {
    std::error_code unknown;
    return std::filesystem::status(Path(name), unknown).type() != std::filesystem::file_type::not_found;
  }
  Error Open(const std::string& name, std::unique_ptr<ByteSource>* file) const override {
    auto opened = std::make_unique<FileSource>();
    LFM2_RETURN_IF_FAILED(opened->Open(Path(name)));
    *file = std::move(opened);
    return Error();
  }
  std::string Path(const std::string& name) const override { return path_ + "/" + name; }
  std::string Name() const override {
    std::error_code unknown;
    const std::filesystem::path directory = std::filesystem::canonical(path_, unknown);
    // The cache of Hugging Face's hub: models--PUBLISHER--NAME/snapshots/COMMIT.
    const std::string repository = directory.parent_path().parent_path().filename().string();
    if (directory.parent_path().filename() == "snapshots" && repository.rfind("models--", 0) == 0) {
      return repository.substr(repository.rfind("--") + 2);
    }
    return directory.filename().string();
  }

 private:
  std::string path_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_FOLDER_FILES_H_
