#include "programs/pack/byte_level.h"

#include <array>
#include <cstdint>

#include "lfm2/text/utf8.h"

namespace lfm2::tools {

namespace {

constexpr size_t kCharacters = 324;

struct Alphabet {
  std::array<int, kCharacters> byte_of;  // -1 for characters outside the alphabet
  std::array<uint32_t, 256> character_of;
};

// Printable Latin-1 bytes stand for themselves, the other 68 follow from U+0100 on in ascending order.
const Alphabet& TheAlphabet() {
  static const Alphabet kAlphabet = [] {
    Alphabet a;
    a.byte_of.fill(-1);
    uint32_t next = 256;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      a.character_of[b] = printable ? b : next++;
      a.byte_of[a.character_of[b]] = static_cast<int>(b);
    }
    return a;
  }();
  return kAlphabet;
}

}  // namespace

bool DecodeByteLevel(std::string_view spelled, std::string* bytes) {
  bytes->clear();
  while (!spelled.empty()) {
    const Utf8Char c = ReadUtf8(spelled);
    const bool known = c.kind == Utf8Char::Kind::kValid && c.code_point < kCharacters;
    const int byte = known ? TheAlphabet().byte_of[c.code_point] : -1;
    if (byte < 0) return false;
    bytes->push_back(static_cast<char>(byte));
    spelled.remove_prefix(c.length);
  }
  return true;
}

std::string EncodeByteLevel(std::string_view bytes) {
  std::string spelled;
  for (const char byte : bytes) {
    const uint32_t c = TheAlphabet().character_of[static_cast<unsigned char>(byte)];  // below U+0800
    if (c >= 0x80) spelled.push_back(static_cast<char>(0xc0 | c >> 6));
    spelled.push_back(static_cast<char>(c < 0x80 ? c : 0x80 | (c & 63)));
  }
  return spelled;
}

bool DecodeByteToken(std::string_view spelled, std::string* bytes) {
  if (spelled.size() != 6 || spelled.substr(0, 3) != "<0x" || spelled[5] != '>') return false;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  const int high = digit(spelled[3]), low = digit(spelled[4]);
  if (high < 0 || low < 0) return false;
  bytes->assign(1, static_cast<char>(high * 16 + low));
  return true;
}

std::string EncodeByteToken(unsigned char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'};
}

}  // namespace lfm2::tools
