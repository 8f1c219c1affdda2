// lfm2-snapshot: the state of a model after a system text and tools, computed once on a PC, for firmware that starts
// from it.
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/console/command_line.h"
#include "programs/console/console.h"
#include "programs/open/running_model.h"
#include "programs/options/date_option.h"
#include "programs/options/kv_option.h"
#include "programs/options/thread_options.h"
#include "programs/session/session_plan.h"
#include "programs/session/state_file.h"
#include "programs/text/chat_json.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-snapshot";

struct Arguments {
  std::string model;
  std::string out;
  std::string system;
  std::string tools;
  std::string date;
  SessionArguments session;
  uint32_t threads = 0;
};

Error Snapshot(const Arguments& a) {
  if (a.system.empty() && a.tools.empty()) {
    return Error::Of("there is nothing to compute: give --system TEXT, --tools FILE.json, or both");
  }
  RunningModel model;
  LFM2_RETURN_IF_FAILED(model.Open({a.model, false}));
  ChatJson tools;
  LFM2_RETURN_IF_FAILED(tools.ReadToolsFile(a.tools));
  LFM2_RETURN_IF_FAILED(model.Load(a.session));
  posix::ThreadPool pool;
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  Session session;
  Conversation chat;
  const ChatPrompt prompt = tools.Prompt(false);
  ConversationOptions options;
  options.system = a.system;
  options.tools = prompt.tools;
  options.date = a.date;
  LFM2_RETURN_IF_FAILED(Error::From(session.Open(model.image(), model.plan().options, model.arena(), pool.executor())));
  LFM2_RETURN_IF_FAILED(Error::From(chat.Open(&session, options)));
  LFM2_RETURN_IF_FAILED(Error::From(chat.Add(Span<const ChatMessage>())));
  LFM2_RETURN_IF_FAILED(Error::From(chat.Compute()));
  LFM2_RETURN_IF_FAILED(WriteStateFile(a.out, [&](StateSink sink) { return chat.Save(sink); }));
  std::printf("%s: %u tokens, %s; for sessions with %s keys and values\n", a.out.c_str(), session.position(),
              HumanBytes(SavedStateBytes(session.config(), session.options(), session.position())).c_str(),
              NameOf(a.session.kv_cache));
  return Error();
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Computes the state of a model after a system text and tools, so that a program can load it (Conversation::Load) "
      "instead of computing it at every start.");
  Arguments a;
  app.add_option("MODEL", a.model, "Model image (.lfm2)")->required();
  app.add_option("OUT", a.out, "Snapshot to write")->required();
  app.add_option("--system", a.system, "System text, which the model reads first")->type_name("TEXT");
  app.add_option("--tools", a.tools, "Tools that the model may call, a JSON list")->type_name("FILE.json");
  AddDateOption(&app, &a.date);
  app.add_option("--context", a.session.context,
                 "Positions of the session; 0: as many as the model supports, at most 4096")
      ->capture_default_str()
      ->type_name("N");
  AddKvOption(&app, &a.session.kv_cache);
  AddThreadsOption(&app, &a.threads);
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  return Finish(kProgram, Snapshot(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
