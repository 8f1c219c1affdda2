// What the system says of files without reading them.
#ifndef LFM2_PROGRAMS_OPEN_FILE_STAMP_H_
#define LFM2_PROGRAMS_OPEN_FILE_STAMP_H_

#include <cstdint>
#include <string>

namespace lfm2::tools {

// Sums up, of all files that a published model may be made of: path, drive, number there, size, and when each was
// changed last, also as the system keeps it and no program can set it. Equal stamps: nothing has changed.
uint64_t StampOf(const std::string& path);

// Sum of the sizes of the files that a published model's weights are in: a GGUF file's parts, a directory's
// safetensors.
uint64_t WeightFileBytes(const std::string& path);

// A number of 64 bits from bytes, and what came before: FNV-1a.
uint64_t Mix(uint64_t before, const void* data, size_t bytes);
inline constexpr uint64_t kMixBegin = 14695981039346656037u;

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_FILE_STAMP_H_
