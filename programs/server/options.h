// The command line of lfm2-server.
#ifndef LFM2_PROGRAMS_SERVER_OPTIONS_H_
#define LFM2_PROGRAMS_SERVER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "lfm2/posix/thread_pool.h"
#include "programs/open/model_file.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

struct ServerOptions {
  ModelArgument model;
  std::string host = "127.0.0.1";
  int port = 8080;                   // 0: any
  std::string api_key_file;          // empty: no keys
  std::string name;                  // of the model for clients; empty: that of the image
  std::optional<uint32_t> sessions;  // unset: 4, or 1 if experts are read
  uint32_t queue = 64;               // requests that may wait
  uint32_t max_tokens = 0;           // of an answer; 0: as many as the context allows
  uint64_t max_body = uint64_t{4} << 20;
  uint32_t max_prompts = 64;  // of one completion request
  uint32_t connections = 512;
  uint32_t timeout = 30;       // seconds for a request to arrive, and for a client to accept part of a response
  uint32_t idle_timeout = 30;  // seconds between two requests of a connection
  posix::ThreadPool::Pinning pinning = posix::ThreadPool::Pinning::kNone;
  uint32_t threads = 0;  // that compute; 0: one for each core
  SessionArguments session;

  uint32_t session_count() const { return sessions.value_or(session.storage == StorageKind::kDirect ? 1 : 4); }
};

// Returns false if the program is to end now with *exit_code.
bool ParseServerOptions(int argc, char** argv, ServerOptions* options, int* exit_code);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_OPTIONS_H_
