// Images of tiny models, and changes to their metadata.
#ifndef LFM2_TESTS_FORMAT_TINY_IMAGE_H_
#define LFM2_TESTS_FORMAT_TINY_IMAGE_H_

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "lfm2/base/crc32c.h"
#include "lfm2/format/image.h"
#include "programs/files/byte_source.h"
#include "tests/pack/pack_gguf.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {

inline std::string TinyImage(const TinyOptions& options) {
  const std::string gguf = MakeTinyGguf(options).Bytes();
  tools::MemorySink sink;
  const tools::Error error = PackGguf(tools::MemorySource(gguf), PackOptions(), &sink);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return sink.bytes();
}

inline ImageHeader HeaderOf(const std::string& bytes) { return LoadAs<ImageHeader>(bytes.data()); }

// Corrects the metadata CRC, so that the checks after it are reached.
inline void FixCrc(std::byte* image, uint64_t metadata_bytes) {
  const uint32_t zero = 0;
  std::memcpy(image + offsetof(ImageHeader, metadata_crc), &zero, sizeof(zero));
  const uint32_t crc = Crc32c(0, image, static_cast<size_t>(metadata_bytes));
  std::memcpy(image + offsetof(ImageHeader, metadata_crc), &crc, sizeof(crc));
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_FORMAT_TINY_IMAGE_H_
