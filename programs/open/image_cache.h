// Images of published models, packed once and reused.
#ifndef LFM2_PROGRAMS_OPEN_IMAGE_CACHE_H_
#define LFM2_PROGRAMS_OPEN_IMAGE_CACHE_H_

#include <string>

#include "programs/base/error.h"

namespace lfm2::tools {

// The image of a published model, a directory or a GGUF file, in the cache, as lfm2-pack would make it without options.
// If there is none it is made, with a progress bar and a line on standard error. Images are found by their content;
// files whose names, sizes, times and places on the drive are those of an earlier run are not read again. An image
// appears when it is complete, so several processes may do this at the same time. The Error is one sentence with the
// path.
Error FindOrPack(const std::string& path, std::string* image);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_IMAGE_CACHE_H_
