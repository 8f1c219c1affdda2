// What the system knows of files without reading them.
#ifndef LFM2_PROGRAMS_OPEN_FILE_STAMP_H_
#define LFM2_PROGRAMS_OPEN_FILE_STAMP_H_

#include <cstdint>
#include <string>

namespace lfm2::tools {

// A hash over all files of a published model: path, device, inode, size, and the times of the last modification and of
// the last change of the inode, which no program can set. Equal stamps mean that nothing has changed.
uint64_t StampOf(const std::string& path);

// Total size of the files with the weights of a published model: the parts of a GGUF file, the safetensors of a
// directory.
uint64_t WeightFileBytes(const std::string& path);

// FNV-1a, continued from `before`.
uint64_t Mix(uint64_t before, const void* data, size_t bytes);
inline constexpr uint64_t kMixBegin = 14695981039346656037u;

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_FILE_STAMP_H_
