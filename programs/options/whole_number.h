// Whole numbers of 64 bits on a command line.
#ifndef LFM2_PROGRAMS_OPTIONS_WHOLE_NUMBER_H_
#define LFM2_PROGRAMS_OPTIONS_WHOLE_NUMBER_H_

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <string>

namespace lfm2::tools {

// For CLI::Option::check: digits, of a number below 2^64. Without it CLI11 wraps negative numbers and clamps large
// ones.
inline CLI::Validator WholeNumber() {
  return CLI::Validator(
      [](std::string& text) {
        uint64_t number = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool is_number = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
        return is_number ? std::string() : text + " is not a whole number from 0 to 18446744073709551615";
      },
      "");
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_WHOLE_NUMBER_H_
