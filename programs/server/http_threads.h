// The threads that read requests and send responses, one per connection.
#ifndef LFM2_PROGRAMS_SERVER_HTTP_THREADS_H_
#define LFM2_PROGRAMS_SERVER_HTTP_THREADS_H_

#include <httplib.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace lfm2::tools {

// Starts without threads and adds one when a connection finds none idle, up to a limit; then connections wait.
class HttpThreads final : public httplib::TaskQueue {
 public:
  explicit HttpThreads(uint32_t limit) : limit_(limit) {}

  // In newer versions of httplib this returns whether there was room.
  auto enqueue(std::function<void()> work) -> decltype(std::declval<httplib::TaskQueue>().enqueue(nullptr)) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(std::move(work));
      if (idle_ < waiting_.size() && threads_.size() < limit_) Grow();
    }
    came_.notify_one();
    return decltype(std::declval<httplib::TaskQueue>().enqueue(nullptr))(1);
  }

  void shutdown() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stops_ = true;
    }
    came_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  // If the system has no more threads, the existing ones do the work.
  void Grow() {
    try {
      threads_.emplace_back([this] { Run(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;
    }
  }

  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      ++idle_;
      came_.wait(lock, [this] { return stops_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      const std::function<void()> work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  const uint32_t limit_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stops_ = false;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_HTTP_THREADS_H_
