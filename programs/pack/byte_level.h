// The byte-level spelling of GGUF and tokenizer.json: each byte of a token as one printable character, a space as
// U+0120; and that of byte tokens, <0x0A>.
#ifndef LFM2_PROGRAMS_PACK_BYTE_LEVEL_H_
#define LFM2_PROGRAMS_PACK_BYTE_LEVEL_H_

#include <string>
#include <string_view>

namespace lfm2::tools {

// Returns false if a character is outside the byte-level alphabet.
bool DecodeByteLevel(std::string_view spelled, std::string* bytes);
std::string EncodeByteLevel(std::string_view bytes);

// Returns false if it is not spelled as a byte token.
bool DecodeByteToken(std::string_view spelled, std::string* bytes);
std::string EncodeByteToken(unsigned char byte);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_BYTE_LEVEL_H_
