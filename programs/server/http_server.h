// httplib's server with the connections of http_connection.h.
#ifndef LFM2_PROGRAMS_SERVER_HTTP_SERVER_H_
#define LFM2_PROGRAMS_SERVER_HTTP_SERVER_H_

#include <httplib.h>

#include <atomic>
#include <string>

#include "programs/base/error.h"
#include "programs/server/http_connection.h"

namespace lfm2::tools {

class HttpServer final : public httplib::Server {
 public:
  HttpServer(const HttpLimits& limits, uint32_t connections);

  // *port: 0 for any; set to the one that is used.
  Error Bind(const std::string& host, int* port);
  // Accepts connections until Stop.
  void Run() {
    listen_after_bind();
    has_ended_ = true;
  }
  // Whether Run has returned.
  bool has_ended() const { return has_ended_; }
  // Closes idle connections; every further response is the last of its connection.
  void Drain() { drains_ = true; }
  bool drains() const { return drains_; }
  // Number of requests that are being read or answered.
  uint32_t busy() const { return busy_; }
  void Stop() { stop(); }

  const HttpLimits& limits() const { return limits_; }

 private:
  bool process_and_close_socket(socket_t socket) override;

  const HttpLimits limits_;
  std::atomic<bool> drains_{false}, has_ended_{false};
  std::atomic<uint32_t> busy_{0};
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_HTTP_SERVER_H_
