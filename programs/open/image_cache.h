// Images of published models, packed once and found again.
#ifndef LFM2_PROGRAMS_OPEN_IMAGE_CACHE_H_
#define LFM2_PROGRAMS_OPEN_IMAGE_CACHE_H_

#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

// Whether a path is that of a model as publishers give it away: a directory, or a file that begins as GGUF files do.
bool IsPublishedModel(const std::string& path);

// The image of a published model in the cache folder, as lfm2-pack would make it without options. It is made where
// there is none, under a progress bar, and a line on standard error says so. Images are known by what is in them; files
// whose names, sizes, times and places on the drive are those of an earlier start are not read again. An image appears
// when it is complete, so processes may do this at the same time. The Error is one sentence with the path.
Error FindOrPack(const std::string& path, std::string* image);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_IMAGE_CACHE_H_
