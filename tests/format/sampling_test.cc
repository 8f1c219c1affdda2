// Settings of sampling: which are set, which of two apply, and which no sampler can use.
#include "lfm2/format/sampling.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "lfm2/format/image_layout.h"

namespace lfm2::test {
namespace {

constexpr Sampling kFirst{0.2f, 40, 0.9f, 0.1f, 1.1f}, kSecond{0.7f, 0, 1.0f, 0.0f, 1.0f};
constexpr uint32_t kFields = 5;

// Field n of `from`, all others unset.
Sampling Only(uint32_t n, const Sampling& from) {
  Sampling s;
  if (n == 0) s.temperature = from.temperature;
  if (n == 1) s.top_k = from.top_k;
  if (n == 2) s.top_p = from.top_p;
  if (n == 3) s.min_p = from.min_p;
  if (n == 4) s.repetition_penalty = from.repetition_penalty;
  return s;
}

bool AreEqual(const Sampling& a, const Sampling& b) {
  return a.temperature == b.temperature && a.top_k == b.top_k && a.top_p == b.top_p && a.min_p == b.min_p &&
         a.repetition_penalty == b.repetition_penalty;
}

std::string WhereRefused(const Sampling& s) {
  const Status status = CheckSampling(s, StatusCode::kCorrupt);
  if (!status.ok()) CHECK(status.code() == StatusCode::kCorrupt);
  return status.where();
}

}  // namespace

TEST_CASE("one field alone is a setting, and the others come from the second source") {
  CHECK(!IsSet(Sampling()));
  CHECK(IsSet(kSecond));
  CHECK(AreEqual(Merged(Sampling(), kSecond), kSecond));
  CHECK(AreEqual(Merged(kFirst, Sampling()), kFirst));
  for (uint32_t n = 0; n < kFields; ++n) {
    const Sampling one = Only(n, kFirst);
    CHECK(IsSet(one));
    const Sampling merged = Merged(one, kSecond);
    for (uint32_t other = 0; other < kFields; ++other) {
      CHECK(AreEqual(Only(other, merged), Only(other, other == n ? kFirst : kSecond)));
    }
    // An image has just these fields.
    ImageHeader header{};
    SamplingToHeader(one, &header);
    CHECK(AreEqual(SamplingFromHeader(header), one));
  }
}

TEST_CASE("the ends of every range pass, and what is beyond them is refused by name") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  CHECK(WhereRefused(Sampling()).empty());
  struct Range {
    const char* where;
    float Sampling::*field;
    float good[3];
    float bad[4];
  };
  const Range ranges[] = {
      {"temperature", &Sampling::temperature, {0.0f, 0.001f, 100.0f}, {-0.1f, 0.0005f, 100.1f, kNan}},
      {"top_p", &Sampling::top_p, {1e-6f, 0.5f, 1.0f}, {0.0f, -0.1f, 1.001f, kNan}},
      {"min_p", &Sampling::min_p, {0.0f, 0.5f, 1.0f}, {-0.001f, 1.001f, kInfinity, kNan}},
      {"repetition_penalty", &Sampling::repetition_penalty, {0.0625f, 1.0f, 16.0f}, {0.06f, 16.1f, -1.0f, kNan}},
  };
  for (const Range& range : ranges) {
    Sampling s = kSecond;
    for (const float value : range.good) {
      s.*range.field = value;
      CHECK(WhereRefused(s).empty());
    }
    for (const float value : range.bad) {
      s.*range.field = value;
      CHECK(WhereRefused(s) == range.where);
    }
  }
}

}  // namespace lfm2::test
