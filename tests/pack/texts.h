// Files as texts, and what a text has in it.
#ifndef LFM2_TESTS_PACK_TEXTS_H_
#define LFM2_TESTS_PACK_TEXTS_H_

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace lfm2::test {

inline std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}
// A text that has not the part is shown.
inline bool Contains(const std::string& text, const char* part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_PACK_TEXTS_H_
