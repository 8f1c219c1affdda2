// Users of firmware see a Status as a sentence on the console: it must name the place and the numbers.
#include "lfm2/base/status.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace lfm2::test {
namespace {

std::string Text(const Status& status) {
  char text[256];
  const size_t size = status.Format(text, sizeof(text));
  CHECK(size == std::strlen(text));
  return text;
}

Status FailsInside(bool fail) {
  LFM2_RETURN_IF_ERROR(fail ? Status(StatusCode::kIo, "disk", "is gone") : Status());
  return Status(StatusCode::kContextFull, "prompt", "is longer than the context");
}

}  // namespace

TEST_CASE("every kind of status is one sentence with its place, index and numbers") {
  CHECK(Text(Status()) == "ok");
  CHECK(Text(Status(StatusCode::kCorrupt, "tensor", "is cut")) == "corrupt: tensor is cut");
  CHECK(Text(Status(StatusCode::kUnsupported, "header.version", "is newer", 7)) ==
        "unsupported: header.version is newer: 7");
  CHECK(Text(Status(StatusCode::kCorrupt, "rows", "differ", 512, 7168).At(3)) ==
        "corrupt: rows [3] differ: 512, expected 7168");
  CHECK(Text(Status(StatusCode::kArenaTooSmall, "arena", "is too small", 10, 18446744073709551615u)) ==
        "arena too small: arena is too small: 10, needed 18446744073709551615");
  CHECK(Text(Status(StatusCode::kIo, "file", "cannot be opened; errno", 0)) ==
        "I/O error: file cannot be opened; errno: 0");
  CHECK(Text(Status(StatusCode::kIo, "expert record", "was not read; errno", 5, 8192).At(7)) ==
        "I/O error: expert record [7] was not read; errno: 5, at byte 8192");
  CHECK(Text(Status(StatusCode::kFailedPrecondition, "Session::Prefill", "needs an open session")) ==
        "called at the wrong time: Session::Prefill: needs an open session");
  CHECK(Text(Status(StatusCode::kInvalidArgument, "threads", "are too many", 300, 256)) ==
        "invalid argument: threads are too many: 300, limit 256");
  CHECK(Text(Status(StatusCode::kContextFull, "tokens", "do not fit the context: positions needed", 513, 512)) ==
        "context full: tokens do not fit the context: positions needed: 513, limit 512");
  CHECK(Text(Status(StatusCode::kTimeout, "device", "has not answered; milliseconds", 500)) ==
        "timeout: device has not answered; milliseconds: 500");
  CHECK(Text(Status(StatusCode::kOutputTooSmall, "tokens", "do not fit their memory", 12, 10)) ==
        "output too small: tokens do not fit their memory: 12, room for 10");
  CHECK(Text(Status(StatusCode::kCancelled, "Session::Prefill", "was ended by the caller")) ==
        "cancelled: Session::Prefill was ended by the caller");
  CHECK(Text(Status(StatusCode::kNotFinite, "layer", "computed a value that is not finite").At(7)) ==
        "not finite: layer [7] computed a value that is not finite");
}

TEST_CASE("a buffer that is too small gets the beginning, terminated, and nothing is written beyond it") {
  const std::string sentence = "corrupt: tensor is cut";
  const Status status(StatusCode::kCorrupt, "tensor", "is cut");
  for (size_t capacity = 0; capacity < 30; ++capacity) {
    char text[32];
    std::memset(text, '#', sizeof(text));
    const size_t size = status.Format(text, capacity);
    CHECK(size == (capacity == 0 ? 0 : std::min<size_t>(capacity - 1, sentence.size())));
    if (capacity > 0) CHECK(text == sentence.substr(0, size));
    CHECK(text[capacity] == '#');
  }
}

TEST_CASE("parts can be read by a program, and errors leave a function early") {
  const Status status = Status(StatusCode::kArenaTooSmall, "arena", "is too small", 10, 20).At(5);
  CHECK((!status.ok() && status.value() == 10 && status.limit() == 20 && status.index() == 5));
  CHECK(status.offset() == 0);
  for (const StatusCode code : {StatusCode::kIo, StatusCode::kTimeout}) {
    const Status device(code, "device", "has failed", 5, 8192);
    CHECK((device.value() == 5 && device.offset() == 8192 && device.limit() == 0));
  }
  CHECK((std::string(status.where()) == "arena" && std::string(status.what()) == "is too small"));
  CHECK(FailsInside(true).code() == StatusCode::kIo);
  CHECK(FailsInside(false).code() == StatusCode::kContextFull);
  constexpr Status kMade(StatusCode::kIo, "a", "b");
  static_assert(!kMade.ok() && kMade.index() == Status::kNoIndex, "usable in a constexpr plan");
}

}  // namespace lfm2::test
