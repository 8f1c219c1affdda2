// How the library runs tasks in parallel without depending on threads.
#ifndef LFM2_BASE_EXECUTOR_H_
#define LFM2_BASE_EXECUTOR_H_

#include <type_traits>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"

namespace lfm2 {

// Supplied by the caller (posix/thread_pool.h has one; on an RTOS it is a few lines) or left out. Results never depend
// on it: every task writes values that no other task reads or writes. Serves one session at a time unless its
// documentation promises more: a ThreadPool serves several.
struct Executor {
  // The largest number of workers.
  static constexpr uint32_t kMaxWorkers = 1u << 16;

  void* context = nullptr;  // passed to run
  // How many tasks can run at once, including the caller of `run` if it takes part: 1 to kMaxWorkers. Work is divided
  // accordingly.
  uint32_t workers = 1;
  // Calls task(argument, i) once for every i below `tasks`, in any order and on any thread, and returns after all of
  // them. Not null. Called from one thread at a time, never from within a task.
  void (*run)(void* context, uint32_t tasks, void (*task)(void* argument, uint32_t index), void* argument) = nullptr;
};

// executor: null means none. Errors: kInvalidArgument if it has no function, no workers, or more than kMaxWorkers.
constexpr Status CheckExecutor(const Executor* executor) {
  if (executor == nullptr) return Status();
  if (executor->run == nullptr) return Status(StatusCode::kInvalidArgument, "executor.run", "is null");
  if (executor->workers == 0 || executor->workers > Executor::kMaxWorkers) {
    return Status(StatusCode::kInvalidArgument, "executor.workers", "is 0 or too large", executor->workers,
                  Executor::kMaxWorkers);
  }
  return Status();
}

// The two below: executor has passed CheckExecutor.
// Calls f(i) for every i below `tasks`, in order where there is no executor.
template <class F>
void ParallelFor(const Executor* executor, uint32_t tasks, F&& f) {
  if (executor == nullptr || tasks < 2) {
    for (uint32_t i = 0; i < tasks; ++i) f(i);
    return;
  }
  using Function = std::remove_reference_t<F>;
  executor->run(
      executor->context, tasks, [](void* argument, uint32_t index) { (*static_cast<Function*>(argument))(index); }, &f);
}

// Divides [0, count) into a few ranges per worker and calls f(begin, end) for each. Not a template, so that firmware
// has only one copy for all operators.
inline void ParallelRanges(const Executor* executor, uint32_t count,
                           FunctionRef<void(uint32_t begin, uint32_t end)> f) {
  LFM2_ASSERT(CheckExecutor(executor).ok());
  // Four per worker: enough that the others do not wait for a worker that starts late, and few enough to be cheap.
  const uint32_t wanted = executor == nullptr ? 1 : Min(executor->workers, Executor::kMaxWorkers) * 4;
  const uint32_t ranges = wanted < count ? wanted : count;
  ParallelFor(executor, ranges, [&](uint32_t i) {
    f(static_cast<uint32_t>(uint64_t{count} * i / ranges), static_cast<uint32_t>(uint64_t{count} * (i + 1) / ranges));
  });
}

}  // namespace lfm2

#endif  // LFM2_BASE_EXECUTOR_H_
