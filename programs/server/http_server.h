// httplib's server, with connections of our own.
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

  // *port: 0 for any, and then the one that was taken.
  Error Bind(const std::string& host, int* port);
  // Takes connections until Stop.
  void Run() {
    listen_after_bind();
    has_ended_ = true;
  }
  // Whether that is over.
  bool has_ended() const { return has_ended_; }
  // From now on the connections that are idle end, and every response is its connection's last.
  void Drain() { drains_ = true; }
  bool drains() const { return drains_; }
  // Requests that are being read or answered.
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
