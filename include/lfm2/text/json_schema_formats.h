// Regular expressions of the string formats that are checked.
#ifndef LFM2_TEXT_JSON_SCHEMA_FORMATS_H_
#define LFM2_TEXT_JSON_SCHEMA_FORMATS_H_

#include <string_view>

#include "lfm2/text/json_tape.h"

namespace lfm2 {

namespace schema_internal {

// RFC 3339.
#define LFM2_FORMAT_DATE                                                                                               \
  "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|" \
  "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
#define LFM2_FORMAT_TIME "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define LFM2_FORMAT_BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define LFM2_FORMAT_IPV4 "(" LFM2_FORMAT_BYTE "(\\." LFM2_FORMAT_BYTE "){3})"
#define LFM2_FORMAT_HEX4 "[0-9A-Fa-f]{1,4}"
// A name of a host, without its limit of 63 characters for a part: shorter parts only.
#define LFM2_FORMAT_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
#define LFM2_FORMAT_HOST LFM2_FORMAT_LABEL "(\\." LFM2_FORMAT_LABEL ")*"
#define LFM2_FORMAT_ATOM "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
// RFC 3986, and RFC 3987 with more characters.
#define LFM2_FORMAT_URI_CHARS(more) "([A-Za-z0-9._~!$&'()*+,;=:@" more "-]|%[0-9A-Fa-f]{2})"
#define LFM2_FORMAT_URI_HOST(more)                                                                                   \
  "//(([A-Za-z0-9._~!$&'()*+,;=:" more "-]|%[0-9A-Fa-f]{2})*@)?(\\[[0-9A-Fa-f:.]+\\]|([A-Za-z0-9._~!$&'()*+,;=" more \
  "-]|%[0-9A-Fa-f]{2})*)(:[0-9]*)?(/" LFM2_FORMAT_URI_CHARS(more) "*)*"
#define LFM2_FORMAT_URI_REST(more) \
  "(\\?" LFM2_FORMAT_URI_CHARS(more "/?") "*)?(#" LFM2_FORMAT_URI_CHARS(more "/?") "*)?"
#define LFM2_FORMAT_URI_PATH(more) LFM2_FORMAT_URI_CHARS(more) "+(/" LFM2_FORMAT_URI_CHARS(more) "*)*"
#define LFM2_FORMAT_URI(more)                                                                                          \
  "[A-Za-z][A-Za-z0-9+.-]*:(" LFM2_FORMAT_URI_HOST(more) "|/?(" LFM2_FORMAT_URI_PATH(more) ")?)" LFM2_FORMAT_URI_REST( \
      more)
#define LFM2_FORMAT_RELATIVE(more)                                                                                \
  "(" LFM2_FORMAT_URI_HOST(more) "|/(" LFM2_FORMAT_URI_PATH(more) ")?|([A-Za-z0-9._~!$&'()*+,;=@" more            \
                                                                  "-]|%[0-9A-Fa-f]{2})+(/" LFM2_FORMAT_URI_CHARS( \
                                                                      more) "*)*)?" LFM2_FORMAT_URI_REST(more)
#define LFM2_FORMAT_POINTER "(/([^~/]|~[01])*)*"
// Expressions themselves: groups are not within groups.
#define LFM2_FORMAT_TIMES \
  "(([*+?]|\\{([0-9]+,?|[0-9],[1-9][0-9]+|0,[0-9]|1,[1-9]|2,[2-9]|3,[3-9]|4,[4-9]|5,[5-9]|6,[6-9])\\})[?]?)?"
#define LFM2_FORMAT_PIECE                                             \
  "([^\\\\^$*+?.()|\\[\\]{}]|[.]|\\\\[dDwWsStnrfv.\\\\/"              \
  "^$*+?()|\\[\\]{}-]|\\[\\^?([^\\\\\\]\\[^-]|\\\\[dDwWsStnrfv.\\\\/" \
  "^$*+?()|\\[\\]{}-]|[A-Y]-Z|[a-y]-z|[0-8]-9|A-F|a-f)+-?\\])"
#define LFM2_FORMAT_BRANCH "\\^?(" LFM2_FORMAT_PIECE LFM2_FORMAT_TIMES ")*\\$?"

struct TextFormat {
  std::string_view name, pattern;
};

inline constexpr TextFormat kTextFormats[] = {
    {"date", "^" LFM2_FORMAT_DATE "$"},
    {"time", "^" LFM2_FORMAT_TIME "$"},
    {"date-time", "^" LFM2_FORMAT_DATE "[Tt]" LFM2_FORMAT_TIME "$"},
    {"duration",
     "^P([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)(T([0-9]+H([0-9]+M([0-9]+S)?)?|"
     "[0-9]+M([0-9]+S)?|[0-9]+S))?|T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))$"},
    {"email", "^" LFM2_FORMAT_ATOM "(\\." LFM2_FORMAT_ATOM ")*@" LFM2_FORMAT_HOST "$"},
    {"idn-email", "^" LFM2_FORMAT_ATOM "(\\." LFM2_FORMAT_ATOM ")*@" LFM2_FORMAT_HOST "$"},
    {"hostname", "^" LFM2_FORMAT_HOST "$"},
    {"idn-hostname", "^" LFM2_FORMAT_HOST "$"},
    {"ipv4", "^" LFM2_FORMAT_IPV4 "$"},
    {"ipv6", "^((" LFM2_FORMAT_HEX4 ":){7}" LFM2_FORMAT_HEX4 "|(" LFM2_FORMAT_HEX4 ":){1,7}:|(" LFM2_FORMAT_HEX4
             ":){1,6}:" LFM2_FORMAT_HEX4 "|(" LFM2_FORMAT_HEX4 ":){1,5}(:" LFM2_FORMAT_HEX4 "){1,2}|(" LFM2_FORMAT_HEX4
             ":){1,4}(:" LFM2_FORMAT_HEX4 "){1,3}|(" LFM2_FORMAT_HEX4 ":){1,3}(:" LFM2_FORMAT_HEX4
             "){1,4}|(" LFM2_FORMAT_HEX4 ":){1,2}(:" LFM2_FORMAT_HEX4 "){1,5}|" LFM2_FORMAT_HEX4 ":(:" LFM2_FORMAT_HEX4
             "){1,6}|:((:" LFM2_FORMAT_HEX4 "){1,7}|:)|((" LFM2_FORMAT_HEX4 ":){6}|::(" LFM2_FORMAT_HEX4
             ":){0,5}|" LFM2_FORMAT_HEX4 "::(" LFM2_FORMAT_HEX4 ":){0,4})" LFM2_FORMAT_IPV4 ")$"},
    {"uuid", "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"},
    {"uri", "^" LFM2_FORMAT_URI("") "$"},
    {"iri", "^" LFM2_FORMAT_URI("\\u00a0-\\ud7ff") "$"},
    {"uri-reference", "^(" LFM2_FORMAT_URI("") "|" LFM2_FORMAT_RELATIVE("") ")$"},
    {"iri-reference", "^(" LFM2_FORMAT_URI("\\u00a0-\\ud7ff") "|" LFM2_FORMAT_RELATIVE("\\u00a0-\\ud7ff") ")$"},
    {"uri-template",
     "^([^\\x00-\\x20\"'<>\\\\^`{|}%]|%[0-9A-Fa-f]{2}|\\{[+#./;?&]?[A-Za-z0-9_.]+(\\*|:[1-9][0-9]{0,3})?"
     "(,[A-Za-z0-9_.]+(\\*|:[1-9][0-9]{0,3})?)*\\})*$"},
    {"json-pointer", "^" LFM2_FORMAT_POINTER "$"},
    {"relative-json-pointer", "^(0|[1-9][0-9]*)(#|" LFM2_FORMAT_POINTER ")$"},
    {"regex", "^(" LFM2_FORMAT_BRANCH "|\\((\\?:)?" LFM2_FORMAT_BRANCH "(\\|" LFM2_FORMAT_BRANCH
              ")*\\)" LFM2_FORMAT_TIMES "|\\|)*$"},
};

#undef LFM2_FORMAT_DATE
#undef LFM2_FORMAT_TIME
#undef LFM2_FORMAT_BYTE
#undef LFM2_FORMAT_IPV4
#undef LFM2_FORMAT_HEX4
#undef LFM2_FORMAT_LABEL
#undef LFM2_FORMAT_HOST
#undef LFM2_FORMAT_ATOM
#undef LFM2_FORMAT_URI_CHARS
#undef LFM2_FORMAT_URI_HOST
#undef LFM2_FORMAT_URI_REST
#undef LFM2_FORMAT_URI_PATH
#undef LFM2_FORMAT_URI
#undef LFM2_FORMAT_RELATIVE
#undef LFM2_FORMAT_POINTER
#undef LFM2_FORMAT_TIMES
#undef LFM2_FORMAT_PIECE
#undef LFM2_FORMAT_BRANCH

// The expression of a format; empty for a format that is not checked.
inline std::string_view FormatPattern(const JsonTape& tape, JsonTape::Node name) {
  for (const TextFormat& format : kTextFormats) {
    if (tape.Is(name, format.name)) return format.pattern;
  }
  return {};
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_FORMATS_H_
