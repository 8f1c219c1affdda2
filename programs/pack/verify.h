// Checks every CRC of an image.
#ifndef LFM2_PROGRAMS_PACK_VERIFY_H_
#define LFM2_PROGRAMS_PACK_VERIFY_H_

#include <cstdint>

#include "lfm2/format/image.h"
#include "programs/base/error.h"
#include "programs/console/progress.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

// Refuse a CRC that differs from that of the image, and name the corrupt part.
Error CheckPinnedCrc(const ImageHeader& header, uint32_t crc);
Error CheckRecordCrc(const Image& image, uint32_t moe_layer, uint32_t expert, uint32_t crc);

// Reads the pinned part of an image with a valid header.
Error VerifyPinned(const ByteSource& source, const StepProgress& progress);

// Reads the pinned part and every record of `image` through `source`, which holds the same bytes, a window at a time:
// Image::VerifyPinned would have the whole pinned part resident. Then the token trie, if the image has one, of an image
// that is mapped: its CRC, and that it is the vocabulary's. The first part that is wrong is named.
Error VerifyCrcs(const Image& image, const ByteSource& source, const StepProgress& progress);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_VERIFY_H_
