#include "programs/measure/svg.h"

#include "programs/console/console.h"

namespace lfm2::tools {

std::string SvgEscaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) {
      out += '?';
    } else {
      out += c;
    }
  }
  return out;
}

std::string SvgText(double x, double y, const char* anchor, const std::string& attributes, const std::string& text) {
  return "<text x=\"" + Fixed(x, 1) + "\" y=\"" + Fixed(y, 1) + "\" text-anchor=\"" + anchor + "\"" + attributes + ">" +
         SvgEscaped(text) + "</text>\n";
}

std::string SvgLine(double x1, double y1, double x2, double y2, const std::string& attributes) {
  return "<line x1=\"" + Fixed(x1, 1) + "\" y1=\"" + Fixed(y1, 1) + "\" x2=\"" + Fixed(x2, 1) + "\" y2=\"" +
         Fixed(y2, 1) + "\" " + attributes + "/>\n";
}

}  // namespace lfm2::tools
