// How do I detect a damaged image in flash, or one that is none?
//
// `Image::Open` checks the header, the directory and the vocabulary, with their CRC. It does not read the weights,
// because that takes as long as reading the whole flash; `VerifyPinned` and `VerifyRecord` do, for example at the first
// start after an update. In this program a buffer stands for the flash, and gets two faults.

#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

alignas(lfm2::kAlignment) static std::byte flash[8 << 20];
static lfm2::Image image;

static lfm2::Status Verify(size_t bytes) {
  const lfm2::MemoryStorage storage({flash, bytes});
  image.Close();
  LFM2_RETURN_IF_ERROR(image.Open(storage));
  LFM2_RETURN_IF_ERROR(image.VerifyPinned());
  for (uint32_t layer = 0; layer < image.config().moe_layers(); ++layer) {
    for (uint32_t expert = 0; expert < image.config().experts; ++expert) {
      LFM2_RETURN_IF_ERROR(image.VerifyRecord(layer, expert));
    }
  }
  return lfm2::Status();
}

static void Report(const char* what, const lfm2::Status& status) {
  std::printf("%s: %s %s\n", what, lfm2::Status::CodeName(status.code()), status.where());
}

static lfm2::Status Run(const char* path) {
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) return lfm2::Status(lfm2::StatusCode::kIo, "file", "cannot be opened");
  const size_t bytes = std::fread(flash, 1, sizeof(flash), file);
  std::fclose(file);
  LFM2_RETURN_IF_ERROR(Verify(bytes));
  std::printf("as it was written: ok\n");
  flash[bytes / 2] ^= std::byte{1};
  Report("with one wrong bit", Verify(bytes));
  flash[0] = std::byte{0xff};
  Report("erased", Verify(bytes));
  return lfm2::Status();
}

int main(int argc, char** argv) {
  const lfm2::Status status = Run(argc > 1 ? argv[1] : "build/release/models/home.lfm2");
  char message[256];
  status.Format(message, sizeof(message));
  if (!status.ok()) std::fprintf(stderr, "%s\n", message);
  return status.ok() ? 0 : 1;
}

// Prints:
//   as it was written: ok
//   with one wrong bit: corrupt expert record
//   erased: corrupt header.magic
