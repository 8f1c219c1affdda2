// Elements of an SVG picture.
#ifndef LFM2_PROGRAMS_MEASURE_SVG_H_
#define LFM2_PROGRAMS_MEASURE_SVG_H_

#include <string>

namespace lfm2::tools {

// Text escaped for XML; bytes that are not ASCII become question marks, as they need not be UTF-8.
std::string SvgEscaped(const std::string& text);
// anchor: start, middle or end: the part of the text that is at x. attributes: empty, or each with a space before it.
std::string SvgText(double x, double y, const char* anchor, const std::string& attributes, const std::string& text);
// attributes: of the stroke.
std::string SvgLine(double x1, double y1, double x2, double y2, const std::string& attributes);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_SVG_H_
