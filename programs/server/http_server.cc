#include "programs/server/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "programs/server/http_threads.h"

namespace lfm2::tools {

namespace {

constexpr int kBacklog = 1024;

using SetUp = std::function<void(httplib::Request&)>;

// Passes one request to the library, by the signature of this version.
template <class Server>
bool Process(Server* server, bool (httplib::Server::*process)(httplib::Stream&, bool, bool&, const SetUp&),
             httplib::Stream& stream, bool is_last, bool& is_closed) {
  return (server->*process)(stream, is_last, is_closed, nullptr);
}
template <class Server>
bool Process(Server* server,
             bool (httplib::Server::*process)(httplib::Stream&, const std::string&, int, const std::string&, int, bool,
                                              bool&, const SetUp&),
             httplib::Stream& stream, bool is_last, bool& is_closed) {
  return (server->*process)(stream, "", 0, "", 0, is_last, is_closed, nullptr);
}

}  // namespace

HttpServer::HttpServer(const HttpLimits& limits, uint32_t connections) : limits_(limits) {
  new_task_queue = [connections] { return new HttpThreads(connections); };
  // For the announced length. The length that arrives is counted while the body is read.
  set_payload_max_length(limits.body_bytes);
  // The library's default would let a second server listen on the same port.
  set_socket_options([](socket_t socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  });
  set_keep_alive_max_count(limits.requests);
  set_keep_alive_timeout(limits.idle_time.count());
}

Error HttpServer::Bind(const std::string& host, int* port) {
  const int bound = *port == 0 ? bind_to_any_port(host) : bind_to_port(host, *port) ? *port : -1;
  if (bound < 0)
    return Error::Of("cannot listen on ", host, ":", *port,
                     ": already in use, or not an address of this machine (choose another --host or --port)");
  *port = bound;
  // The library allows five pending connections.
  ::listen(svr_sock_, kBacklog);
  return Error();
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  HttpConnection connection(socket, limits_);
  uint32_t requests = 0;
  bool is_ok = true;
  while (connection.WaitForRequest([this] { return drains(); })) {
    ++busy_;
    bool is_closed = false;
    const bool is_last = ++requests == limits_.requests || drains();
    is_ok = Process(this, &HttpServer::process_request, connection, is_last, is_closed);
    --busy_;
    if (!is_ok || is_last || is_closed || connection.closes()) break;
  }
  return is_ok;
}

}  // namespace lfm2::tools
