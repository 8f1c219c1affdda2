#include "programs/server/options.h"

#include <CLI/CLI.hpp>

#include "programs/console/command_line.h"
#include "programs/open/model_option.h"
#include "programs/options/byte_size.h"
#include "programs/options/storage_option.h"
#include "programs/options/thread_options.h"

namespace lfm2::tools {

bool ParseServerOptions(int argc, char** argv, ServerOptions* o, int* exit_code) {
  CLI::App app{
      "Serves an LFM2 model by the OpenAI API: /v1/chat/completions, /v1/completions, /v1/models, /health, /metrics, "
      "and "
      "a chat page at /. SIGTERM ends it after the answers that are being computed."};
  AddModelOption(&app, &o->model);
  app.add_option("--host", o->host,
                 "Address to listen on; any but a loopback address can be reached from other machines")
      ->capture_default_str()
      ->type_name("ADDRESS");
  app.add_option("--port", o->port, "Port; 0: any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535))
      ->type_name("N");
  app.add_option("--api-key-file", o->api_key_file, "API keys, one per line, of which requests need one")
      ->type_name("FILE");
  app.add_option("--name", o->name, "Name of the model for clients; without it, the one in the image")
      ->type_name("TEXT");
  app.add_option(
         "--sessions", o->sessions,
         "Answers that are computed at the same time, each in its own arena; without it, 4, and 1 with --storage "
         "direct")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  app.add_option("--queue", o->queue, "Requests that may wait for a session; further ones get status 503")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000))
      ->type_name("N");
  app.add_option("--max-tokens", o->max_tokens,
                 "Longest answer, whatever a request specifies; 0: as long as the context allows")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--max-prompts", o->max_prompts, "Prompts in one request to /v1/completions, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000))
      ->type_name("N");
  app.add_option("--max-body", o->max_body, "Size of a request's body, such as 4MB, at most")
      ->capture_default_str()
      ->transform(ByteSizeText())
      ->type_name("BYTES");
  app.add_option("--connections", o->connections, "Connections that are served at the same time; others wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 900))
      ->type_name("N");
  app.add_option(
         "--timeout", o->timeout,
         "Seconds within which a request's body has to arrive, and within which a client has to accept part of a "
         "response")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  app.add_option("--idle-timeout", o->idle_timeout, "Seconds after which an idle connection is closed")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  AddThreadsOption(&app, &o->threads);
  AddPinOption(&app, &o->pinning);
  app.add_option("--context", o->session.context,
                 "Positions of each session, for prompt and answer; 0: as many as the model supports, at most 4096")
      ->capture_default_str()
      ->type_name("N");
  AddSessionOptions(&app, &o->session);
  return ParseCommandLine(&app, argc, argv, exit_code);
}

}  // namespace lfm2::tools
