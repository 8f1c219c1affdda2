#include "programs/options/thread_options.h"

namespace lfm2::tools {

void AddThreadsOption(CLI::App* app, uint32_t* threads) {
  app->add_option("--threads", *threads, "Threads that compute; 0: one for each core that the process may use")
      ->check(CLI::Range(0u, posix::ThreadPool::kMaxThreads))
      ->capture_default_str()
      ->type_name("N");
}

void AddPinOption(CLI::App* app, posix::ThreadPool::Pinning* pinning) {
  app->add_flag_callback(
      "--pin", [pinning] { *pinning = posix::ThreadPool::Pinning::kCores; }, "Keep each thread on its own core");
}

}  // namespace lfm2::tools
