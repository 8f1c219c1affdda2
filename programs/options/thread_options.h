// The command line options --threads and --pin.
#ifndef LFM2_PROGRAMS_OPTIONS_THREAD_OPTIONS_H_
#define LFM2_PROGRAMS_OPTIONS_THREAD_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>

#include "lfm2/posix/thread_pool.h"

namespace lfm2::tools {

// --threads N, by default *threads.
void AddThreadsOption(CLI::App* app, uint32_t* threads);
// --pin sets *pinning to kCores.
void AddPinOption(CLI::App* app, posix::ThreadPool::Pinning* pinning);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPTIONS_THREAD_OPTIONS_H_
