// A thread pool runs every task once, on the requested number of threads, sleeps between runs, and reports why it
// cannot open.
#include "lfm2/posix/thread_pool.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/posix/system_faults.h"

namespace lfm2::test {
namespace {

using posix::ThreadPool;

void SleepMilliseconds(long n) {
  const timespec time{n / 1000, n % 1000 * 1000000};
  ::nanosleep(&time, nullptr);
}

// Whether is_true() returns true within ten seconds: long enough to fail only if it never would.
template <class F>
bool Eventually(const F& is_true) {
  for (int i = 0; i < 10000; ++i) {
    if (is_true()) return true;
    SleepMilliseconds(1);
  }
  return false;
}

// Runs `tasks` tasks and counts how often each one was called; plain integers, as a kernel's results are.
bool EachOnce(const Executor* executor, uint32_t tasks, std::vector<int>* counts) {
  counts->assign(tasks, 0);
  executor->run(
      executor->context, tasks, [](void* argument, uint32_t i) { ++(*static_cast<std::vector<int>*>(argument))[i]; },
      counts);
  for (const int n : *counts) {
    if (n != 1) return false;
  }
  return true;
}

#if defined(__linux__)
// The threads created after this: a pool's, not those of a sanitizer or an emulator.
class NewThreads {
 public:
  NewThreads() {
    for (const auto& entry : std::filesystem::directory_iterator(kTasks)) old_.insert(entry.path());
  }
  // A letter for each: R runs, S sleeps.
  std::string states() const {
    std::string states;
    for (const auto& entry : std::filesystem::directory_iterator(kTasks)) {
      if (old_.count(entry.path()) > 0) continue;
      std::ifstream file(entry.path() / "stat");
      std::stringstream text;
      text << file.rdbuf();
      const size_t name_end = text.str().rfind(')');
      if (name_end != std::string::npos) states += text.str()[name_end + 2];
    }
    return states;
  }

 private:
  static constexpr const char* kTasks = "/proc/self/task";
  std::set<std::filesystem::path> old_;
};
#endif

}  // namespace

TEST_CASE("every task runs once, for every number of tasks and threads, run after run") {
  std::vector<int> counts;
  for (const uint32_t threads : {1u, 2u, 3u, 8u}) {
    CAPTURE(threads);
    ThreadPool pool;
    REQUIRE(pool.Open(threads).ok());
    REQUIRE(pool.executor() != nullptr);
    CHECK(pool.executor()->workers == threads);
    bool all = true;
    for (uint32_t tasks = 0; tasks < 40; ++tasks) all = EachOnce(pool.executor(), tasks, &counts) && all;
    for (int run = 0; run < 2000; ++run) all = EachOnce(pool.executor(), 7, &counts) && all;
    all = EachOnce(pool.executor(), 20000, &counts) && all;
    CHECK(all);
  }
}

TEST_CASE("writes of tasks are visible when a run returns, and to the next run's tasks") {
  ThreadPool pool;
  REQUIRE(pool.Open(4).ok());
  // Each run's task i reads what the last run's task i + 1 wrote, on whatever thread that was.
  constexpr uint32_t kTasks = 16, kRuns = 3000;
  std::vector<uint32_t> now(kTasks), next(kTasks);
  for (uint32_t run = 0; run < kRuns; ++run) {
    ParallelFor(pool.executor(), kTasks, [&](uint32_t i) { next[i] = now[(i + 1) % kTasks] + 1; });
    now.swap(next);
  }
  for (const uint32_t n : now) CHECK(n == kRuns);
}

TEST_CASE("as many tasks run at the same time as there are threads, including the caller's") {
  for (const uint32_t threads : {2u, 5u}) {
    CAPTURE(threads);
    ThreadPool pool;
    REQUIRE(pool.Open(threads).ok());
    // Each task waits until all have started: with too few threads they would wait in vain.
    std::atomic<uint32_t> started{0};
    std::vector<int> met(threads), on_caller(threads);
    const pthread_t caller = ::pthread_self();
    ParallelFor(pool.executor(), threads, [&](uint32_t i) {
      started.fetch_add(1);
      met[i] = Eventually([&] { return started.load() == threads; });
      on_caller[i] = ::pthread_equal(caller, ::pthread_self());
    });
    uint32_t meetings = 0, callers = 0;
    for (uint32_t i = 0; i < threads; ++i) {
      meetings += met[i] != 0 ? 1 : 0;
      callers += on_caller[i] != 0 ? 1 : 0;
    }
    CHECK(meetings == threads);
    CHECK(callers == 1);
  }
}

TEST_CASE("tasks of very different length: a run waits for the longest, wherever it runs") {
  ThreadPool pool;
  REQUIRE(pool.Open(3).ok());
  for (const uint32_t longest : {0u, 1u, 5u}) {
    int done[6] = {};
    ParallelFor(pool.executor(), 6, [&](uint32_t i) {
      if (i == longest) SleepMilliseconds(20);
      done[i] = 1;
    });
    for (const int d : done) CHECK(d == 1);
  }
}

TEST_CASE("while one caller has the threads, another computes alone; after both, the threads are available again") {
  ThreadPool pool;
  REQUIRE(pool.Open(3).ok());
  std::atomic<bool> started{false}, second_done{false};
  // The first run ends only when the second one has.
  std::thread first([&] {
    ParallelFor(pool.executor(), 2, [&](uint32_t) {
      started = true;
      Eventually([&] { return second_done.load(); });
    });
  });
  CHECK(Eventually([&] { return started.load(); }));
  const pthread_t caller = ::pthread_self();
  uint32_t done[100] = {}, elsewhere = 0;
  ParallelFor(pool.executor(), 100, [&](uint32_t i) {
    ++done[i];
    elsewhere += ::pthread_equal(caller, ::pthread_self()) ? 0 : 1;
  });
  CHECK(!second_done.exchange(true));
  first.join();
  CHECK(elsewhere == 0);
  for (const uint32_t n : done) CHECK(n == 1);
  std::atomic<uint32_t> met{0};
  ParallelFor(pool.executor(), 3, [&](uint32_t) {
    met.fetch_add(1);
    Eventually([&] { return met.load() == 3; });
  });
  CHECK(met == 3);
}

TEST_CASE("many callers at the same time, and tasks that run tasks: each task runs once") {
  ThreadPool pool;
  REQUIRE(pool.Open(3).ok());
  constexpr int kCallers = 4;
  bool all[kCallers] = {};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&pool, ok = &all[caller]] {
      std::vector<int> counts;
      *ok = true;
      for (int run = 0; run < 500; ++run) *ok = EachOnce(pool.executor(), 20, &counts) && *ok;
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const bool ok : all) CHECK(ok);

  int nested[8][8] = {};
  ParallelFor(pool.executor(), 8,
              [&](uint32_t i) { ParallelFor(pool.executor(), 8, [&nested, i](uint32_t j) { ++nested[i][j]; }); });
  for (const auto& row : nested) {
    for (const int n : row) CHECK(n == 1);
  }
}

#if defined(__linux__)
TEST_CASE("pinned threads stay on one core each, and the caller may still run on any core") {
  cpu_set_t before, after;
  REQUIRE(::sched_getaffinity(0, sizeof(before), &before) == 0);
  for (const uint32_t threads : {1u, 2u, 5u}) {
    CAPTURE(threads);
    ThreadPool pool;
    REQUIRE(pool.Open(threads, ThreadPool::Pinning::kCores).ok());
    std::atomic<uint32_t> started{0};
    std::vector<cpu_set_t> where(threads);
    std::vector<int> on_caller(threads);
    const pthread_t caller = ::pthread_self();
    ParallelFor(pool.executor(), threads, [&](uint32_t i) {
      started.fetch_add(1);
      Eventually([&] { return started.load() == threads; });
      on_caller[i] = ::pthread_equal(caller, ::pthread_self());
      ::sched_getaffinity(0, sizeof(where[i]), &where[i]);
    });
    for (uint32_t i = 0; i < threads; ++i) {
      if (on_caller[i] != 0) continue;
      CHECK(CPU_COUNT(&where[i]) == 1);
      cpu_set_t usable;
      CPU_AND(&usable, &where[i], &before);
      CHECK(CPU_COUNT(&usable) == 1);
    }
    REQUIRE(::sched_getaffinity(0, sizeof(after), &after) == 0);
    CHECK(CPU_EQUAL(&before, &after));
  }
}

TEST_CASE("between runs the threads sleep, and they wake again") {
  const NewThreads threads;
  ThreadPool pool;
  REQUIRE(pool.Open(4).ok());
  const std::string asleep(3, 'S');
  std::vector<int> counts;
  for (int round = 0; round < 3; ++round) {
    CHECK(Eventually([&] { return threads.states() == asleep; }));
    CHECK(EachOnce(pool.executor(), 100, &counts));
  }
  pool.Close();
  CHECK(Eventually([&] { return threads.states().empty(); }));
}
#endif

TEST_CASE("0 threads means one for every core that the process may use") {
  ThreadPool pool;
  REQUIRE(pool.Open(0).ok());
  CHECK(pool.executor()->workers == Min(posix::UsableCores(), ThreadPool::kMaxThreads));
  CHECK(posix::UsableCores() >= 1);
  CHECK(posix::UsableCores() <= static_cast<uint32_t>(::sysconf(_SC_NPROCESSORS_CONF)));
}

TEST_CASE("opening, closing and opening again; wrong calls are refused and change nothing") {
  ThreadPool pool;
  CHECK(!pool.is_open());
  CHECK(pool.executor() == nullptr);
  pool.Close();
  const Status too_many = pool.Open(ThreadPool::kMaxThreads + 1);
  CHECK(too_many.code() == StatusCode::kInvalidArgument);
  CHECK((too_many.value() == ThreadPool::kMaxThreads + 1 && too_many.limit() == ThreadPool::kMaxThreads));
  CHECK(!pool.is_open());
  std::vector<int> counts;
  for (const uint32_t threads : {3u, 2u}) {
    REQUIRE(pool.Open(threads).ok());
    CHECK(pool.Open(2).code() == StatusCode::kFailedPrecondition);
    CHECK(pool.executor()->workers == threads);
    CHECK(EachOnce(pool.executor(), 50, &counts));
    pool.Close();
    pool.Close();
    CHECK(!pool.is_open());
    CHECK(pool.executor() == nullptr);
  }
}

TEST_CASE("a signal to the process is handled by one of the program's own threads") {
  static std::atomic<int> handled_by_caller;
  static pthread_t caller;
  handled_by_caller = -1;
  caller = ::pthread_self();
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) { handled_by_caller = ::pthread_equal(caller, ::pthread_self()) != 0 ? 1 : 0; };
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  ThreadPool pool;
  REQUIRE(pool.Open(4).ok());
  // While this thread blocks the signal, no thread handles it.
  sigset_t usr1, mask;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &usr1, &mask) == 0);
  REQUIRE(::kill(::getpid(), SIGUSR1) == 0);
  SleepMilliseconds(20);
  CHECK(handled_by_caller == -1);
  REQUIRE(::pthread_sigmask(SIG_SETMASK, &mask, nullptr) == 0);
  CHECK(Eventually([] { return handled_by_caller != -1; }));
  CHECK(handled_by_caller == 1);
  ::sigaction(SIGUSR1, &before, nullptr);
}

// Sanitizers reserve more address space than the limit leaves.
#if defined(__linux__) && !defined(LFM2_TEST_SANITIZER)
namespace {

enum ChildResult { kPassed, kNoLimit, kWrongStatus, kLeftOpen, kNotUsable };

// Runs in a separate process, which has address space for the stacks of a few threads.
ChildResult OpenWithoutMemory() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before = {};
  if (pages == 0 || ::getrlimit(RLIMIT_AS, &before) != 0) return kNoLimit;
  pthread_attr_t attributes;
  size_t stack_bytes = 0;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_getstacksize(&attributes, &stack_bytes);
  rlimit limit = before;
  limit.rlim_cur = pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) + 3 * stack_bytes + stack_bytes / 2;
  if (::setrlimit(RLIMIT_AS, &limit) != 0) return kNoLimit;
  // An emulator may accept the limit and not apply it.
  void* const room = ::mmap(nullptr, 8 * stack_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room != MAP_FAILED) return kNoLimit;
  const NewThreads threads;
  ThreadPool pool;
  const Status status = pool.Open(16);
  if (status.code() != StatusCode::kIo || (status.value() != EAGAIN && status.value() != ENOMEM)) return kWrongStatus;
  if (pool.is_open() || pool.executor() != nullptr) return kLeftOpen;
  if (!Eventually([&] { return threads.states().empty(); })) return kLeftOpen;
  std::vector<int> counts;
  const bool usable =
      ::setrlimit(RLIMIT_AS, &before) == 0 && pool.Open(16).ok() && EachOnce(pool.executor(), 100, &counts);
  return usable ? kPassed : kNotUsable;
}

}  // namespace

TEST_CASE("if the system creates only some of the threads, Open reports it, ends them and can be tried again") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(OpenWithoutMemory());
  int result = 0;
  REQUIRE(::waitpid(child, &result, 0) == child);
  REQUIRE(WIFEXITED(result));
  if (WEXITSTATUS(result) == kNoLimit) {
    MESSAGE("skipped: the address space cannot be limited here");
  } else {
    CHECK(WEXITSTATUS(result) == kPassed);
  }
}
#endif

}  // namespace lfm2::test
