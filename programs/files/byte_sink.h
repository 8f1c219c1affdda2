// Where programs write a file's bytes to: a file that appears only when it is complete, or memory.
#ifndef LFM2_PROGRAMS_FILES_BYTE_SINK_H_
#define LFM2_PROGRAMS_FILES_BYTE_SINK_H_

#include <cstdint>
#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

// The directory of a file's path, with its slash; "." if the path has none.
std::string DirectoryOf(const std::string& path);

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Writes bytes at an offset. Bytes that are never written read as zero.
  virtual Error Write(uint64_t offset, const void* data, size_t bytes) = 0;
};

// A file without a name in the directory of its path, until Commit gives it one: whatever ends the process before that
// leaves nothing. Where the file system has no files without a name (O_TMPFILE) it has a temporary one, which the
// destructor removes and a killed process leaves; it is locked (flock) while it is being written.
class OutputFile final : public ByteSink {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() override;

  // path: of no file, or of a regular one, which Commit replaces. Called once. The Errors of all name the path.
  Error Open(const std::string& path);
  Error Write(uint64_t offset, const void* data, size_t bytes) override;
  // Waits until the bytes are on the device, then gives the file its path.
  Error Commit();
  // The same for another path than the file was opened for, on the same drive.
  Error CommitAs(const std::string& path);

 private:
  Error OpenNamed();
  Error Link();

  std::string path_;
  std::string temporary_;  // empty: the file has no name yet
  int fd_ = -1;
};

class MemorySink final : public ByteSink {
 public:
  Error Write(uint64_t offset, const void* data, size_t bytes) override;
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_BYTE_SINK_H_
