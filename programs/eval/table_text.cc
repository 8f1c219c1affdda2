#include "programs/eval/table_text.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "programs/console/console.h"
#include "programs/measure/statistics.h"

namespace lfm2::tools {

namespace {

// Digits after the point for two significant digits of the error, or four of a value without an error.
std::string WithError(double value, double error, bool markdown) {
  const double last = error > 0 ? error : value / 100;
  const int decimals =
      last > 0 && std::isfinite(last) ? std::clamp(1 - static_cast<int>(std::floor(std::log10(last))), 0, 9) : 2;
  return Fixed(value, decimals) + (markdown ? " ± " : " +- ") + Fixed(error, decimals);
}

std::string Percent(double share, double error, bool markdown) {
  return Fixed(100 * share, 2) + (markdown ? " ± " : " +- ") + Fixed(100 * error, 2) + " %";
}

std::string Share(const RunningMean& share, bool markdown) {
  return Percent(share.mean(), share.standard_error(), markdown);
}

std::string Speed(const std::vector<double>& rates, bool markdown) {
  return WithError(Median(rates), MedianError(rates), markdown);
}

// Escapes the characters that would end a cell.
std::string MarkdownCell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

struct Column {
  std::string title;
  std::function<std::string(const TableRow&)> cell;
};

// The results of decoding in the arena.
void AddStreamedColumns(bool markdown, std::vector<Column>* columns) {
  columns->push_back({"streamed, t/s", [=](const TableRow& r) {
                        const StreamedSpeed& s = r.streamed;
                        if (s.needed_bytes > 0) return "needs " + HumanBytes(s.needed_bytes);
                        return s.is_resident() ? std::string("resident") : Speed(s.decode, markdown);
                      }});
  const auto add = [=](const char* title, const std::function<std::string(const StreamedSpeed&)>& cell) {
    columns->push_back(
        {title, [=](const TableRow& r) { return r.streamed.decode.empty() ? std::string("-") : cell(r.streamed); }});
  };
  add("hits", [=](const StreamedSpeed& s) { return Share(s.hit_rate, markdown); });
  add("drive/token, MB", [=](const StreamedSpeed& s) {
    return WithError(s.read_bytes.mean() / 1e6, s.read_bytes.standard_error() / 1e6, markdown);
  });
}

std::vector<Column> ColumnsOf(const TableSetup& setup, const std::vector<TableRow>& rows, bool markdown) {
  const TableRow& base = rows[0];
  std::vector<Column> columns = {
      {"size", [](const TableRow& r) { return HumanBytes(r.file_bytes); }},
      {"bits/weight", [](const TableRow& r) { return Fixed(r.bits_per_weight, 2); }},
      {"read/token", [](const TableRow& r) { return HumanBytes(r.token_bytes); }},
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
    columns.push_back({"error", [=](const TableRow& r) {
                         const GeometricMean& error = r.prediction.divergence.error();
                         return against(r, WithError(error.mean(), error.standard_error(), markdown));
                       }});
    columns.push_back({"flips", [=](const TableRow& r) {
                         const RunningMean& same = r.prediction.divergence.same_top();
                         return against(r, Percent(1 - same.mean(), same.standard_error(), markdown));
                       }});
  }
  if (base.acc.count() > 0) {
    columns.push_back({"acc", [=](const TableRow& r) { return Share(r.acc, markdown); }});
    columns.push_back({"acc_norm", [=](const TableRow& r) { return Share(r.acc_norm, markdown); }});
  }
  if (base.commands.count() > 0) {
    columns.push_back({"exact calls", [=](const TableRow& r) { return Share(r.commands, markdown); }});
  }
  columns.push_back({"prefill, t/s", [=](const TableRow& r) { return Speed(r.prefill, markdown); }});
  columns.push_back({"decode, t/s", [=](const TableRow& r) { return Speed(r.decode, markdown); }});
  if (setup.arena_bytes > 0) AddStreamedColumns(markdown, &columns);
  return columns;
}

std::string SpeedNote(const TableSetup& s) {
  return "Tokens a second: median of " + std::to_string(s.rounds) + " rounds in which the models take turns, " +
         std::to_string(s.prompt) + " random tokens of prefill and " + std::to_string(s.generated) +
         " of decode after them, " + std::to_string(s.threads) + (s.threads == 1 ? " thread, " : " threads, ") +
         s.kernels + (s.processor.empty() ? "" : ", " + s.processor) + ".\n";
}

std::string StreamedNote(const TableSetup& s) {
  return "Streamed: decoding the text in an arena of " + HumanBytes(s.arena_bytes) + ", with experts read from " +
         (s.throttle > 0 ? "a drive of " + HumanBytes(s.throttle) + " a second" : std::string("this drive")) +
         ", in the same rounds, " + std::to_string(s.generated) +
         " tokens in each; hits: experts that were in memory; " +
         "drive/token: what was read for a token. Resident: a dense model, or one whose experts all fit.\n";
}

std::string Notes(const TableSetup& s, const std::vector<TableRow>& rows) {
  std::string text = "Perplexity: " + Grouped(s.predicted) + " tokens predicted in windows of " +
                     std::to_string(s.window) + ", with the standard error.\n";
  if (rows.size() > 1) {
    text +=
        "KL: mean of KL(base || model) over the same tokens; error: that of the logits as a share of the base's "
        "variance, geometric mean; flips: how often the likeliest token differs from the base's.\n";
  }
  if (rows[0].acc.count() > 0) text += "acc, acc_norm: " + Grouped(rows[0].acc.count()) + " multiple choice items.\n";
  if (rows[0].commands.count() > 0) {
    text += "Exact calls: of " + Grouped(rows[0].commands.count()) + " commands.\n";
  }
  text += "Read/token: weights that decoding a token reads. RAM: the arena of a session of " +
          Grouped(s.memory_context) + " positions, and the part of the file that every token reads.\n" + SpeedNote(s);
  return s.arena_bytes > 0 ? text + StreamedNote(s) : text;
}

}  // namespace

std::string TableText(const TableSetup& setup, const std::vector<TableRow>& rows, bool markdown) {
  const std::vector<Column> columns = ColumnsOf(setup, rows, markdown);
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

}  // namespace lfm2::tools
