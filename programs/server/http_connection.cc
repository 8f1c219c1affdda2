#include "programs/server/http_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace lfm2::tools {

namespace {

thread_local HttpConnection* current_connection = nullptr;

constexpr std::chrono::milliseconds kPollInterval{250};
// How long to read what a client still sends after the last response.
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

HttpConnection* HttpConnection::Current() { return current_connection; }

HttpConnection::HttpConnection(socket_t socket, const HttpLimits& limits) : socket_(socket), limits_(limits) {
  current_connection = this;
}

HttpConnection::~HttpConnection() {
  current_connection = nullptr;
  ::shutdown(socket_, SHUT_WR);
  const Clock::time_point until = Clock::now() + kLingerTime;
  while (closes_ && WaitFor(POLLIN, until) && ::recv(socket_, buffer_, sizeof(buffer_), MSG_DONTWAIT) > 0) {
  }
  ::close(socket_);
}

bool HttpConnection::WaitForRequest(const std::function<bool()>& is_over) {
  in_headers_ = true;
  received_ = line_ends_ = 0;
  const Clock::time_point until = Clock::now() + limits_.idle_time;
  while (begin_ == end_ && !WaitFor(POLLIN, std::min(until, Clock::now() + kPollInterval))) {
    if (is_over() || Clock::now() >= until) return false;
  }
  deadline_ = Clock::now() + limits_.header_time;
  return IsAlive();
}

bool HttpConnection::IsAlive() const {
  pollfd state = {socket_, POLLIN, 0};
  if (::poll(&state, 1, 0) < 0 || (state.revents & (POLLERR | POLLNVAL)) != 0) return false;
  if ((state.revents & (POLLIN | POLLHUP)) == 0) return true;
  char byte;
  return ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool HttpConnection::WaitFor(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd state = {socket_, events, 0};
    const int ready = ::poll(&state, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

bool HttpConnection::is_readable() const { return begin_ < end_ || WaitFor(POLLIN, deadline_); }

ssize_t HttpConnection::Receive(char* to, size_t size) {
  if (!WaitFor(POLLIN, deadline_)) {
    is_too_slow_ = closes_ = true;
    return -1;
  }
  const ssize_t bytes = ::recv(socket_, to, size, 0);
  if (bytes <= 0) closes_ = true;
  return bytes;
}

// Headers are passed on byte by byte, to find their end and apply the limits of the body after it.
ssize_t HttpConnection::read(char* to, size_t size) {
  if (size == 0) return 0;
  // The limit includes the lines between the chunks of a body.
  const size_t most = in_headers_ ? limits_.header_bytes : 2 * limits_.body_bytes + limits_.header_bytes;
  if (received_ >= most) {
    is_too_large_ = closes_ = true;
    return -1;
  }
  if (begin_ == end_) {
    const ssize_t bytes = Receive(buffer_, sizeof(buffer_));
    if (bytes <= 0) return bytes;
    begin_ = 0;
    end_ = static_cast<size_t>(bytes);
  }
  const size_t bytes = in_headers_ ? 1 : std::min(size, end_ - begin_);
  std::memcpy(to, buffer_ + begin_, bytes);
  begin_ += bytes;
  received_ += bytes;
  if (!in_headers_) return static_cast<ssize_t>(bytes);
  line_ends_ = *to == "\r\n\r\n"[line_ends_] ? line_ends_ + 1 : *to == '\r' ? 1 : 0;
  if (line_ends_ == 4) {
    in_headers_ = false;
    received_ = 0;
    deadline_ = Clock::now() + limits_.body_time;
  }
  return 1;
}

ssize_t HttpConnection::write(const char* from, size_t size) {
  const Clock::time_point until = Clock::now() + limits_.write_time;
  for (;;) {
    const ssize_t bytes = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (bytes >= 0) return bytes;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || !WaitFor(POLLOUT, until)) break;
  }
  closes_ = true;
  return -1;
}

}  // namespace lfm2::tools
