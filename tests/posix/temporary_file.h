// A file that is gone when the test ends.
#ifndef LFM2_TESTS_POSIX_TEMPORARY_FILE_H_
#define LFM2_TESTS_POSIX_TEMPORARY_FILE_H_

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace lfm2::test {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) {
    char name[] = "/tmp/lfm2-test-file-XXXXXX";
    const int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_POSIX_TEMPORARY_FILE_H_
