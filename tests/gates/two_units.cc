// A program of two translation units that both contain the whole library: it links, and both behave alike.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/gates/everything.h"

namespace {

constexpr size_t kArenaSize = size_t{64} << 20;
alignas(4096) std::byte arena[kArenaSize];
constexpr size_t kImageSize = size_t{16} << 20;
alignas(64) std::byte image[kImageSize];

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: two_units MODEL.lfm2\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (bytes.empty() || bytes.size() > kImageSize) {
    std::fprintf(stderr, "%s cannot be read, or is too large for this test\n", argv[1]);
    return 1;
  }
  std::memcpy(image, bytes.data(), bytes.size());

  static int32_t ids[256];
  static char first_text[4096];
  static char second_text[4096];
  const GateMemory first_memory = {arena, kArenaSize, ids, std::size(ids), first_text, sizeof(first_text)};
  const GateMemory second_memory = {arena, kArenaSize, ids, std::size(ids), second_text, sizeof(second_text)};
  const size_t first = UseEverything(image, bytes.size(), first_memory);
  const size_t second = UseEverythingAgain(image, bytes.size(), second_memory);
  std::printf("%zu: %s\n%zu: %s\n", first, first_text, second, second_text);
  return first > 0 && first == second && std::strcmp(first_text, second_text) == 0 ? 0 : 1;
}
