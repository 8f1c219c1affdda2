#include "programs/chat/options.h"

#include <CLI/CLI.hpp>
#include <random>

#include "programs/console/console.h"
#include "programs/open/model_option.h"
#include "programs/options/kv_option.h"
#include "programs/options/storage_option.h"

namespace lfm2::tools {

bool ParseChatOptions(int argc, char** argv, ChatOptions* o, int* exit_code) {
  CLI::App app{
      "Chats with an LFM2 model, from one arena of fixed size.\n"
      "Commands while chatting: /tool TEXT answers a tool call, /reset forgets the chat, /quit ends it."};
  AddModelOption(&app, &o->model);
  app.add_option("--prompt", o->prompt, "Answer this and end")->type_name("TEXT");
  app.add_option("--system", o->system, "What the model is told first")->type_name("TEXT");
  app.add_option("--tools", o->tools, "Tools the model may call: a JSON list")->type_name("FILE.json");
  app.add_option("--session", o->session_file,
                 "Goes on with the chat in this file, and keeps it there after each answer; a new file begins one")
      ->type_name("FILE");
  app.add_option("--max-tokens", o->max_tokens, "Longest answer")->capture_default_str()->type_name("N");
  // What is not given stays unset: as the model's publisher recommends.
  app.add_option("--temperature", o->sampler.temperature, "0: always the likeliest token")->type_name("T");
  app.add_option("--top-k", o->sampler.top_k, "Choose among this many tokens; 0: all")->type_name("N");
  app.add_option("--top-p", o->sampler.top_p, "Choose among the likeliest that have this probability together")
      ->type_name("P");
  app.add_option("--min-p", o->sampler.min_p, "Choose among those this likely, compared with the likeliest")
      ->type_name("P");
  app.add_option("--repetition-penalty", o->sampler.repetition_penalty, "1: none")->type_name("R");
  CLI::Option* seed = app.add_option("--seed", o->sampler.seed, "Equal seeds give equal answers; default: by chance");
  seed->type_name("N");
  app.add_option("--threads", o->threads, "0: one for each core that may be used")
      ->capture_default_str()
      ->type_name("N");
  app.add_flag_callback(
      "--pin", [o] { o->pinning = posix::ThreadPool::Pinning::kCores; }, "Keep each thread on a core of its own");
  app.add_option("--context", o->session.context, "Positions for prompts and answers; 0: the model's, at most 4096")
      ->capture_default_str()
      ->type_name("N");
  AddKvOption(&app, &o->session.kv_cache);
  AddStorageOptions(&app, &o->session);
  AddStreamingOptions(&app, &o->session);
  AddDraftOption(&app, &o->session);
  app.add_flag("--stats", o->stats, "Show the plan of the arena, and tokens/s behind each answer");
  if (!ParseCommandLine(&app, argc, argv, exit_code)) return false;
  if (seed->count() == 0) o->sampler.seed = std::random_device()();
  return true;
}

}  // namespace lfm2::tools
