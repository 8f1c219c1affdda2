// Splits a template's text into tokens.
#ifndef LFM2_PROGRAMS_JINJA_LEXER_H_
#define LFM2_PROGRAMS_JINJA_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "programs/base/error.h"

namespace lfm2::tools::jinja {

struct Token {
  enum class Kind : uint8_t {
    kData,  // text between the tags
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kInteger,  // decimal digits, whatever base it was written in
    kFloat,
    kString,  // its value, with escapes resolved
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  uint32_t line = 1;
  std::string text;
};

// White space around the tags is already removed as by trim_blocks and lstrip_blocks. The last token is kEnd.
Error Tokenize(std::string_view source, std::vector<Token>* out);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_LEXER_H_
