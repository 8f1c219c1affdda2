#include "tests/fuzz/fuzz_target.h"

#include "lfm2/text/utf8.h"

namespace lfm2::fuzz {

namespace {

constexpr size_t kLongestSentence = 4000;

}  // namespace

void Broken(const char* file, int line, const std::string& what) {
  throw BrokenProperty(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

void CheckSentence(const tools::Error& error) {
  std::string_view text = error.text();
  LFM2_HOLDS(text.size() <= kLongestSentence);
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    LFM2_HOLDS(c.kind == Utf8Char::Kind::kValid);
    LFM2_HOLDS(c.code_point >= 0x20 && (c.code_point < 0x7f || c.code_point >= 0xa0));
    text.remove_prefix(c.length);
  }
}

void CheckSentence(const Status& status) { CheckSentence(tools::Error::From(status)); }

}  // namespace lfm2::fuzz
