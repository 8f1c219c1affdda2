// The second unit of a program that links the library compiled once.
#include "session.h"

#include "lfm2.h"

#if defined(HWY_HEADER_ONLY)
#error "units that see declarations only are told of Highway"
#endif

namespace {

alignas(lfm2::kAlignment) std::byte arena[16 << 20];

}  // namespace

lfm2::Status OpenSession(const lfm2::Image& image, lfm2::Session* session) {
  lfm2::SessionOptions options;
  options.context_length = 256;
  return session->Open(image, options, arena);
}
