// Sessions whose experts are read from a simulated drive, with an arena of just the planned size.
#ifndef LFM2_TESTS_RUNTIME_STREAMED_SESSION_H_
#define LFM2_TESTS_RUNTIME_STREAMED_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "lfm2.h"
#include "tests/model/streamed_image.h"
#include "tests/runtime/golden_models.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {

inline SessionOptions OptionsWithChunk(uint32_t chunk = 128) {
  SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = chunk;
  return options;
}

inline Plan StreamedPlan(const Image& resident, const SessionOptions& options) {
  return MakePlan(resident.config(), options, StreamShapeOf(resident, true));
}

// The arena that gives a session so many expert slots.
inline uint64_t ArenaFor(const Image& resident, SessionOptions options, uint32_t slots) {
  options.arena_bytes = UINT64_MAX;
  const Plan most = StreamedPlan(resident, options);
  return most.total_bytes - most.slots.bytes + slots * LeastSlotBytes(resident.config(), StreamShapeOf(resident, true));
}

// Open, or the test has failed.
struct StreamedSession {
  StreamedSession(const Image& resident, const SimulatedDeviceOptions& drive, const SessionOptions& options,
                  const Executor* executor = nullptr)
      : streamed(resident, drive, StreamedPlan(resident, options).total_bytes), session(std::make_unique<Session>()) {
    LFM2_REQUIRE_OK(streamed.opened);
    front_bytes = streamed.watched.bytes();
    LFM2_REQUIRE_OK(session->Open(streamed.image, options, streamed.rest, executor));
  }
  StreamedImage streamed;
  std::unique_ptr<Session> session;
  uint64_t front_bytes = 0;  // read until the image was open
};

// A text of the models that the repository ships.
inline std::vector<int32_t> TestPrompt(size_t tokens) {
  static const std::vector<int32_t> ids =
      ReadJsonFile(std::string(LFM2_TEST_DATA) + "/golden/home-Q4_0.json")["long_prompt"];
  return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(tokens)};
}

inline std::vector<float> Logits(const Session& session) { return {session.logits().begin(), session.logits().end()}; }

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_STREAMED_SESSION_H_
