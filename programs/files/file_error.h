// Why a file cannot be used, in one sentence: what failed, for which file, why, and what to do about it.
#ifndef LFM2_PROGRAMS_FILES_FILE_ERROR_H_
#define LFM2_PROGRAMS_FILES_FILE_ERROR_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

enum class FileUse : uint8_t {
  kOpen,    // an existing file
  kRead,    // a file that is open
  kCreate,  // a new file, or a new name for one
  kWrite,   // a file that is open
};

// error: an errno. Such as "cannot open model.gguf: no such file (check the path)".
Error FileError(FileUse use, const std::string& path, int error);

// For what exists under that path and is not a regular file. mode: its st_mode.
Error NotRegularFile(FileUse use, const std::string& path, mode_t mode);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_FILE_ERROR_H_
