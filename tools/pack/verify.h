// Checks every CRC of an image.
#ifndef LFM2_TOOLS_PACK_VERIFY_H_
#define LFM2_TOOLS_PACK_VERIFY_H_

#include <cstdint>

#include "lfm2/format/image.h"
#include "tools/common/byte_source.h"
#include "tools/common/error.h"
#include "tools/pack/packer.h"

namespace lfm2::tools {

// Reads the pinned part and every record of `image` through `source`, which holds the same bytes, a window at a time:
// Image::VerifyPinned would have the whole pinned part resident. The first part whose CRC is wrong is named.
Error VerifyCrcs(const Image& image, const ByteSource& source, const PackProgress& progress);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_PACK_VERIFY_H_
