#include "programs/open/file_stamp.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "programs/pack/gguf_source.h"

namespace lfm2::tools {

namespace {

// What is wrong with them is reported when they are opened.
std::vector<std::string> FilesOf(const std::string& path) {
  std::vector<std::string> files;
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    if (!GgufParts(path, &files).ok()) files = {path};
    return files;
  }
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    files.push_back(at->path().string());
  }
  std::sort(files.begin(), files.end());
  files.push_back(path);  // the image is named after it
  return files;
}

}  // namespace

uint64_t Mix(uint64_t before, const void* data, size_t bytes) {
  const unsigned char* const at = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) before = (before ^ at[i]) * 1099511628211u;
  return before;
}

uint64_t StampOf(const std::string& path) {
  uint64_t stamp = kMixBegin;
  for (const std::string& file : FilesOf(path)) {
    struct stat info = {};
    std::error_code unknown;
    const std::string name = std::filesystem::canonical(file, unknown).string();
    if (::stat(file.c_str(), &info) != 0) info = {};
    const uint64_t facts[] = {static_cast<uint64_t>(info.st_dev),          static_cast<uint64_t>(info.st_ino),
                              static_cast<uint64_t>(info.st_size),         static_cast<uint64_t>(info.st_mtim.tv_sec),
                              static_cast<uint64_t>(info.st_mtim.tv_nsec), static_cast<uint64_t>(info.st_ctim.tv_sec),
                              static_cast<uint64_t>(info.st_ctim.tv_nsec), uint64_t{name.size()}};
    stamp = Mix(Mix(stamp, facts, sizeof(facts)), name.data(), name.size());
  }
  return stamp;
}

uint64_t WeightFileBytes(const std::string& path) {
  std::error_code error;
  const bool directory = std::filesystem::is_directory(path, error);
  uint64_t sum = 0;
  for (const std::string& file : FilesOf(path)) {
    if (directory && std::filesystem::path(file).extension() != ".safetensors") continue;
    const uint64_t bytes = std::filesystem::file_size(file, error);
    if (!error) sum += bytes;
  }
  return sum;
}

}  // namespace lfm2::tools
