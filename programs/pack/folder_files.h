// The files of a model's directory, by name: on a drive, or wherever else somebody keeps them.
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
  // *file does not need this any more.
  virtual Error Open(const std::string& name, std::unique_ptr<ByteSource>* file) const = 0;
  // What the file is called, for people.
  virtual std::string Path(const std::string& name) const = 0;
  // What the directory is called.
  virtual std::string Name() const = 0;
};

class DirectoryFiles final : public FolderFiles {
 public:
  explicit DirectoryFiles(const std::string& path) : path_(path) {}
  // What can not be looked at counts as being there: opening it says why.
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
    return std::filesystem::canonical(path_, unknown).filename().string();
  }

 private:
  std::string path_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_FOLDER_FILES_H_
