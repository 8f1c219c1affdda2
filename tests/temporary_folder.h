// A folder that is gone when the test ends.
#ifndef LFM2_TESTS_TEMPORARY_FOLDER_H_
#define LFM2_TESTS_TEMPORARY_FOLDER_H_

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace lfm2::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lfm2-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  // How many files and folders it has.
  size_t Files() const {
    size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) n += entry.exists() ? 1 : 0;
    return n;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_TEMPORARY_FOLDER_H_
