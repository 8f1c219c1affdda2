// Charts of labelled points in panels side by side, as a picture that is readable on light and dark pages.
#ifndef LFM2_PROGRAMS_EVAL_SVG_CHART_H_
#define LFM2_PROGRAMS_EVAL_SVG_CHART_H_

#include <string>
#include <vector>

namespace lfm2::tools {

struct ChartPoint {
  double x = 0;
  double y = 0;
  double error = 0;  // of y, drawn in both directions; 0: none
  std::string label;
  bool hollow = false;  // in the second of two families
  bool drawn = true;    // false: not shown in this panel
};

struct ChartPanel {
  std::string x_title;
  bool more_is_better = false;     // of x; of y, less is
  std::vector<ChartPoint> points;  // coordinates are finite and not negative
};

// Panels share their vertical axis. In each, a line joins the full points that are not dominated: points that are drawn
// and for which no other point is at least as good in both coordinates and better in one.
struct Chart {
  std::string title;
  std::string y_title;
  bool logarithmic = false;                        // y, if any of it is positive; other values are drawn at the bottom
  std::string full_name, hollow_name, front_name;  // text of the legend for the families and the line, if they exist
  std::vector<ChartPanel> panels;                  // with at least one point in total
};
std::string ChartSvg(const Chart& chart);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_SVG_CHART_H_
