// How work is divided: every piece runs once, for any number of workers, and an executor that cannot work is refused.
#include "lfm2/base/executor.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace lfm2::test {
namespace {

void RunInReverse(void* calls, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
  ++*static_cast<int*>(calls);
  while (tasks > 0) task(argument, --tasks);
}

Executor Make(int* calls, uint32_t workers) {
  Executor executor;
  executor.context = calls;
  executor.workers = workers;
  executor.run = &RunInReverse;
  return executor;
}

// How often each of `count` values is in a range, and how many ranges there are.
std::vector<int> Cover(const Executor* executor, uint32_t count, uint32_t* ranges) {
  std::vector<int> seen(count);
  *ranges = 0;
  ParallelRanges(executor, count, [&](uint32_t begin, uint32_t end) {
    ++*ranges;
    for (uint32_t i = begin; i < end; ++i) ++seen[i];
  });
  return seen;
}

}  // namespace

TEST_CASE("an executor without a function, without workers or with too many is refused by name") {
  int calls = 0;
  CHECK(CheckExecutor(nullptr).ok());
  for (const uint32_t workers : {1u, 2u, 256u, Executor::kMaxWorkers}) {
    const Executor good = Make(&calls, workers);
    CHECK(CheckExecutor(&good).ok());
  }
  for (const uint32_t workers : {0u, Executor::kMaxWorkers + 1, 1u << 30, UINT32_MAX}) {
    const Executor bad = Make(&calls, workers);
    const Status status = CheckExecutor(&bad);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(std::string(status.where()) == "executor.workers");
    CHECK(status.value() == workers);
  }
  const Executor empty;
  CHECK(CheckExecutor(&empty).code() == StatusCode::kInvalidArgument);
  CHECK(std::string(CheckExecutor(&empty).where()) == "executor.run");
}

TEST_CASE("ranges cover everything once, four for each worker where there is enough to do") {
  uint32_t ranges = 0;
  for (const uint32_t count : {0u, 1u, 3u, 4u, 5u, 31u, 1000u}) {
    CAPTURE(count);
    CHECK(Cover(nullptr, count, &ranges) == std::vector<int>(count, 1));
    CHECK(ranges == Min(count, 1u));
    for (const uint32_t workers : {1u, 2u, 7u, Executor::kMaxWorkers}) {
      CAPTURE(workers);
      int calls = 0;
      const Executor executor = Make(&calls, workers);
      CHECK(Cover(&executor, count, &ranges) == std::vector<int>(count, 1));
      CHECK(ranges == Min(count, workers * 4));
      CHECK(calls == (count < 2 ? 0 : 1));
    }
  }
}

}  // namespace lfm2::test
