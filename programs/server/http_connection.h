// A connection: a stream for httplib, with limits on the size and time of requests.
#ifndef LFM2_PROGRAMS_SERVER_HTTP_CONNECTION_H_
#define LFM2_PROGRAMS_SERVER_HTTP_CONNECTION_H_

#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace lfm2::tools {

struct HttpLimits {
  size_t header_bytes = size_t{32} << 10;  // of the request line and all headers
  size_t body_bytes = size_t{4} << 20;
  std::chrono::seconds header_time{10};  // from a request's first byte to the end of its headers
  std::chrono::seconds body_time{30};    // from there to the end of its body
  std::chrono::seconds write_time{30};   // for a client to accept at least a byte of the response
  std::chrono::seconds idle_time{30};    // between two requests
  uint32_t requests = 1000;              // per connection
};

// Has the virtual functions of all versions of httplib, without `override`, because older versions lack some.
class HttpConnection final : public httplib::Stream {
 public:
  // The connection that this thread serves.
  static HttpConnection* Current();

  HttpConnection(socket_t socket, const HttpLimits& limits);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  // Closes the socket. Reads what the client still sends for a moment, so that it can read the response.
  ~HttpConnection();

  // Waits for the first byte of a request. Returns false if the client is gone or idle for too long, or if is_over
  // returns true.
  bool WaitForRequest(const std::function<bool()>& is_over);
  // Whether the client is connected; half-closed counts as not connected.
  bool IsAlive() const;
  // The response is the last one, because part of the request was not read.
  void CloseAfterResponse() { closes_ = true; }
  bool closes() const { return closes_; }
  // Why reading failed.
  bool is_too_large() const { return is_too_large_; }
  bool is_too_slow() const { return is_too_slow_; }

  bool is_readable() const;
  bool wait_readable() const { return is_readable(); }
  bool is_writable() const { return IsAlive(); }
  bool wait_writable() const { return is_writable(); }
  using httplib::Stream::write;
  ssize_t read(char* to, size_t size);
  ssize_t write(const char* from, size_t size);
  void get_remote_ip_and_port(std::string& ip, int& port) const { ip.clear(), port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const { ip.clear(), port = 0; }
  socket_t socket() const { return socket_; }
  time_t duration() const { return 0; }

 private:
  using Clock = std::chrono::steady_clock;

  bool WaitFor(short events, Clock::time_point deadline) const;
  ssize_t Receive(char* to, size_t size);

  const socket_t socket_;
  const HttpLimits limits_;
  char buffer_[4096];
  size_t begin_ = 0, end_ = 0;
  size_t received_ = 0;     // of this part of the request
  uint32_t line_ends_ = 0;  // number of characters of CR LF CR LF that have just been read
  bool in_headers_ = true;
  bool closes_ = false;
  bool is_too_large_ = false;
  bool is_too_slow_ = false;
  Clock::time_point deadline_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_HTTP_CONNECTION_H_
