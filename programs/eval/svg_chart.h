// Points with labels in panels side by side, as a picture that is readable on light and on dark pages.
#ifndef LFM2_PROGRAMS_EVAL_SVG_CHART_H_
#define LFM2_PROGRAMS_EVAL_SVG_CHART_H_

#include <string>
#include <vector>

namespace lfm2::tools {

struct ChartPoint {
  double x = 0;
  double y = 0;
  double error = 0;  // of y, drawn to both sides; 0: none
  std::string label;
  bool hollow = false;  // of the other one of two families
  bool drawn = true;    // false: it has no place in this panel
};

struct ChartPanel {
  std::string x_title;
  bool more_is_better = false;     // of x; of y, less is
  std::vector<ChartPoint> points;  // coordinates are finite and not negative
};

// Panels share their vertical axis. In each a line joins the full points that no point beats: those that are drawn and
// for which no other one is as good in both coordinates and better in one.
struct Chart {
  std::string title;
  std::string y_title;
  bool logarithmic = false;                        // y, where any of it is above 0; what is not lies at the bottom
  std::string full_name, hollow_name, front_name;  // what the legend says of families and line, where they are there
  std::vector<ChartPanel> panels;                  // with at least one point together
};
std::string ChartSvg(const Chart& chart);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_SVG_CHART_H_
