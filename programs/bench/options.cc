#include "programs/bench/options.h"

#include <CLI/CLI.hpp>

#include "lfm2/format/model_config.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/console/command_line.h"
#include "programs/open/model_option.h"
#include "programs/options/storage_option.h"

namespace lfm2::tools {

namespace {

CLI::Option* AddList(CLI::App* app, const char* flags, std::vector<uint32_t>* list, const char* what, uint32_t high) {
  // Without allow_extra_args(false) a list option would also consume the model that follows it.
  return app->add_option(flags, *list, what)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0u, high))
      ->capture_default_str()
      ->type_name("N[,N]");
}

}  // namespace

bool ParseBenchOptions(int argc, char** argv, BenchOptions* o, int* exit_code) {
  CLI::App app{
      "Measures prefill (pp), decode (tg), load time and memory of a model image, each test with the limit of this\n"
      "machine measured in the same run: reading the bytes that a token needs, or multiplying 8-bit integers.\n"
      "Every combination of -d, -t and a -p or -n is one test."};
  AddModelOption(&app, &o->model);
  AddList(&app, "-p,--n-prompt", &o->prompts, "Tokens of a prefill test; 0: none", kMaxContextLength);
  AddList(&app, "-n,--n-gen", &o->generations, "Tokens of a decode test; 0: none", kMaxContextLength);
  AddList(&app, "-d,--n-depth", &o->depths, "Positions filled before a test, not timed", kMaxContextLength);
  AddList(&app, "-t,--threads", &o->threads, "Threads; 0: one for each processor", posix::ThreadPool::kMaxThreads);
  app.add_flag_callback(
      "--pin", [o] { o->pinning = posix::ThreadPool::Pinning::kCores; }, "Keep each thread on a core of its own");
  app.add_option("-r,--repetitions", o->repetitions, "How often each test is repeated")
      ->check(CLI::Range(1u, 10000u))
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--chunk", o->session.chunk, "Tokens that prefill computes at a time (llama-bench's -ub)")
      ->check(CLI::Range(1u, kMaxContextLength))
      ->capture_default_str()
      ->type_name("N");
  CLI::Option* draft = AddSessionOptions(&app, &o->session);
  app.add_option("--repeat", o->repeat,
                 "With --draft, decode tests use a repetitive text, with guesses and without in turns: the "
                 "share of its tokens that repeat an earlier part")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->needs(draft)
      ->type_name("SHARE");
  app.add_flag("--no-warmup", o->no_warmup, "Time the first run of each test too");
  CLI::Option* record = app.add_option("--record-trace", o->record_trace,
                                       "Record which experts the timed runs choose, for lfm2-cache-sim")
                            ->type_name("FILE")
                            ->excludes(draft);
  app.add_option("--ttft", o->first_token, "Instead of the tests: time from the program's start to the first token")
      ->check(CLI::Range(1u, kMaxContextLength - 1))
      ->excludes(record)
      ->excludes(draft)
      ->type_name("N");
  app.add_flag("--json", o->json, "A JSON list with llama-bench's field names");
  return ParseCommandLine(&app, argc, argv, exit_code);
}

}  // namespace lfm2::tools
