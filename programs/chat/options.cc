#include "programs/chat/options.h"

#include <CLI/CLI.hpp>
#include <random>

#include "programs/chat/chat_line.h"
#include "programs/console/command_line.h"
#include "programs/open/model_option.h"
#include "programs/options/storage_option.h"
#include "programs/options/thread_options.h"
#include "programs/options/whole_number.h"

namespace lfm2::tools {

namespace {

// What is not given stays unset: the model's publisher recommends values.
CLI::Option* AddSamplerOptions(CLI::App* app, SamplerOptions* sampler) {
  app->add_option("--temperature", sampler->temperature, "Randomness of the choice; 0: always the likeliest token")
      ->type_name("T");
  app->add_option("--top-k", sampler->top_k, "Choose among this many of the likeliest tokens; 0: all")->type_name("N");
  app->add_option("--top-p", sampler->top_p, "Choose among the likeliest tokens with this total probability")
      ->type_name("P");
  app->add_option("--min-p", sampler->min_p,
                  "Choose among tokens with at least this share of the likeliest one's "
                  "probability")
      ->type_name("P");
  app->add_option("--repetition-penalty", sampler->repetition_penalty, "Make repeated tokens less likely; 1: off")
      ->type_name("R");
  return app->add_option("--seed", sampler->seed, "Equal seeds give equal answers; without it, each run has its own")
      ->check(WholeNumber())
      ->type_name("N");
}

}  // namespace

bool ParseChatOptions(int argc, char** argv, ChatOptions* o, int* exit_code) {
  CLI::App app{"Chats with an LFM2 model in a terminal, or answers one prompt."};
  app.footer("Commands while chatting:\n" + ChatHelp());
  AddModelOption(&app, &o->model);
  app.add_option("--prompt", o->prompt, "Answer this and exit")
      ->check([](const std::string& text) { return IsBlank(text) ? "the text is empty" : ""; })
      ->type_name("TEXT");
  app.add_option("--system", o->system, "System text, which the model reads first")->type_name("TEXT");
  app.add_option("--tools", o->tools, "Tools that the model may call, a JSON list")->type_name("FILE.json");
  app.add_option("--session", o->session_file,
                 "Continue the chat in this file, if it exists, and save it there after each answer")
      ->type_name("FILE");
  app.add_option("--max-tokens", o->max_tokens, "Longest answer; 0: as long as the context allows")
      ->capture_default_str()
      ->type_name("N");
  const CLI::Option* const seed = AddSamplerOptions(&app, &o->sampler);
  AddThreadsOption(&app, &o->threads);
  AddPinOption(&app, &o->pinning);
  app.add_option("--context", o->session.context,
                 "Positions for prompts and answers; 0: as many as the model supports, at most 4096")
      ->capture_default_str()
      ->type_name("N");
  AddSessionOptions(&app, &o->session);
  app.add_flag("--stats", o->stats, "Show the memory plan, and the speed of each answer");
  if (!ParseCommandLine(&app, argc, argv, exit_code)) return false;
  const Error sampler = Error::From(Sampler::Check(o->sampler));
  if (!sampler.ok()) {
    *exit_code = RefuseUsage("chat", sampler);
    return false;
  }
  if (seed->count() == 0) o->sampler.seed = std::random_device()();
  return true;
}

}  // namespace lfm2::tools
