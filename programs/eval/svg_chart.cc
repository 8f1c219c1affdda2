#include "programs/eval/svg_chart.h"

#include <algorithm>
#include <cmath>

#include "programs/console/console.h"
#include "programs/eval/svg_axis.h"
#include "programs/measure/svg.h"

namespace lfm2::tools {

namespace {

// In pixels: a plot, and the margins around all of them. The first plot has the labels of the vertical axis to its
// left.
constexpr double kPlotWidth = 310, kPlotHeight = 290, kLeft = 76, kTop = 72, kGap = 28, kBottom = 56;
constexpr double kHeight = kTop + kPlotHeight + kBottom;
constexpr double kLetterWidth = 6.6, kLineHeight = 15, kDotRadius = 4.5;

// Colours are classes, because the colours of the surrounding page are not known.
constexpr char kStyle[] =
    "<style>\n"
    ".page { fill: #ffffff } text { fill: #1f2328 } .quiet { fill: #656d76 } .grid { stroke: #e4e7eb }\n"
    ".axis { stroke: #8c959f } .tie { stroke: #afb8c1 } .label { paint-order: stroke; stroke: #ffffff }\n"
    ".label { stroke-width: 3px; stroke-linejoin: round }\n"
    ".full { fill: #0f6e84; stroke: #0f6e84 } .hollow { fill: #ffffff; stroke: #bc5a1c }\n"
    ".full, .hollow, .error { stroke-width: 1.8 } .front { stroke: #0f6e84; stroke-width: 2; stroke-opacity: 0.55 }\n"
    "@media (prefers-color-scheme: dark) {\n"
    ".page { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #8d96a0 } .grid { stroke: #21262d }\n"
    ".axis { stroke: #6e7681 } .tie { stroke: #484f58 } .label { stroke: #0d1117 }\n"
    ".full { fill: #56c2d6; stroke: #56c2d6 } .hollow { fill: #0d1117; stroke: #f0a45d } .front { stroke: #56c2d6 }\n"
    "}\n"
    "</style>\n";

struct Box {
  double left, top, right, bottom;
  bool Meets(const Box& o) const { return left < o.right && o.left < right && top < o.bottom && o.top < bottom; }
};

double WidthOf(const std::string& text) { return kLetterWidth * static_cast<double>(text.size()); }

// A label that fits in a plot: of a long path, the end is kept, which differs more than the beginning.
std::string Shortened(const std::string& label) {
  constexpr size_t kLetters = 40;
  return label.size() <= kLetters ? label : "..." + label.substr(label.size() - kLetters + 3);
}

bool MeetsAny(const Box& place, const std::vector<Box>& boxes) {
  return std::any_of(boxes.begin(), boxes.end(), [&](const Box& b) { return place.Meets(b); });
}

// Places a label next to, above or below its point, at the first position that is not taken; not on a line if that is
// possible near the point.
Box PlaceLabel(double x, double y, const std::string& text, const Box& plot, const std::vector<Box>& taken,
               const std::vector<Box>& lines) {
  const double width = WidthOf(text), gap = kDotRadius + 3, half = kLineHeight / 2;
  const double middle = std::clamp(x - width / 2, plot.left, std::max(plot.left, plot.right - width));
  const double sides[] = {x + gap, x - gap - width, middle};
  for (const double most : {2.0, 12.0}) {
    for (double away = 0; away <= most; away += 0.5) {
      for (const double shift : {-away * kLineHeight, away * kLineHeight}) {
        for (const double left : sides) {
          const Box place = {left, y + shift - half, left + width, y + shift + half};
          const bool inside = place.left >= plot.left && place.right <= plot.right && place.top >= plot.top &&
                              place.bottom <= plot.bottom;
          const bool on_line = most < 12 && MeetsAny(place, lines);
          if (inside && !on_line && !MeetsAny(place, taken)) return place;
        }
      }
    }
  }
  return {x + gap, y - half, x + gap + width, y + half};
}

std::string Dot(double x, double y, bool hollow) {
  return std::string("<circle class=\"") + (hollow ? "hollow" : "full") + "\" cx=\"" + Fixed(x, 1) + "\" cy=\"" +
         Fixed(y, 1) + "\" r=\"" + Fixed(kDotRadius, 1) + "\"/>\n";
}

bool Beats(const ChartPanel& panel, const ChartPoint& a, const ChartPoint& b) {
  const double better = panel.more_is_better ? a.x - b.x : b.x - a.x;
  return better >= 0 && a.y <= b.y && (better > 0 || a.y < b.y);
}

// The full points that are not dominated by another point, from left to right.
std::vector<ChartPoint> FrontOf(const ChartPanel& panel) {
  std::vector<ChartPoint> front;
  for (const ChartPoint& point : panel.points) {
    const auto beats = [&](const ChartPoint& other) { return other.drawn && Beats(panel, other, point); };
    const bool best = std::none_of(panel.points.begin(), panel.points.end(), beats);
    if (point.drawn && !point.hollow && best) front.push_back(point);
  }
  std::sort(front.begin(), front.end(), [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
  return front;
}

// One panel, whose plot starts at `left`.
class PanelPicture {
 public:
  PanelPicture(const ChartPanel& panel, const Axis& vertical, double left)
      : panel_(panel),
        vertical_(vertical),
        plot_{left, kTop, left + kPlotWidth, kTop + kPlotHeight},
        front_(FrontOf(panel)) {
    double low = 0, high = 0;
    bool any = false;
    for (const ChartPoint& point : panel.points) {
      if (!point.drawn) continue;
      low = any ? std::min(low, point.x) : point.x;
      high = any ? std::max(high, point.x) : point.x;
      any = true;
    }
    horizontal_ = Axis::Linear(low, high);
  }

  std::string Svg(bool with_numbers) {
    std::string svg = AxesSvg(with_numbers);
    for (size_t i = 1; i < front_.size(); ++i) svg += FrontSvg(front_[i - 1], front_[i]);
    for (const ChartPoint& point : panel_.points) {
      if (point.drawn) svg += PointSvg(point);
    }
    // The points to choose from get the best positions.
    for (const bool best : {true, false}) {
      for (const ChartPoint& point : panel_.points) {
        if (point.drawn && OnFront(point) == best) svg += LabelSvg(point);
      }
    }
    return svg;
  }

 private:
  double X(const ChartPoint& point) const { return XOf(point.x); }
  double XOf(double value) const { return plot_.left + horizontal_.Place(value) * kPlotWidth; }
  double Y(double value) const { return plot_.bottom - vertical_.Place(value) * kPlotHeight; }

  bool OnFront(const ChartPoint& point) const {
    const auto same = [&](const ChartPoint& other) { return other.x == point.x && other.y == point.y; };
    return !point.hollow && std::any_of(front_.begin(), front_.end(), same);
  }

  std::string AxesSvg(bool with_numbers) const {
    std::string svg;
    for (const auto& [value, text] : vertical_.marks()) {
      svg += SvgLine(plot_.left, Y(value), plot_.right, Y(value), "class=\"grid\"");
      if (with_numbers) svg += SvgText(plot_.left - 8, Y(value) + 4, "end", " class=\"quiet\"", text);
    }
    for (const auto& [value, text] : horizontal_.marks()) {
      svg += SvgLine(XOf(value), plot_.top, XOf(value), plot_.bottom, "class=\"grid\"");
      svg += SvgText(XOf(value), plot_.bottom + 19, "middle", " class=\"quiet\"", text);
    }
    svg += SvgLine(plot_.left, plot_.bottom, plot_.right, plot_.bottom, "class=\"axis\"");
    svg += SvgLine(plot_.left, plot_.top, plot_.left, plot_.bottom, "class=\"axis\"");
    return svg + SvgText((plot_.left + plot_.right) / 2, plot_.bottom + 40, "middle", "", panel_.x_title);
  }

  std::string FrontSvg(const ChartPoint& from, const ChartPoint& to) {
    const double x = X(from), y = Y(from.y), width = X(to) - x, height = Y(to.y) - y;
    constexpr int kPieces = 64;
    for (int i = 0; i <= kPieces; ++i) {
      const double share = static_cast<double>(i) / kPieces, at_x = x + share * width, at_y = y + share * height;
      lines_.push_back({at_x - 1, at_y - 1, at_x + 1, at_y + 1});
    }
    return SvgLine(x, y, x + width, y + height, "class=\"front\"");
  }

  std::string PointSvg(const ChartPoint& point) {
    const double x = X(point), y = Y(point.y);
    const double over = std::max(Y(point.y + point.error), plot_.top), under = Y(point.y - point.error);
    taken_.push_back({x - kDotRadius, std::min(over, y - kDotRadius), x + kDotRadius, std::max(under, y + kDotRadius)});
    const std::string bar = std::string("class=\"error ") + (point.hollow ? "hollow" : "full") + "\"";
    return (point.error > 0 ? SvgLine(x, over, x, std::min(under, plot_.bottom), bar) : "") + Dot(x, y, point.hollow);
  }

  std::string LabelSvg(const ChartPoint& point) {
    const double x = X(point), y = Y(point.y);
    const std::string label = Shortened(point.label);
    const Box box = PlaceLabel(x, y, label, plot_, taken_, lines_);
    taken_.push_back(box);
    const bool below = box.top > y, above = box.bottom < y;
    std::string svg;
    // A label that is not next to its point is connected to it.
    if (below || above) {
      svg += SvgLine(x, y + (below ? kDotRadius : -kDotRadius), std::clamp(x, box.left, box.right),
                     below ? box.top : box.bottom, "class=\"tie\"");
    }
    // Anchored on the side of the point, as the width of the letters is only estimated.
    const char* const anchor = box.right < x ? "end" : box.left > x ? "start" : "middle";
    const double at = box.right < x ? box.right : box.left > x ? box.left : (box.left + box.right) / 2;
    return svg +
           SvgText(at, box.bottom - 4, anchor, OnFront(point) ? " class=\"label\"" : " class=\"label quiet\"", label);
  }

  const ChartPanel& panel_;
  const Axis& vertical_;
  const Box plot_;
  const std::vector<ChartPoint> front_;
  Axis horizontal_;
  std::vector<Box> taken_, lines_;
};

// Legend entries of the families and the line that exist.
std::string LegendSvg(const Chart& chart) {
  constexpr double kMarkWidth = 22, kMiddle = 50;
  bool full = false, hollow = false, front = false;
  for (const ChartPanel& panel : chart.panels) {
    front = front || FrontOf(panel).size() > 1;
    for (const ChartPoint& point : panel.points) (point.hollow ? hollow : full) = true;
  }
  std::string svg;
  double x = 16;
  const auto add = [&](bool there, const std::string& mark, const std::string& name) {
    if (!there) return;
    svg += mark + SvgText(x + kMarkWidth, kMiddle + 4, "start", " class=\"quiet\"", name);
    x += kMarkWidth + WidthOf(name) + 20;
  };
  add(full, Dot(x + 8, kMiddle, false), chart.full_name);
  add(hollow, Dot(x + 8, kMiddle, true), chart.hollow_name);
  add(front, SvgLine(x, kMiddle, x + 16, kMiddle, "class=\"front\""), chart.front_name);
  return svg;
}

Axis VerticalAxis(const Chart& chart) {
  double low = 0, high = 0;
  bool any = false;
  for (const ChartPanel& panel : chart.panels) {
    for (const ChartPoint& point : panel.points) {
      // Values that are not positive have no logarithm, and an error bar that reaches there would hide everything else.
      if (chart.logarithmic && point.y <= 0) continue;
      const double under = point.y - point.error, least = chart.logarithmic ? std::max(under, point.y / 3) : under;
      low = any ? std::min(low, least) : least;
      high = std::max(high, point.y + point.error);
      any = true;
    }
  }
  return chart.logarithmic && low > 0 ? Axis::Logarithmic(low, high) : Axis::Linear(std::max(low, 0.0), high);
}

}  // namespace

std::string ChartSvg(const Chart& chart) {
  const Axis vertical = VerticalAxis(chart);
  const double step = kPlotWidth + kGap;
  const std::string width = Fixed(kLeft + step * static_cast<double>(chart.panels.size()), 0);
  const std::string height = Fixed(kHeight, 0);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
                    "\" viewBox=\"0 0 " + width + " " + height + "\" font-family=\"sans-serif\" font-size=\"12\">\n" +
                    kStyle + "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n";
  svg += SvgText(16, 28, "start", " font-size=\"15\" font-weight=\"bold\"", chart.title) + LegendSvg(chart);
  const double middle = kTop + kPlotHeight / 2;
  svg += SvgText(18, middle, "middle", " transform=\"rotate(-90 18 " + Fixed(middle, 1) + ")\"", chart.y_title);
  for (size_t i = 0; i < chart.panels.size(); ++i) {
    svg += PanelPicture(chart.panels[i], vertical, kLeft + step * static_cast<double>(i)).Svg(i == 0);
  }
  return svg + "</svg>\n";
}

}  // namespace lfm2::tools
