#include "programs/bench/results.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "lfm2/base/version.h"
#include "programs/console/console.h"
#include "programs/measure/statistics.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

std::vector<double> Rates(uint32_t tokens, const std::vector<double>& seconds) {
  std::vector<double> rates;
  for (const double s : seconds) rates.push_back(tokens / s);
  return rates;
}

const char* LimitName(LimitKind kind) {
  switch (kind) {
    case LimitKind::kReads: return "memory reads";
    case LimitKind::kMultiplyAdds: return "int8 multiply-adds";
    case LimitKind::kUnknown: return "not measured";
  }
  return "unknown";
}

// Bytes or multiply-adds per second that the machine reached, in billions.
double LimitRate(const TestResult& r) { return r.LimitTokensPerSecond() * r.work_per_token / 1e9; }

std::string LimitText(const TestResult& r) {
  const std::string name = LimitName(r.limit);
  switch (r.limit) {
    case LimitKind::kReads: return name + ", " + Fixed(LimitRate(r), 1) + " GB/s by " + r.limit_by;
    case LimitKind::kMultiplyAdds: return name + ", " + Fixed(LimitRate(r), 1) + " GMAC/s";
    case LimitKind::kUnknown: return name;
  }
  return name;
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

double HitRate(const StreamStatistics& s) { return Ratio(s.hits, s.hits + s.misses); }

// Bytes per nanosecond, over the time in which a read was in progress.
double ReadGbytesPerSecond(const StreamStatistics& s) { return Ratio(s.bytes, s.read_ns); }

Json StreamJson(const StreamStatistics& s, uint64_t tokens) {
  return {{"hits", s.hits},
          {"misses", s.misses},
          {"hit_rate", HitRate(s)},
          {"bytes", s.bytes},
          {"bytes_per_token", Ratio(s.bytes, tokens)},
          {"read_ns", s.read_ns},
          {"stall_ns", s.stall_ns},
          {"gbytes_per_second", ReadGbytesPerSecond(s)},
          {"ahead", s.ahead},
          {"wasted_bytes", s.wasted},
          {"retries", s.retries}};
}

Json BytesOrNull(uint64_t bytes) { return bytes == 0 ? Json() : Json(bytes); }

Json TestJson(const BenchSetup& setup, const TestResult& r) {
  std::vector<double> ns;
  std::vector<uint64_t> whole_ns;
  for (const double s : r.seconds) {
    ns.push_back(s * 1e9);
    whole_ns.push_back(static_cast<uint64_t>(std::llround(s * 1e9)));
  }
  const std::vector<double> ts = r.TokensPerSecond();
  Json json = {{"library_version", LFM2_VERSION_STRING},
               {"cpu_info", setup.cpu},
               {"kernels", setup.kernels},
               {"model_filename", setup.model_file},
               {"model_type", setup.model_name},
               {"model_size", setup.model_bytes},
               {"model_n_params", setup.weights},
               {"n_ubatch", setup.options.prefill_chunk},
               {"n_threads", r.test.threads},
               {"type_k", NameOf(setup.options.kv_cache)},
               {"type_v", NameOf(setup.options.kv_cache)},
               {"n_prompt", r.test.prompt},
               {"n_gen", r.test.gen},
               {"n_depth", r.test.depth},
               {"test_time", r.time},
               {"avg_ns", static_cast<uint64_t>(std::llround(Mean(ns)))},
               {"stddev_ns", static_cast<uint64_t>(std::llround(StandardDeviation(ns)))},
               {"avg_ts", Mean(ts)},
               {"stddev_ts", StandardDeviation(ts)},
               {"samples_ns", whole_ns},
               {"samples_ts", ts}};
  if (!r.limit_seconds.empty()) {
    const bool reads = r.limit == LimitKind::kReads;
    json["limit"] = LimitName(r.limit);
    if (reads) json["limit_by"] = r.limit_by;
    json["limit_ts"] = r.LimitTokensPerSecond();
    json["limit_samples_ts"] = r.LimitSamples();
    json[reads ? "limit_gbytes_per_second" : "limit_gmacs_per_second"] = LimitRate(r);
    json[reads ? "bytes_per_token" : "macs_per_token"] = r.work_per_token;
    json["fraction"] = r.Fraction();
    json["fraction_samples"] = r.Fractions();
    json["limit_exceeded"] = r.ExceedsLimit();
  } else if (!r.plain_seconds.empty()) {
    json["draft_tokens"] = setup.options.draft_tokens;
    json["draft_speedup"] = r.DraftSpeedup();
    json["drafted"] = r.draft.drafted;
    json["accepted"] = r.draft.accepted;
    json["draft_passes"] = r.draft.passes;
    json["plain_samples_ts"] = Rates(r.test.tokens(), r.plain_seconds);
  } else if (r.first_token_seconds > 0) {
    json["ttft_ms"] = r.first_token_seconds * 1e3;
  }
  json["storage"] = NameOf(setup.storage);
  if (!r.stream_layers.empty()) {
    const uint64_t tokens = r.test.tokens() * uint64_t{r.seconds.size()};
    json["expert_slots"] = setup.slots.total;
    json["stream"] = StreamJson(r.stream, tokens);
    Json layers = Json::array();
    for (const StreamStatistics& layer : r.stream_layers) layers.push_back(StreamJson(layer, tokens));
    json["stream_layers"] = layers;
  }
  json["load_ms"] = setup.load_seconds * 1e3;
  json["context_length"] = setup.options.context_length;
  json["arena_bytes"] = setup.arena_bytes;
  json["resident_anonymous_bytes"] = BytesOrNull(r.resident.anonymous);
  json["resident_file_bytes"] = BytesOrNull(r.resident.file);
  json["resident_peak_bytes"] = BytesOrNull(r.resident.peak);
  return json;
}

std::string SetupText(const BenchSetup& setup, const ResidentMemory& resident) {
  std::string text = setup.cpu.empty() ? "" : setup.cpu + ", ";
  text += "kernels " + setup.kernels + "; prefill in chunks of " + std::to_string(setup.options.prefill_chunk) +
          ", KV cache " + NameOf(setup.options.kv_cache) + ", context " + std::to_string(setup.options.context_length) +
          "\nloaded in " + Fixed(setup.load_seconds * 1e3, 1) + " ms; arena " + HumanBytes(setup.arena_bytes);
  if (resident.peak > 0) {
    text += "; resident: " + HumanBytes(resident.anonymous) + " of its own, " + HumanBytes(resident.file) +
            " of files, at most " + HumanBytes(resident.peak) + " together";
  }
  return text + "\n";
}

}  // namespace

std::string TestName(const TestCase& test) {
  std::string name;
  if (test.prompt > 0) name += "pp" + std::to_string(test.prompt);
  if (test.gen > 0) name += (name.empty() ? "tg" : "+tg") + std::to_string(test.gen);
  return test.depth == 0 ? name : name + " @ d" + std::to_string(test.depth);
}

std::vector<double> TestResult::TokensPerSecond() const { return Rates(test.tokens(), seconds); }

double TestResult::DraftSpeedup() const {
  std::vector<double> ratios;
  for (size_t i = 0; i < seconds.size(); ++i) ratios.push_back(plain_seconds[i] / seconds[i]);
  return Median(ratios);
}

double TestResult::BestLimitSeconds() const { return *std::min_element(limit_seconds.begin(), limit_seconds.end()); }

std::vector<double> TestResult::LimitSamples() const { return Rates(test.tokens(), limit_seconds); }

std::vector<double> TestResult::Fractions() const {
  std::vector<double> fractions;
  if (limit_seconds.empty()) return fractions;
  for (const double s : seconds) fractions.push_back(BestLimitSeconds() / s);
  return fractions;
}

double TestResult::Fraction() const {
  const std::vector<double> fractions = Fractions();
  return fractions.empty() ? 0.0 : *std::max_element(fractions.begin(), fractions.end());
}

std::string FasterThanLimits(const std::vector<TestResult>& results) {
  std::string text;
  for (const TestResult& r : results) {
    if (!r.ExceedsLimit()) continue;
    text += (text.empty() ? "" : "; ") + TestName(r.test) + ", " + std::to_string(r.test.threads) +
            " threads: " + Fixed(r.Fraction(), 2) + " of the limit";
  }
  return text.empty() ? text : text + ": the machine was disturbed while it was measured, and the limit is not valid";
}

std::string ResultsJson(const BenchSetup& setup, const std::vector<TestResult>& results) {
  Json list = Json::array();
  for (const TestResult& r : results) list.push_back(TestJson(setup, r));
  // Names come from files and need not be UTF-8.
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ResultsText(const BenchSetup& setup, const std::vector<TestResult>& results) {
  std::string text = SetupText(setup, results.back().resident);
  if (results[0].first_token_seconds > 0) {
    const TestResult& r = results[0];
    return text + "first token after a prompt of " + std::to_string(r.test.prompt) + ", " +
           std::to_string(r.test.threads) + " threads: " + Fixed(r.first_token_seconds * 1e3, 1) +
           " ms since the program's start\n";
  }
  char params[32];
  const double weights = static_cast<double>(setup.weights);
  std::snprintf(params, sizeof(params), "%.2f %s", weights / (weights < 1e9 ? 1e6 : 1e9), weights < 1e9 ? "M" : "B");
  text += "\n" + MarkdownRow({"model", "size", "params", "threads", "test", "t/s", "limit t/s", "of limit", "limit"}) +
          MarkdownRow({"---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---"});
  for (const TestResult& r : results) {
    const std::vector<double> ts = r.TokensPerSecond();
    const bool known = !r.limit_seconds.empty();
    text += MarkdownRow({setup.model_name, HumanBytes(setup.model_bytes), params, std::to_string(r.test.threads),
                         TestName(r.test), Fixed(Mean(ts), 2) + " ± " + Fixed(StandardDeviation(ts), 2),
                         known ? Fixed(r.LimitTokensPerSecond(), 2) : "",
                         known ? Fixed(r.Fraction() * 100, 1) + " %" : "", LimitText(r)});
  }
  for (const TestResult& r : results) {
    if (r.plain_seconds.empty()) continue;
    text += "\n" + TestName(r.test) + ", " + std::to_string(r.test.threads) + " threads, up to " +
            std::to_string(setup.options.draft_tokens) + " tokens guessed at a time: " + Fixed(r.DraftSpeedup(), 2) +
            " times as fast as without (" + Fixed(Mean(Rates(r.test.tokens(), r.plain_seconds)), 2) + " t/s); of " +
            std::to_string(r.draft.drafted) + " guesses " + std::to_string(r.draft.accepted) + " were right (" +
            Fixed(Ratio(r.draft.accepted, r.draft.drafted) * 100, 1) + " %)\n";
  }
  for (const TestResult& r : results) {
    if (r.stream_layers.empty()) continue;
    double seconds = 0;
    for (const double s : r.seconds) seconds += s;
    const double ns = seconds * 1e9;
    text += "\n" + TestName(r.test) + ", " + std::to_string(r.test.threads) +
            " threads: " + Fixed(HitRate(r.stream) * 100, 1) + " % of the experts were in " +
            std::to_string(setup.slots.total) + " slots; " +
            HumanBytes(static_cast<uint64_t>(Ratio(r.stream.bytes, r.test.tokens() * uint64_t{r.seconds.size()}))) +
            " a token read at " + Fixed(ReadGbytesPerSecond(r.stream), 2) + " GB/s in " +
            Fixed(static_cast<double>(r.stream.read_ns) / ns * 100, 1) + " % of the time, waited for in " +
            Fixed(static_cast<double>(r.stream.stall_ns) / ns * 100, 1) + " %";
    if (r.stream.retries > 0) text += "; " + std::to_string(r.stream.retries) + " reads repeated";
    text += "\n";
  }
  return text;
}

}  // namespace lfm2::tools
