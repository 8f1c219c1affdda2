#include "tools/eval/table_text.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tools/common/console.h"
#include "tools/common/statistics.h"
#include "tools/eval/svg_chart.h"

namespace lfm2::tools {

namespace {

// Digits behind the point that show two of the error, or four of a value without one.
std::string WithError(double value, double error, bool markdown) {
  const double last = error > 0 ? error : value / 100;
  const int decimals =
      last > 0 && std::isfinite(last) ? std::clamp(1 - static_cast<int>(std::floor(std::log10(last))), 0, 9) : 2;
  return Fixed(value, decimals) + (markdown ? " ± " : " +- ") + Fixed(error, decimals);
}

std::string Share(const RunningMean& share, bool markdown) {
  return Fixed(100 * share.mean(), 2) + (markdown ? " ± " : " +- ") + Fixed(100 * share.standard_error(), 2) + " %";
}

std::string Speed(const std::vector<double>& rates) {
  const double rate = Median(rates);
  return Fixed(rate, rate < 10 ? 2 : rate < 1000 ? 1 : 0);
}

// Cells may hold what would end them.
std::string MarkdownCell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

struct Column {
  std::string title;
  std::function<std::string(const TableRow&)> cell;
};

std::vector<Column> ColumnsOf(const std::vector<TableRow>& rows, bool markdown) {
  const TableRow& base = rows[0];
  std::vector<Column> columns = {
      {"size", [](const TableRow& r) { return HumanBytes(r.file_bytes); }},
      {"bits/weight", [](const TableRow& r) { return Fixed(r.bits_per_weight, 2); }},
      {"RAM", [](const TableRow& r) { return HumanBytes(r.memory_bytes); }},
      {"perplexity",
       [=](const TableRow& r) {
         return WithError(r.prediction.perplexity.perplexity(), r.prediction.perplexity.standard_error(), markdown);
       }},
  };
  const auto against = [&base](const TableRow& r, const std::string& text) { return &r == &base ? "base" : text; };
  if (rows.size() > 1) {
    columns.push_back({"KL, nats", [=](const TableRow& r) {
                         const RunningMean& kl = r.prediction.divergence.kl();
                         return against(r, WithError(kl.mean(), kl.standard_error(), markdown));
                       }});
    columns.push_back({"same token", [=](const TableRow& r) {
                         return against(r, Share(r.prediction.divergence.same_top(), markdown));
                       }});
  }
  if (base.acc.count() > 0) {
    columns.push_back({"acc", [=](const TableRow& r) { return Share(r.acc, markdown); }});
    columns.push_back({"acc_norm", [=](const TableRow& r) { return Share(r.acc_norm, markdown); }});
  }
  if (base.commands.count() > 0) {
    columns.push_back({"exact calls", [=](const TableRow& r) { return Share(r.commands, markdown); }});
  }
  columns.push_back({"prefill, t/s", [](const TableRow& r) { return Speed(r.prefill); }});
  columns.push_back({"decode, t/s", [](const TableRow& r) { return Speed(r.decode); }});
  return columns;
}

std::string SpeedNote(const TableSetup& s) {
  return "Tokens a second: median of " + std::to_string(s.rounds) + " rounds in which the models take turns, " +
         std::to_string(s.prompt) + " random tokens of prefill and " + std::to_string(s.generated) +
         " of decode behind them, " + std::to_string(s.threads) + (s.threads == 1 ? " thread, " : " threads, ") +
         s.kernels + (s.processor.empty() ? "" : ", " + s.processor) + ".\n";
}

std::string Notes(const TableSetup& s, const std::vector<TableRow>& rows) {
  std::string text = "Perplexity: " + Grouped(s.predicted) + " tokens predicted in windows of " +
                     std::to_string(s.window) + ", with the standard error.\n";
  if (rows.size() > 1) {
    text +=
        "KL: mean of KL(base || model) over the same tokens; same token: how often both find the same one likeliest."
        "\n";
  }
  if (rows[0].acc.count() > 0) text += "acc, acc_norm: " + Grouped(rows[0].acc.count()) + " multiple choice items.\n";
  if (rows[0].commands.count() > 0) {
    text += "Exact calls: of " + Grouped(rows[0].commands.count()) + " commands.\n";
  }
  return text + "RAM: the arena of a session of " + Grouped(s.memory_context) +
         " positions, and the part of the file that every token reads.\n" + SpeedNote(s);
}

}  // namespace

std::string TableText(const TableSetup& setup, const std::vector<TableRow>& rows, bool markdown) {
  const std::vector<Column> columns = ColumnsOf(rows, markdown);
  std::vector<std::string> titles = {"model"}, rule = {"---"};
  for (const Column& column : columns) {
    titles.push_back(column.title);
    rule.push_back("---:");
  }
  Table table("l" + std::string(columns.size(), 'r'));
  table.Row(titles);
  std::string text = MarkdownRow(titles) + MarkdownRow(rule);
  for (const TableRow& row : rows) {
    std::vector<std::string> cells = {Printable(row.name)};
    for (const Column& column : columns) cells.push_back(column.cell(row));
    table.Row(cells);
    cells[0] = MarkdownCell(cells[0]);
    text += MarkdownRow(cells);
  }
  return (markdown ? text : table.Text()) + "\n" + Notes(setup, rows);
}

std::string TableSvg(const TableSetup& setup, const std::vector<TableRow>& rows) {
  const bool compared = rows.size() > 1;
  Chart chart;
  chart.logarithmic = compared;
  chart.title = compared ? "KL divergence from " + rows[0].name + " (" + HumanBytes(rows[0].file_bytes) + ")"
                         : "Perplexity of " + rows[0].name;
  chart.title += ", over " + Grouped(setup.predicted) + " tokens (less is better)";
  chart.y_title = compared ? "KL(base || model), nats" : "perplexity";
  chart.panels.resize(2);
  uint64_t largest = 0;
  for (const TableRow& row : rows) largest = std::max(largest, row.file_bytes);
  const bool giga = largest >= 1000000000;
  chart.panels[0].x_title = giga ? "size, GB" : "size, MB";
  chart.panels[1].x_title =
      "decode, tokens a second, " + std::to_string(setup.threads) + (setup.threads == 1 ? " thread" : " threads");
  for (const TableRow& row : rows) {
    // The base is what the axis measures from.
    if (compared && &row == &rows[0]) continue;
    const RunningMean& kl = row.prediction.divergence.kl();
    const PerplexityMean& perplexity = row.prediction.perplexity;
    ChartPoint point{row.name, static_cast<double>(row.file_bytes) / (giga ? 1e9 : 1e6),
                     compared ? kl.mean() : perplexity.perplexity(),
                     compared ? kl.standard_error() : perplexity.standard_error()};
    chart.panels[0].points.push_back(point);
    point.x = Median(row.decode);
    chart.panels[1].points.push_back(point);
  }
  return ChartSvg(chart);
}

}  // namespace lfm2::tools
