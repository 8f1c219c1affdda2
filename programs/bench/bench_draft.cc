// The decode tests of lfm2-bench with --draft.
#include <algorithm>

#include "programs/bench/bench.h"
#include "programs/measure/speed.h"

namespace lfm2::tools {

namespace {

// A session does not guess tokens while it has an observer.
const Observer kNoGuesses;

// A shorter context has nothing to repeat: the decoded text then starts with so many tokens of its own.
constexpr uint32_t kLeastText = 32;

std::vector<int32_t> Joined(std::vector<int32_t> tokens, const std::vector<int32_t>& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
  return tokens;
}

}  // namespace

// Tokens of which a share of options_.repeat continues an earlier place of the text; the others jump to a random place.
std::vector<int32_t> Bench::RepetitiveTokens(uint32_t count) {
  std::vector<int32_t> text(session_.tokens().begin(), session_.tokens().end());
  const size_t begin = text.size();
  if (begin < kLeastText) text = Joined(text, Tokens(std::min(kLeastText, count)));
  size_t from = 0;
  while (text.size() < begin + count) {
    constexpr uint32_t kSteps = 1u << 20;
    if (tokens_.Below(kSteps) >= options_.repeat * kSteps) from = tokens_.Below(static_cast<uint32_t>(text.size()));
    text.push_back(text[from++]);
  }
  return {text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(begin + count)};
}

// Both ways decode the same tokens; which of them runs first alternates.
Error Bench::RepeatDrafted(const TestCase& test, const std::function<void(uint32_t)>& show, TestResult* result) {
  result->limit = LimitKind::kUnknown;
  result->plain_seconds.resize(options_.repetitions);
  result->seconds.resize(options_.repetitions);
  const DraftStatistics before = session_.draft_statistics();
  for (uint32_t r = 0; r < options_.repetitions; ++r) {
    show(r);
    LFM2_RETURN_IF_FAILED(Error::From(session_.Rewind(at_depth_)));
    const std::vector<int32_t> ids = RepetitiveTokens(test.gen);
    for (const bool is_plain : {r % 2 == 0, r % 2 != 0}) {
      LFM2_RETURN_IF_FAILED(Error::From(session_.Rewind(at_depth_)));
      session_.SetObserver(is_plain ? &kNoGuesses : nullptr);
      LFM2_RETURN_IF_FAILED(TimeDecode(ids, &session_, is_plain ? &result->plain_seconds[r] : &result->seconds[r]));
    }
  }
  session_.SetObserver(nullptr);
  const DraftStatistics after = session_.draft_statistics();
  result->draft = {after.passes - before.passes, after.drafted - before.drafted, after.accepted - before.accepted};
  return Error();
}

}  // namespace lfm2::tools
