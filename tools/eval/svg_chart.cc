#include "tools/eval/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/common/console.h"
#include "tools/common/svg.h"

namespace lfm2::tools {

namespace {

// Pixels of a panel: the plot, and what surrounds it.
constexpr double kPlotWidth = 380, kPlotHeight = 300, kLeft = 76, kTop = 48, kRight = 20, kBottom = 52;
constexpr double kPanelWidth = kLeft + kPlotWidth + kRight, kHeight = kTop + kPlotHeight + kBottom;
constexpr double kLetterWidth = 7.2, kLineHeight = 14, kDotRadius = 4;

// Colours are classes, because a picture can not know on which page it will be.
constexpr char kStyle[] =
    "<style>\n"
    ".page { fill: #ffffff } text { fill: #222222 } .grid { stroke: #dddddd } .axis { stroke: #444444 }\n"
    ".dot { fill: #1f6f8b } .error { stroke: #1f6f8b; stroke-width: 1.5 } .tie { stroke: #8a949e }\n"
    "@media (prefers-color-scheme: dark) {\n"
    ".page { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #2d333b } .axis { stroke: #9aa4ae }\n"
    ".dot { fill: #6cb6d9 } .error { stroke: #6cb6d9 }\n"
    "}\n"
    "</style>\n";

// A range of numbers on some pixels, with round numbers to mark.
class Axis {
 public:
  Axis(double low, double high) {
    const double room = high > low ? 0.08 * (high - low) : std::max(0.1 * high, 1e-9);
    low_ = std::max(0.0, low - room);
    high_ = high + room;
    const double rough = (high_ - low_) / 5, power = std::pow(10, std::floor(std::log10(rough)));
    const double step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    for (double n = std::ceil(low_ / step); n * step <= high_; ++n) Mark(n * step, decimals);
  }
  // low > 0; marks are 1, 2 and 5 times powers of ten.
  static Axis Logarithmic(double low, double high) {
    Axis axis;
    axis.logarithmic_ = true;
    axis.low_ = std::log10(low / 1.4);
    axis.high_ = std::log10(high * 1.4);
    for (int power = static_cast<int>(std::floor(axis.low_)); power <= axis.high_; ++power) {
      for (const double digit : {1, 2, 5}) {
        const double value = digit * std::pow(10, power), place = axis.Place(value);
        if (place >= 0 && place <= 1) axis.Mark(value, std::max(0, -power));
      }
    }
    return axis;
  }
  // 0 at the range's beginning, 1 at its end.
  double Place(double value) const { return ((logarithmic_ ? std::log10(value) : value) - low_) / (high_ - low_); }
  // Values, and how they are written.
  const std::vector<std::pair<double, std::string>>& marks() const { return marks_; }

 private:
  Axis() = default;
  void Mark(double value, int decimals) { marks_.emplace_back(value, Fixed(value, decimals)); }

  bool logarithmic_ = false;
  double low_ = 0, high_ = 0;  // of a logarithmic axis, powers of ten
  std::vector<std::pair<double, std::string>> marks_;
};

struct Box {
  double left, top, right, bottom;
  bool Meets(const Box& o) const { return left < o.right && o.left < right && top < o.bottom && o.top < bottom; }
};

// Where a label stands: beside, over or under its point, the first place in the plot that nothing else has taken.
Box PlaceLabel(double x, double y, const std::string& text, const Box& plot, const std::vector<Box>& taken) {
  const double width = kLetterWidth * static_cast<double>(text.size()), gap = kDotRadius + 3, half = kLineHeight / 2;
  const double sides[] = {x + gap, x - gap - width, x - width / 2};
  for (double away = 0; away < 10; ++away) {
    for (const double shift : {-away * kLineHeight, away * kLineHeight}) {
      for (const double left : sides) {
        const Box place = {left, y + shift - half, left + width, y + shift + half};
        const bool inside = place.left >= plot.left && place.right <= plot.right && place.top >= plot.top &&
                            place.bottom <= plot.bottom;
        if (inside && std::none_of(taken.begin(), taken.end(), [&](const Box& b) { return place.Meets(b); })) {
          return place;
        }
      }
    }
  }
  return {x + gap, y - half, x + gap + width, y + half};
}

std::string PanelSvg(const ChartPanel& panel, const Axis& vertical, double shift) {
  const double left = shift + kLeft, right = left + kPlotWidth, bottom = kTop + kPlotHeight;
  double low = panel.points[0].x, high = low;
  for (const ChartPoint& point : panel.points) {
    low = std::min(low, point.x);
    high = std::max(high, point.x);
  }
  const Axis horizontal(low, high);
  const auto x = [&](double value) { return left + horizontal.Place(value) * kPlotWidth; };
  const auto y = [&](double value) { return bottom - vertical.Place(value) * kPlotHeight; };
  std::string svg;
  for (const auto& [value, text] : vertical.marks()) {
    svg += SvgLine(left, y(value), right, y(value), "class=\"grid\"");
    svg += SvgText(left - 8, y(value) + 4, "end", "", text);
  }
  for (const auto& [value, text] : horizontal.marks()) {
    svg += SvgLine(x(value), bottom, x(value), bottom + 5, "class=\"axis\"");
    svg += SvgText(x(value), bottom + 19, "middle", "", text);
  }
  svg += SvgLine(left, bottom, right, bottom, "class=\"axis\"");
  svg += SvgLine(left, kTop, left, bottom, "class=\"axis\"");
  svg += SvgText((left + right) / 2, bottom + 40, "middle", "", panel.x_title);
  std::vector<Box> taken;
  for (const ChartPoint& point : panel.points) {
    const double at_x = x(point.x), at_y = y(point.y);
    const double over = std::max(y(point.y + point.error), kTop), under = std::min(y(point.y - point.error), bottom);
    if (point.error > 0) svg += SvgLine(at_x, over, at_x, under, "class=\"error\"");
    svg += "<circle class=\"dot\" cx=\"" + Fixed(at_x, 1) + "\" cy=\"" + Fixed(at_y, 1) + "\" r=\"" +
           Fixed(kDotRadius, 0) + "\"/>\n";
    taken.push_back(
        {at_x - kDotRadius, std::min(over, at_y - kDotRadius), at_x + kDotRadius, std::max(under, at_y + kDotRadius)});
  }
  for (const ChartPoint& point : panel.points) {
    const Box box = PlaceLabel(x(point.x), y(point.y), point.label, {left, kTop, right, bottom}, taken);
    const double at_x = x(point.x), at_y = y(point.y);
    const bool below = box.top > at_y, above = box.bottom < at_y;
    // A label that is not beside its point is tied to it.
    if (below || above) {
      svg += SvgLine(at_x, at_y, std::clamp(at_x, box.left, box.right), below ? box.top : box.bottom, "class=\"tie\"");
    }
    // Held at the side of the point, for the width of letters is a guess.
    if (box.right < at_x) {
      svg += SvgText(box.right, box.bottom - 3, "end", "", point.label);
    } else if (box.left > at_x) {
      svg += SvgText(box.left, box.bottom - 3, "start", "", point.label);
    } else {
      svg += SvgText((box.left + box.right) / 2, box.bottom - 3, "middle", "", point.label);
    }
    taken.push_back(box);
  }
  return svg;
}

}  // namespace

std::string ChartSvg(const Chart& chart) {
  double low = chart.panels[0].points[0].y, high = low;
  for (const ChartPanel& panel : chart.panels) {
    for (const ChartPoint& point : panel.points) {
      low = std::min(low, point.y - point.error);
      high = std::max(high, point.y + point.error);
    }
  }
  const Axis vertical = chart.logarithmic && low > 0 ? Axis::Logarithmic(low, high) : Axis(low, high);
  const std::string width = Fixed(kPanelWidth * static_cast<double>(chart.panels.size()), 0);
  const std::string height = Fixed(kHeight, 0);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
                    "\" viewBox=\"0 0 " + width + " " + height + "\" font-family=\"sans-serif\" font-size=\"12\">\n" +
                    kStyle + "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n";
  svg += SvgText(16, 26, "start", " font-size=\"14\" font-weight=\"bold\"", chart.title);
  const double middle = kTop + kPlotHeight / 2;
  svg += SvgText(18, middle, "middle", " transform=\"rotate(-90 18 " + Fixed(middle, 1) + ")\"", chart.y_title);
  double shift = 0;
  for (const ChartPanel& panel : chart.panels) {
    svg += PanelSvg(panel, vertical, shift);
    shift += kPanelWidth;
  }
  return svg + "</svg>\n";
}

}  // namespace lfm2::tools
