// Points with labels in panels side by side, as a picture that is readable on light and on dark pages.
#ifndef LFM2_TOOLS_EVAL_SVG_CHART_H_
#define LFM2_TOOLS_EVAL_SVG_CHART_H_

#include <string>
#include <vector>

namespace lfm2::tools {

struct ChartPoint {
  std::string label;
  double x = 0;
  double y = 0;
  double error = 0;  // of y, drawn to both sides; 0: none
};

struct ChartPanel {
  std::string x_title;
  std::vector<ChartPoint> points;  // at least one; coordinates are finite and not negative
};

// Panels share their vertical axis.
struct Chart {
  std::string title;
  std::string y_title;
  bool logarithmic = false;  // where all of y is above 0
  std::vector<ChartPanel> panels;
};
std::string ChartSvg(const Chart& chart);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EVAL_SVG_CHART_H_
