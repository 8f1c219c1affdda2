// Byte counts on a command line.
#ifndef LFM2_PROGRAMS_OPTIONS_BYTE_SIZE_H_
#define LFM2_PROGRAMS_OPTIONS_BYTE_SIZE_H_

#include <cstdint>
#include <string_view>

#include <CLI/CLI.hpp>

#include "programs/base/error.h"

namespace lfm2::tools {

// "4096", "1300M", "1.3GB": K, M, G and T are powers of 1024, as are KiB, MiB, ...; KB, MB, ... are powers of 1000.
// Rounded down to a byte. Case does not matter.
Error ParseByteSize(std::string_view text, uint64_t* bytes);

// For CLI::Option::transform: the text becomes the number.
CLI::Validator ByteSizeText();

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_BYTE_SIZE_H_
