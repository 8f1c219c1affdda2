// The fraction of the machine's limit that lfm2-bench shows: by it people judge the kernels, so that a limit which is
// none must not pass for one.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "programs/bench/results.h"

namespace lfm2::test {
namespace {

using tools::LimitKind;
using tools::TestResult;

// 32 tokens of decode at a depth of 4096 by two threads.
TestResult Decode(std::vector<double> seconds, std::vector<double> limit_seconds) {
  TestResult result;
  result.test = {0, 32, 4096, 2};
  result.seconds = std::move(seconds);
  result.limit_seconds = std::move(limit_seconds);
  result.limit_by = "4 streams";
  result.work_per_token = 1e9;
  return result;
}

nlohmann::json JsonOf(const TestResult& result) {
  return nlohmann::json::parse(tools::ResultsJson({}, {result})).at(0);
}

}  // namespace

TEST_CASE("A fraction is the speed of a repetition over the best limit, and a test's is that of its best repetition") {
  // The sample of 4 s was disturbed: it bounds nothing.
  const TestResult result = Decode({2.0, 1.6}, {4.0, 0.8, 1.0});
  CHECK(result.LimitTokensPerSecond() == doctest::Approx(40));
  CHECK(result.Fractions().at(0) == doctest::Approx(0.4));
  CHECK(result.Fraction() == doctest::Approx(0.5));
  const nlohmann::json json = JsonOf(result);
  CHECK(json.at("limit_ts").get<double>() == doctest::Approx(40));
  CHECK(json.at("limit_samples_ts").size() == 3);
  CHECK(json.at("limit_gbytes_per_second").get<double>() == doctest::Approx(40));
  CHECK(json.at("fraction").get<double>() == doctest::Approx(0.5));
  CHECK(json.at("fraction_samples").size() == 2);
  CHECK(json.at("limit_exceeded") == false);
  CHECK(tools::ResultsText({}, {result}).find("| 40.00 | 50.0 % |") != std::string::npos);
}

TEST_CASE("A test that was faster than its limit is named") {
  const TestResult within = Decode({1.0, 1.5}, {1.5, 1.019});
  CHECK(!within.ExceedsLimit());
  CHECK(tools::FasterThanLimits({within}).empty());
  // One repetition is enough.
  const TestResult beyond = Decode({1.5, 1.0, 1.5}, {1.5, 1.03, 2.0, 2.0});
  CHECK(beyond.ExceedsLimit());
  CHECK(JsonOf(beyond).at("limit_exceeded") == true);
  const std::string text = tools::FasterThanLimits({within, beyond});
  CHECK(text.find("tg32 @ d4096, 2 threads: 1.03 of the limit") == 0);
}

TEST_CASE("Where no limit is known, none is exceeded or shown") {
  TestResult result = Decode({1.0}, {});
  result.limit = LimitKind::kUnknown;
  CHECK(result.Fractions().empty());
  CHECK(result.Fraction() == 0.0);
  CHECK(!result.ExceedsLimit());
  CHECK(tools::FasterThanLimits({result}).empty());
  CHECK(!JsonOf(result).contains("fraction"));
  CHECK(tools::ResultsText({}, {result}).find("not measured") != std::string::npos);
}

}  // namespace lfm2::test
