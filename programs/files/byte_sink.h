// Where a tool writes a file's bytes to: a file that appears only when it is complete, or memory.
#ifndef LFM2_PROGRAMS_FILES_BYTE_SINK_H_
#define LFM2_PROGRAMS_FILES_BYTE_SINK_H_

#include <cstdint>
#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Places bytes at an offset; what is never written reads as zero.
  virtual Error Write(uint64_t offset, const void* data, size_t bytes) = 0;
};

// A file under a temporary name in the same directory, until Commit gives it its own. Without Commit nothing is left,
// unless the process is killed; while it is being written it is locked (flock), which ends with the process.
class OutputFile final : public ByteSink {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() override;

  // Called once.
  Error Open(const std::string& path);
  Error Write(uint64_t offset, const void* data, size_t bytes) override;
  // Waits until the bytes are on the device, then puts the file in the place of whatever was there.
  Error Commit();
  // The same under another name than it was opened for, on the same drive.
  Error CommitAs(const std::string& path);

 private:
  std::string path_;
  std::string temporary_;
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
