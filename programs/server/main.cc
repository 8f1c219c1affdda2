// lfm2-server: the OpenAI API and a chat page for one model.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <thread>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/console/command_line.h"
#include "programs/console/console.h"
#include "programs/server/model_sessions.h"
#include "programs/server/options.h"
#include "programs/server/routes.h"
#include "programs/text/answer_rule.h"

namespace lfm2::tools {
namespace {

constexpr timespec kTick = {0, 50000000};  // 50 ms

// The signals that end the server. Blocked before there are other threads, so that only this one gets them.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// httplib waits for sockets by select(), which cannot handle larger descriptors.
void LimitFiles() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(FD_SETSIZE, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.compare(0, 4, "127.") == 0;
}

class ServerProgram {
 public:
  explicit ServerProgram(const ServerOptions& options) : options_(options) {}

  Error Run() {
    const sigset_t signals = BlockStopSignals();
    LimitFiles();
    if (!options_.api_key_file.empty()) LFM2_RETURN_IF_FAILED(service_.keys.Read(options_.api_key_file));
    LFM2_RETURN_IF_FAILED(sessions_.Open(options_.model));
    HttpServer server(Limits(), options_.connections);
    int port = options_.port;
    LFM2_RETURN_IF_FAILED(server.Bind(options_.host, &port));
    LFM2_RETURN_IF_FAILED(OpenSessions());
    Engine engine(sessions_.sequences(), options_.queue, &service_.metrics);
    FillService(&engine);
    AddRoutes(&server, &service_);
    std::thread listener([&server] { server.Run(); });
    const bool is_v6 = options_.host.find(':') != std::string::npos;
    std::printf(is_v6 ? "http://[%s]:%d\n" : "http://%s:%d\n", options_.host.c_str(), port);
    std::fflush(stdout);
    WaitForStop(signals, &server);
    engine.Stop();
    server.Stop();
    listener.join();
    return Error();
  }

 private:
  HttpLimits Limits() const {
    HttpLimits limits;
    limits.body_bytes = static_cast<size_t>(options_.max_body);
    limits.body_time = limits.write_time = std::chrono::seconds(options_.timeout);
    limits.header_time = std::min(limits.header_time, limits.body_time);
    limits.idle_time = std::chrono::seconds(options_.idle_timeout);
    return limits;
  }

  Error OpenSessions() {
    const uint32_t count = options_.session_count();
    const auto show = [&](const SessionPlan& plan) {
      const uint64_t marks = Sequence::MarksBytes(sessions_.image().config());
      std::fprintf(stderr, "%s%u sessions: %s of arenas, and %s of marks\n", PlanTable(plan).c_str(), count,
                   HumanBytes(plan.plan.total_bytes * count).c_str(), HumanBytes(marks * count).c_str());
    };
    LFM2_RETURN_IF_FAILED(Error::From(pool_.Open(options_.threads, options_.pinning)));
    LFM2_RETURN_IF_FAILED(sessions_.Load(options_.model, options_.session, count, show, pool_.executor()));
    return trie_.Open(sessions_.image());
  }

  void FillService(Engine* engine) {
    service_.model_name = options_.name.empty() ? sessions_.file().name() : options_.name;
    service_.created = static_cast<int64_t>(std::time(nullptr));
    service_.vocab = &sessions_.image().vocab();
    service_.trie = &trie_.trie();
    service_.context_length = sessions_.plan().options.context_length;
    service_.max_tokens = options_.max_tokens == 0 ? service_.context_length : options_.max_tokens;
    service_.max_prompts = options_.max_prompts;
    service_.checks_host = IsLoopback(options_.host);
    service_.metrics.arena_bytes = sessions_.arena_bytes();
    service_.engine = engine;
  }

  // Returns when a signal has come and the answers that were being computed are finished, or at a second signal.
  static void WaitForStop(const sigset_t& signals, HttpServer* server) {
    while (::sigtimedwait(&signals, nullptr, &kTick) < 0 && !server->has_ended()) {
    }
    server->Drain();
    std::fprintf(stderr, "lfm2-server: finishing the current answers; a second signal ends it at once\n");
    while (server->busy() > 0 && ::sigtimedwait(&signals, nullptr, &kTick) < 0) {
    }
  }

  const ServerOptions& options_;
  posix::ThreadPool pool_;
  ModelSessions sessions_;
  TokenTrieMemory trie_;
  Service service_;
};

}  // namespace
}  // namespace lfm2::tools

int main(int argc, char** argv) {
  lfm2::tools::ServerOptions options;
  int exit_code = 0;
  if (!lfm2::tools::ParseServerOptions(argc, argv, &options, &exit_code)) return exit_code;
  lfm2::tools::ServerProgram program(options);
  return lfm2::tools::Finish("lfm2-server", program.Run());
}
