// A program of two translation units that both contain the whole library: it links, and both behave alike.
#include <cstddef>
#include <cstdio>
#include <cstring>

size_t UseEverything(const std::byte* image, size_t image_size, std::byte* memory, size_t memory_size, char* text,
                     size_t text_size);
size_t UseEverythingAgain(const std::byte* image, size_t image_size, std::byte* memory, size_t memory_size, char* text,
                          size_t text_size);

int main() {
  alignas(64) static std::byte image[4096] = {};
  alignas(64) static std::byte memory[4096];
  char first[256] = "";
  char second[256] = "";
  const size_t size = UseEverything(image, sizeof(image), memory, sizeof(memory), first, sizeof(first));
  const size_t again = UseEverythingAgain(image, sizeof(image), memory, sizeof(memory), second, sizeof(second));
  std::printf("%s\n%s\n", first, second);
  return size > 0 && size == again && std::strcmp(first, second) == 0 ? 0 : 1;
}
