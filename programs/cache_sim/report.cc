#include "programs/cache_sim/report.h"

#include <nlohmann/json.hpp>

#include "programs/console/console.h"
#include "programs/measure/svg.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

const CacheCounts& CountsOf(const SlotsResult& result, Eviction eviction) {
  return result.counts[static_cast<size_t>(eviction)];
}

double HitRate(const CacheCounts& c) { return static_cast<double>(c.hits) / static_cast<double>(c.hits + c.misses); }

// The hit rate relative to the optimum's; 1 if there can be no hits.
double OfBelady(const SlotsResult& result, Eviction eviction) {
  const uint64_t best = CountsOf(result, Eviction::kBelady).hits;
  return best == 0 ? 1.0 : static_cast<double>(CountsOf(result, eviction).hits) / static_cast<double>(best);
}

double PerToken(uint64_t n, const TraceReport& report) {
  return static_cast<double>(n) / static_cast<double>(report.trace.tokens());
}

uint64_t DecodedTokens(const RoutingTrace& trace) {
  uint64_t n = 0;
  for (const RoutingTrace::TokenKind kind : trace.kinds) n += kind == RoutingTrace::TokenKind::kDecoded ? 1 : 0;
  return n;
}

}  // namespace

std::string ReportText(const std::vector<TraceReport>& reports) {
  std::string text;
  for (const TraceReport& r : reports) {
    const RoutingTrace& t = r.trace;
    text += (text.empty() ? "" : "\n") + Printable(r.file) + ": " + Printable(t.model_name) + ", " +
            Grouped(t.tokens()) + " tokens (" + Grouped(DecodedTokens(t)) + " decoded), " +
            std::to_string(t.moe_layers) + " MoE layers of " + std::to_string(t.experts) + " experts, " +
            std::to_string(t.experts_per_token) + " a token\n";
    Table table("rrlrrrr");
    table.Row({"slots", "of experts", "policy", "hit rate", "of Belady", "misses/token", "bytes/token"});
    for (const SlotsResult& result : r.results) {
      for (const Eviction eviction : kEvictions) {
        const CacheCounts& c = CountsOf(result, eviction);
        const bool first = eviction == kEvictions[0];
        table.Row({first ? std::to_string(result.slots) : "",
                   first ? Fixed(100.0 * result.slots / t.experts, 0) + " %" : "", NameOf(eviction),
                   Fixed(HitRate(c), 4), Fixed(OfBelady(result, eviction), 4), Fixed(PerToken(c.misses, r), 2),
                   HumanBytes(static_cast<uint64_t>(PerToken(c.bytes, r)))});
      }
    }
    text += table.Text();
  }
  return text;
}

std::string ReportJson(const std::vector<TraceReport>& reports) {
  Json list = Json::array();
  for (const TraceReport& r : reports) {
    Json results = Json::array();
    for (const SlotsResult& result : r.results) {
      Json policies = Json::object();
      for (const Eviction eviction : kEvictions) {
        const CacheCounts& c = CountsOf(result, eviction);
        policies[NameOf(eviction)] = {{"hits", c.hits},
                                      {"misses", c.misses},
                                      {"hit_rate", HitRate(c)},
                                      {"of_belady", OfBelady(result, eviction)},
                                      {"misses_per_token", PerToken(c.misses, r)},
                                      {"bytes_per_token", PerToken(c.bytes, r)}};
      }
      results.push_back({{"slots", result.slots}, {"policies", policies}});
    }
    const RoutingTrace& t = r.trace;
    list.push_back({{"trace", r.file},
                    {"model", t.model_name},
                    {"tokens", t.tokens()},
                    {"decoded_tokens", DecodedTokens(t)},
                    {"moe_layers", t.moe_layers},
                    {"experts", t.experts},
                    {"experts_per_token", t.experts_per_token},
                    {"results", results}});
  }
  // Names come from files and need not be UTF-8.
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

namespace {

// In pixels: the plot of a panel, and its margins.
constexpr double kPlotWidth = 520, kPlotHeight = 280, kLeft = 64, kTop = 40, kRight = 110, kBottom = 52;
constexpr double kPanelWidth = kLeft + kPlotWidth + kRight, kPanelHeight = kTop + kPlotHeight + kBottom;

struct Style {
  const char* color;
  const char* dash;
  const char* label;
};

Style StyleOf(Eviction eviction) {
  switch (eviction) {
    case Eviction::kLru: return {"#c8553d", "2 3", "LRU"};
    case Eviction::kLfu: return {"#d9a441", "6 3", "LFU"};
    case Eviction::kShipped: return {"#1f6f8b", "", "lfm2.h"};
    case Eviction::kBelady: return {"#777777", "", "optimum"};
  }
  return {"", "", ""};
}

std::string Panel(const TraceReport& report, double top) {
  const uint32_t low = report.results.front().slots, high = report.results.back().slots;
  const double width = high > low ? high - low : 1;
  const auto x = [&](double slots) { return kLeft + (slots - low) / width * kPlotWidth; };
  const auto y = [&](double rate) { return top + kTop + (1 - rate) * kPlotHeight; };
  const double bottom = y(0), right = kLeft + kPlotWidth;
  std::string svg =
      SvgText(kLeft, top + 24, "start", " font-size=\"14\" font-weight=\"bold\"",
              "Expert cache hits: " + report.trace.model_name + ", " + Grouped(report.trace.tokens()) + " tokens");
  for (int tenths = 0; tenths <= 10; tenths += 2) {
    svg += SvgLine(kLeft, y(tenths / 10.0), right, y(tenths / 10.0), "stroke=\"#dddddd\"");
    svg += SvgText(kLeft - 8, y(tenths / 10.0) + 4, "end", "", std::to_string(tenths * 10) + " %");
  }
  const uint32_t step = high - low <= 12 ? 1 : high - low <= 30 ? 2 : (high - low) / 12;
  for (uint32_t s = low; s <= high; s += step) {
    svg += SvgLine(x(s), bottom, x(s), bottom + 5, "stroke=\"#333333\"");
    svg += SvgText(x(s), bottom + 19, "middle", "", std::to_string(s));
  }
  svg += SvgLine(kLeft, bottom, right, bottom, "stroke=\"#333333\"");
  svg += SvgLine(kLeft, y(1), kLeft, bottom, "stroke=\"#333333\"");
  svg += SvgText(kLeft + kPlotWidth / 2, bottom + 40, "middle", "",
                 "slots of each layer, for " + std::to_string(report.trace.experts) +
                     " experts of which a token uses " + std::to_string(report.trace.experts_per_token));
  const double middle = top + kTop + kPlotHeight / 2;
  svg += SvgText(18, middle, "middle", " transform=\"rotate(-90 18 " + Fixed(middle, 1) + ")\"", "hit rate");
  double legend = top + kTop + 14;
  for (size_t i = kEvictionCount; i-- > 0; legend += 20) {
    const Style style = StyleOf(kEvictions[i]);
    const std::string stroke =
        std::string("stroke=\"") + style.color + "\" stroke-width=\"2\" stroke-dasharray=\"" + style.dash + "\"";
    svg += "<polyline fill=\"none\" " + stroke + " points=\"";
    for (const SlotsResult& result : report.results) {
      svg += Fixed(x(result.slots), 1) + "," + Fixed(y(HitRate(CountsOf(result, kEvictions[i]))), 1) + " ";
    }
    svg += "\"/>\n";
    svg += SvgLine(right + 16, legend - 4, right + 44, legend - 4, stroke);
    svg += SvgText(right + 50, legend, "start", "", style.label);
  }
  return svg;
}

}  // namespace

std::string ReportSvg(const std::vector<TraceReport>& reports) {
  const std::string width = Fixed(kPanelWidth, 0);
  const std::string height = Fixed(kPanelHeight * static_cast<double>(reports.size()), 0);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
                    "\" viewBox=\"0 0 " + width + " " + height +
                    "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  double top = 0;
  for (const TraceReport& report : reports) {
    svg += Panel(report, top);
    top += kPanelHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace lfm2::tools
