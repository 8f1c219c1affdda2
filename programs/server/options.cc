#include "programs/server/options.h"

#include <CLI/CLI.hpp>

#include "programs/console/console.h"
#include "programs/open/model_option.h"
#include "programs/options/byte_size.h"
#include "programs/options/kv_option.h"
#include "programs/options/storage_option.h"

namespace lfm2::tools {

bool ParseServerOptions(int argc, char** argv, ServerOptions* o, int* exit_code) {
  CLI::App app{
      "Answers the OpenAI API with an LFM2 model, from arenas of fixed size: /v1/chat/completions, /v1/completions,\n"
      "/v1/models, /health, /metrics, and a page for chats at /. SIGTERM finishes what runs."};
  AddModelOption(&app, &o->model);
  app.add_option("--host", o->host, "Address to listen on; others than this machine's own can be reached from outside")
      ->capture_default_str()
      ->type_name("ADDRESS");
  app.add_option("--port", o->port, "0: any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  app.add_option("--api-key-file", o->api_key_file, "Keys, one a line: requests need one of them")->type_name("FILE");
  app.add_option("--name", o->name, "What clients are told that the model is called; default: the image's name")
      ->type_name("TEXT");
  app.add_option("--sessions", o->sessions,
                 "Answers that are computed at the same time, each in an arena of its own; default: 4, with --storage "
                 "direct 1")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  app.add_option("--queue", o->queue, "Requests that may wait for a session; more are answered with 503")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000))
      ->type_name("N");
  app.add_option("--max-tokens", o->max_tokens,
                 "Longest answer, whatever a request asks for; 0: what the context holds")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--max-prompts", o->max_prompts, "Prompts of one request to /v1/completions")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000))
      ->type_name("N");
  app.add_option("--max-body", o->max_body, "Bytes of a request's body, such as 4MB")
      ->capture_default_str()
      ->transform(ByteSizeText())
      ->type_name("BYTES");
  app.add_option("--connections", o->connections, "Clients that are served at the same time; others wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 900))
      ->type_name("N");
  app.add_option("--timeout", o->timeout,
                 "Seconds in which the body of a request has to come, and in which a client takes some of a response")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  app.add_option("--idle-timeout", o->idle_timeout, "Seconds that a connection may be without a request")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  app.add_option("--threads", o->threads, "That compute; 0: one for each core that may be used")
      ->capture_default_str()
      ->type_name("N");
  app.add_flag_callback(
      "--pin", [o] { o->pinning = posix::ThreadPool::Pinning::kCores; }, "Keep each thread on a core of its own");
  app.add_option("--context", o->session.context,
                 "Positions of each session, for prompt and answer; 0: the model's, at most 4096")
      ->capture_default_str()
      ->type_name("N");
  AddKvOption(&app, &o->session.kv_cache);
  AddStorageOptions(&app, &o->session);
  AddStreamingOptions(&app, &o->session);
  AddDraftOption(&app, &o->session);
  return ParseCommandLine(&app, argc, argv, exit_code);
}

}  // namespace lfm2::tools
