// An image points to its storage; a temporary would be destroyed at the end of the statement.
// Refused: deleted.*Open|Open.*deleted
// Refused: deleted.*Open|Open.*deleted
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

lfm2::Status Use(lfm2::Image& image, lfm2::Span<const std::byte> bytes, lfm2::Span<std::byte> arena) {
  const lfm2::MemoryStorage storage(bytes);
  lfm2::Span<std::byte> rest;
#if LFM2_MISUSE == 1
  LFM2_RETURN_IF_ERROR(image.Open(lfm2::MemoryStorage(bytes)));
#elif LFM2_MISUSE == 2
  LFM2_RETURN_IF_ERROR(image.Open(lfm2::MemoryStorage(bytes), arena, &rest));
#endif
  return image.Open(storage, arena, &rest);
}
