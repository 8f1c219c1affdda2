// Text functions of Python's str: code points in UTF-8. Every text here is valid UTF-8.
#ifndef LFM2_PROGRAMS_JINJA_PYTHON_TEXT_H_
#define LFM2_PROGRAMS_JINJA_PYTHON_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lfm2::tools::jinja {

void AppendUtf8(uint32_t code_point, std::string* out);

// str.isspace of one character.
bool IsPythonSpace(uint32_t code_point);
// Characters of a name: letters, numbers and the underscore.
bool IsNameChar(uint32_t code_point);
// Whether repr prints the character unescaped.
bool IsPrintable(uint32_t code_point);

// len(text).
size_t CodePoints(std::string_view text);
// The byte offset of each code point, and the end of the text.
std::vector<size_t> CodePointStarts(std::string_view text);

enum class StripSide : uint8_t { kLeft, kRight, kBoth };
// str.lstrip, rstrip and strip, of white space or of the characters in *chars.
std::string_view Strip(std::string_view text, StripSide side, const std::string* chars = nullptr);

std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
// str.capitalize: the first character in title case, the others in lower case.
std::string Capitalize(std::string_view text);
// str.title: every word starts with a capital letter.
std::string Title(std::string_view text);

// str.splitlines: without the line ends.
std::vector<std::string_view> SplitLines(std::string_view text);

// repr(text).
std::string Quoted(std::string_view text);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_PYTHON_TEXT_H_
