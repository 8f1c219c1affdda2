#include "tests/fuzz/mutate.h"

namespace lfm2::fuzz {

void Mutate(const Target& target, const std::vector<std::string>& words, const std::string& other,
            test::XorShift* random, std::string* bytes) {
  const size_t at = random->Below(bytes->size() + 1);
  const std::string& word = words[random->Below(words.size())];
  switch (random->Below(6)) {
    case 0:
      if (at < bytes->size()) (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << random->Below(8)));
      break;
    case 1:
      if (at < bytes->size()) (*bytes)[at] = static_cast<char>(random->Next() >> 20);
      break;
    case 2: bytes->insert(at, word); break;
    case 3: bytes->replace(at, word.size(), word); break;
    case 4: bytes->erase(at, 1 + random->Below(8)); break;
    default: bytes->insert(at, other, random->Below(other.size() + 1), random->Below(32));
  }
  if (bytes->size() > target.max_bytes) bytes->resize(target.max_bytes);
}

}  // namespace lfm2::fuzz
