// The shape of a model as C++, for firmware that sizes its arena at compile time.
#ifndef LFM2_PROGRAMS_INSPECT_CONFIG_HEADER_H_
#define LFM2_PROGRAMS_INSPECT_CONFIG_HEADER_H_

#include <string>

#include "lfm2/format/image.h"

namespace lfm2::tools {

// A header with two constants: `kNAME`, the ModelConfig, and `kNAMEShape`, the StreamShape for images that are read,
// equal to those of the image. NAME is made from the name of the image.
std::string ConfigHeader(const Image& image);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_INSPECT_CONFIG_HEADER_H_
