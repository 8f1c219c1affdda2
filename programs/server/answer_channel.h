// Passes the answer to one prompt from the thread that computes it to the one that sends it.
#ifndef LFM2_PROGRAMS_SERVER_ANSWER_CHANNEL_H_
#define LFM2_PROGRAMS_SERVER_ANSWER_CHANNEL_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "programs/server/api_error.h"

namespace lfm2::tools {

// The log probability of a token, and the likeliest tokens in its place.
struct TokenScore {
  int32_t token = 0;
  float logprob = 0;  // NaN: the first token, which nothing predicts
  std::vector<std::pair<int32_t, float>> top;
};

// Text that may be shown, and the tokens since the piece before.
struct AnswerPiece {
  std::string text;
  std::vector<TokenScore> scores;  // if the request includes logprobs
};

enum class FinishReason : uint8_t { kStop, kLength };

// The end of an answer.
struct AnswerSummary {
  ApiError error;  // not ok: the answer is incomplete
  FinishReason reason = FinishReason::kStop;
  uint32_t prompt_tokens = 0;
  uint32_t cached_tokens = 0;  // of the prompt: those whose state was cached
  uint32_t answer_tokens = 0;
};

// One thread puts, another one takes.
class AnswerChannel {
 public:
  void Put(AnswerPiece piece) {
    const std::lock_guard<std::mutex> lock(mutex_);
    piece_.text += piece.text;
    for (TokenScore& score : piece.scores) piece_.scores.push_back(std::move(score));
    has_piece_ = true;
    changed_.notify_one();
  }
  // Called once, after the last Put.
  void End(AnswerSummary summary) {
    const std::lock_guard<std::mutex> lock(mutex_);
    summary_ = std::move(summary);
    has_ended_ = true;
    changed_.notify_one();
  }

  enum class Taken : uint8_t { kNothing, kPiece, kEnd };
  // Waits at most so long, and takes what was put since the last call, or the end.
  Taken Take(std::chrono::milliseconds wait, AnswerPiece* piece, AnswerSummary* summary) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return has_piece_ || has_ended_; });
    if (has_piece_) {
      *piece = std::exchange(piece_, AnswerPiece());
      has_piece_ = false;
      return Taken::kPiece;
    }
    if (!has_ended_) return Taken::kNothing;
    *summary = summary_;
    return Taken::kEnd;
  }

  // The client is gone. From any thread.
  void Cancel() { is_cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const { return is_cancelled_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  AnswerPiece piece_;
  AnswerSummary summary_;
  bool has_piece_ = false;
  bool has_ended_ = false;
  std::atomic<bool> is_cancelled_{false};
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ANSWER_CHANNEL_H_
