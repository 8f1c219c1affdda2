#include "programs/eval/table_svg.h"

#include <algorithm>

#include "programs/console/console.h"
#include "programs/eval/svg_chart.h"
#include "programs/measure/statistics.h"

namespace lfm2::tools {

namespace {

// "file size, MB", and the rows' numbers of bytes in that unit.
ChartPanel BytesPanel(const char* what, uint64_t TableRow::*bytes, const std::vector<TableRow>& rows) {
  uint64_t largest = 0;
  for (const TableRow& row : rows) largest = std::max(largest, row.*bytes);
  const bool giga = largest >= 1000000000;
  ChartPanel panel;
  panel.x_title = what + std::string(giga ? ", GB" : ", MB");
  for (const TableRow& row : rows) panel.points.emplace_back().x = static_cast<double>(row.*bytes) / (giga ? 1e9 : 1e6);
  return panel;
}

// A model that does not fit in the arena has no point.
ChartPanel SpeedPanel(const TableSetup& setup, const std::vector<TableRow>& rows) {
  ChartPanel panel;
  panel.more_is_better = true;
  panel.x_title = "decode" + (setup.arena_bytes > 0 ? " in " + HumanBytes(setup.arena_bytes) : std::string()) +
                  ", tokens a second, " + std::to_string(setup.threads) + (setup.threads == 1 ? " thread" : " threads");
  for (const TableRow& row : rows) {
    const bool streamed = setup.arena_bytes > 0 && !row.streamed.is_resident();
    panel.points.emplace_back().x = Median(streamed ? row.streamed.decode : row.decode);
    panel.points.back().drawn = !streamed || row.streamed.needed_bytes == 0;
  }
  return panel;
}

}  // namespace

std::string TableSvg(const TableSetup& setup, const std::vector<TableRow>& rows) {
  const bool compared = rows.size() > 1;
  Chart chart;
  chart.logarithmic = compared;
  chart.title = compared ? "KL divergence from " + rows[0].name + " (" + HumanBytes(rows[0].file_bytes) + ")"
                         : "Perplexity of " + rows[0].name;
  chart.title += ", over " + Grouped(setup.predicted) + " tokens: less is better";
  chart.y_title = compared ? "KL(base || model), nats" : "perplexity";
  chart.full_name = "images";
  chart.hollow_name = "published files";
  chart.front_name = "images that no other file beats in both";
  // The axis measures the distance from the base.
  const std::vector<TableRow> drawn(rows.begin() + (compared ? 1 : 0), rows.end());
  chart.panels = {BytesPanel("file", &TableRow::file_bytes, drawn),
                  BytesPanel("read a token", &TableRow::token_bytes, drawn), SpeedPanel(setup, drawn)};
  for (ChartPanel& panel : chart.panels) {
    for (size_t i = 0; i < drawn.size(); ++i) {
      ChartPoint& point = panel.points[i];
      const RunningMean& kl = drawn[i].prediction.divergence.kl();
      const PerplexityMean& perplexity = drawn[i].prediction.perplexity;
      point.label = drawn[i].name;
      point.hollow = drawn[i].published;
      point.y = compared ? kl.mean() : perplexity.perplexity();
      point.error = compared ? kl.standard_error() : perplexity.standard_error();
    }
  }
  return ChartSvg(chart);
}

}  // namespace lfm2::tools
