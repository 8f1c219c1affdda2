// Uses all of the library outside posix/: what the gates judge. Compiled a second time under another name
// (everything_again.cc), so that a program holds two translation units of it.
#include "lfm2.h"

#ifndef LFM2_GATE_FUNCTION
#define LFM2_GATE_FUNCTION UseEverything
#endif

size_t LFM2_GATE_FUNCTION(const std::byte* image_bytes, size_t image_size, std::byte* memory, size_t memory_size,
                          char* text, size_t text_size);

// Returns the length of the text of the first Status that is not ok.
size_t LFM2_GATE_FUNCTION(const std::byte* image_bytes, size_t image_size, std::byte* memory, size_t memory_size,
                          char* text, size_t text_size) {
  const lfm2::MemoryStorage storage(lfm2::Span<const std::byte>(image_bytes, image_size));
  lfm2::Image image;
  const lfm2::Status status = image.Open(storage);
  if (!status.ok()) return status.Format(text, text_size);
  lfm2::Arena arena(lfm2::Span<std::byte>(memory, memory_size));
  return arena.Carve<float>(image.config().hidden_size) == nullptr ? 0 : 1;
}
