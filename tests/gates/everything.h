// Functions that the program two_units calls in its two other translation units. Does not include the library itself.
#ifndef LFM2_TESTS_GATES_EVERYTHING_H_
#define LFM2_TESTS_GATES_EVERYTHING_H_

#include <cstddef>
#include <cstdint>

struct GateMemory {
  std::byte* arena;  // aligned to 4096 bytes
  size_t arena_size;
  int32_t* ids;
  size_t ids_size;
  char* text;
  size_t text_size;
};

// Opens the image and lets sessions answer. Returns a count of the output; if a call fails, the length of its message,
// which is then in memory.text.
size_t UseEverything(const std::byte* image_bytes, size_t image_size, const GateMemory& memory);
size_t UseEverythingAgain(const std::byte* image_bytes, size_t image_size, const GateMemory& memory);

#endif  // LFM2_TESTS_GATES_EVERYTHING_H_
