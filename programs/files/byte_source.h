// Where programs read a file's bytes from: the file, in pieces, or memory.
#ifndef LFM2_PROGRAMS_FILES_BYTE_SOURCE_H_
#define LFM2_PROGRAMS_FILES_BYTE_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "programs/base/error.h"

namespace lfm2::tools {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Copies [offset, offset + bytes) to out. Fails if the range exceeds size().
  virtual Error Read(uint64_t offset, void* out, size_t bytes) const = 0;
};

// Reads with pread, so that pages of a large file do not count as memory of this process, as with a mapping.
class FileSource final : public ByteSource {
 public:
  FileSource() = default;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override;

  // path: a regular file. Called once. The Error names the path.
  Error Open(const std::string& path);
  uint64_t size() const override { return size_; }
  Error Read(uint64_t offset, void* out, size_t bytes) const override;
  // Whether `path` refers to this file, under whatever name.
  bool IsSameFile(const std::string& path) const;

 private:
  std::string path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

// Does not own the bytes.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  Error Read(uint64_t offset, void* out, size_t bytes) const override;

 private:
  std::string_view bytes_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_BYTE_SOURCE_H_
