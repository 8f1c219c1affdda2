// The cost of a mask compared with a token: the ticks of a token of an unconstrained answer, and those of the mask and
// of the rest of the constraint at each token of the same answer. One line for each command.
#include <cstring>

#include "calls.h"
#include "console.h"

namespace {

constexpr uint32_t kMostAnswer = 64;
int32_t g_tokens[kMostAnswer];
uint32_t g_token_count;
float g_logits[kMostTokens];

struct Clock {
  uint64_t sum = 0, worst = 0;
  uint32_t count = 0;
  template <class Work>
  lfm2::Status Measure(const Work& work) {
    const uint64_t begin = Ticks();
    const lfm2::Status status = work();
    const uint64_t ticks = Ticks() - begin;
    sum += ticks;
    worst = lfm2::Max(worst, ticks);
    ++count;
    return status;
  }
  uint64_t mean() const { return sum / lfm2::Max<uint32_t>(count, 1); }
};

lfm2::Status Answer(std::string_view command) {
  LFM2_RETURN_IF_ERROR(BeginChat());
  lfm2::AnswerOptions options(kMostAnswer);
  options.on_token = [](void*, int32_t token, lfm2::Span<const float>) { g_tokens[g_token_count++] = token; };
  g_token_count = 0;
  LFM2_RETURN_IF_ERROR(g_chat.BeginAsk({lfm2::ChatRole::kUser, command}, options));
  Clock token;
  bool prompted = false;
  while (g_chat.is_busy()) {
    Clock step;
    LFM2_RETURN_IF_ERROR((prompted ? token : step).Measure([] { return g_chat.Step([](std::string_view) {}); }));
    prompted = prompted || g_session.steps_left() == 0;
  }
  token.count = g_chat.answer_tokens();
  // The answer again, for the constraint alone.
  Clock mask, rest;
  const lfm2::Span<float> logits(g_logits, g_image.vocab().size());
  lfm2::AnswerConstraint& calls = g_calls;
  const auto go_on = [&](int32_t after) {
    int32_t room[8];
    size_t count = 0;
    lfm2::Status status = calls.Force({room, 1}, &count);
    if (status.ok()) status = calls.ForceAfter(after, room, &count);
    return status.ok() ? calls.Advance(after) : status;
  };
  LFM2_RETURN_IF_ERROR(calls.Begin({}, {}));
  for (uint32_t i = 0; i < g_token_count; ++i) {
    Ticks();
    LFM2_RETURN_IF_ERROR(mask.Measure([&] { return calls.Restrict(logits); }));
    LFM2_RETURN_IF_ERROR(rest.Measure([&] { return go_on(g_tokens[i]); }));
  }
  Print("# ticks: a token ");
  Print(token.mean());
  Print(", a mask ");
  Print(mask.mean());
  Print(", the worst ");
  Print(mask.worst);
  Print(", the rest of the constraint ");
  Print(rest.mean());
  Print(", the worst ");
  Print(rest.worst);
  Print("\n");
  return lfm2::Status();
}

}  // namespace

int Main() {
  lfm2::Status status = OpenModel();
  if (status.ok()) status = OpenCalls();
  char line[256];
  std::string_view command;
  while (status.ok() && ReadLine(line, sizeof(line), &command)) status = Answer(command);
  if (status.ok()) return 0;
  static char message[256];
  Print({message, status.Format(message, sizeof(message))});
  Print("\n");
  return 1;
}
