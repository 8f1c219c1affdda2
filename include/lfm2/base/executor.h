// How the library hands out work that may run at the same time, without knowing of threads.
#ifndef LFM2_BASE_EXECUTOR_H_
#define LFM2_BASE_EXECUTOR_H_

#include <type_traits>

#include "lfm2/base/config.h"

namespace lfm2 {

// Supplied by the caller (posix/thread_pool.h has one; an RTOS brings its own) or left out. Results never depend on
// it: every task writes values that no other task reads or writes.
struct Executor {
  void* context = nullptr;
  // How many tasks can run at once; work is cut accordingly.
  uint32_t workers = 1;
  // Calls task(argument, i) once for every i below `tasks`, in any order and on any thread, and returns when all are
  // done. Called from one thread at a time, never from within a task.
  void (*run)(void* context, uint32_t tasks, void (*task)(void* argument, uint32_t index), void* argument) = nullptr;
};

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

// Cuts [0, count) into a few ranges for each worker and calls f(begin, end) for each.
template <class F>
void ParallelRanges(const Executor* executor, uint32_t count, F&& f) {
  // Four a worker: enough that a worker which starts late does not hold up the others, few enough to stay cheap.
  const uint32_t wanted = executor == nullptr ? 1 : executor->workers * 4;
  const uint32_t ranges = wanted < count ? wanted : count;
  ParallelFor(executor, ranges, [&](uint32_t i) {
    f(static_cast<uint32_t>(uint64_t{count} * i / ranges), static_cast<uint32_t>(uint64_t{count} * (i + 1) / ranges));
  });
}

}  // namespace lfm2

#endif  // LFM2_BASE_EXECUTOR_H_
