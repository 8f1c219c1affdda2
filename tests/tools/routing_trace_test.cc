// Routing traces: a written trace is read back, and a hostile file can do no harm.
#include "programs/storage/routing_trace.h"

#include <doctest/doctest.h>

#include "programs/files/files.h"
#include "tests/temporary_folder.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::RoutingTrace;

RoutingTrace Example(uint32_t experts) {
  RoutingTrace t;
  t.model_name = "example";
  t.moe_layers = 2;
  t.first_moe_layer = 1;
  t.experts = experts;
  t.experts_per_token = 3;
  t.record_bytes = {4096, 8192};
  t.kinds = {RoutingTrace::TokenKind::kChunkBegin, RoutingTrace::TokenKind::kChunkMore,
             RoutingTrace::TokenKind::kDecoded};
  for (uint32_t i = 0; i < 18; ++i) t.chosen.push_back(static_cast<uint16_t>((i * 5 + 2) % experts));
  return t;
}

std::string Written(const RoutingTrace& trace) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.trace";
  std::string bytes;
  CHECK(tools::WriteRoutingTrace(trace, path).ok());
  CHECK(tools::ReadFile(path, &bytes).ok());
  return bytes;
}

// The sentence for a file; empty where it is read.
std::string Refusal(const std::string& bytes) {
  RoutingTrace t;
  const Error error = tools::ParseRoutingTrace("file", bytes, &t);
  if (!error.ok()) CHECK(error.text().rfind("file", 0) == 0);
  return error.text();
}

std::string With(std::string bytes, size_t at, uint64_t value, size_t size) {
  return bytes.replace(at, size, reinterpret_cast<const char*>(&value), size);
}

// Where the fields are.
constexpr size_t kVersion = 8, kMoeLayers = 12, kFirst = 16, kExperts = 20, kPerToken = 24, kReserved = 28,
                 kTokens = 32, kName = 40, kRecords = 104, kTokenData = 120, kTokenBytes = 7;

}  // namespace

TEST_CASE("a trace comes back as it was, with few experts and with many") {
  for (const uint32_t experts : {16u, 256u, 257u, 1024u}) {
    CAPTURE(experts);
    const RoutingTrace t = Example(experts);
    const std::string bytes = Written(t);
    CHECK(bytes.size() == kTokenData + 3 * (1 + 6 * (experts <= 256 ? 1 : 2)));
    RoutingTrace read;
    REQUIRE(tools::ParseRoutingTrace("file", bytes, &read).ok());
    CHECK(read.model_name == t.model_name);
    CHECK((read.moe_layers == 2 && read.first_moe_layer == 1 && read.experts == experts));
    CHECK((read.experts_per_token == 3 && read.record_bytes == t.record_bytes));
    CHECK((read.kinds == t.kinds && read.chosen == t.chosen));
    CHECK(read.Chosen(2, 1) == read.chosen.data() + 15);
  }
}

TEST_CASE("damaged traces are refused in a sentence that says what is wrong") {
  const std::string good = Written(Example(16));
  CHECK(Refusal(good).empty());
  const auto says = [](const std::string& bytes, const char* what) {
    const std::string text = Refusal(bytes);
    CAPTURE(text);
    CAPTURE(what);
    CHECK(text.find(what) != std::string::npos);
  };
  says("", "not a routing trace");
  says("LFM2ROUX" + good.substr(8), "not a routing trace");
  says(good.substr(0, kRecords - 1), "header");
  says(With(good, kVersion, 2, 4), "version 2");
  for (const uint64_t bad : {uint64_t{0}, uint64_t{129}, uint64_t{UINT32_MAX}}) {
    says(With(good, kMoeLayers, bad, 4), "moe_layers");
  }
  says(With(good, kFirst, 127, 4), "first_moe_layer");
  says(With(good, kExperts, 0, 4), "experts");
  says(With(good, kExperts, 1025, 4), "experts");
  says(With(good, kPerToken, 0, 4), "experts_per_token");
  says(With(good, kPerToken, 17, 4), "experts_per_token");
  says(With(good, kExperts, 2, 4), "experts_per_token");
  says(With(good, kReserved, 1, 4), "reserved");
  says(With(good, kTokens, 2, 8), "2 tokens");
  says(With(good, kTokens, 4, 8), "4 tokens");
  for (const uint64_t bad : {UINT64_MAX, UINT64_MAX / kTokenBytes, UINT64_MAX / kTokenBytes + 4}) {
    says(With(good, kTokens, bad, 8), "tokens");
  }
  says(With(good, kTokens, 0, 8).substr(0, kTokenData), "no tokens");
  says(With(good, kName + 63, 'x', 1), "name");
  says(With(good, kRecords + 8, (uint64_t{1} << 40) + 1, 8), "record_bytes of MoE layer 1");
  says(With(good, kTokenData, 2, 1), "token 0 is of kind 2");
  says(With(good, kTokenData, 3, 1), "token 0 is of kind 3");
  says(With(With(good, kTokenData, 0, 1), kTokenData + kTokenBytes, 2, 1), "token 1 is of kind 2");
  says(With(good, kTokenData + 1, 16, 1), "token 0 chose expert 16 of 16 in MoE layer 0");
  says(With(good, kTokenData + 6, static_cast<uint8_t>(good[kTokenData + 5]), 1), "twice in MoE layer 1");
  says(good.substr(0, good.size() - 1), "bytes");
  says(good + '\0', "bytes");
  for (size_t size = 0; size < good.size(); ++size) CHECK(!Refusal(good.substr(0, size)).empty());
  // Whatever one byte is changed to, it is read or refused.
  for (size_t at = 0; at < good.size(); ++at) {
    for (const uint64_t value : {0x00u, 0x01u, 0x7fu, 0x80u, 0xffu})
      static_cast<void>(Refusal(With(good, at, value, 1)));
  }
}

}  // namespace lfm2::test
