#include "programs/server/answer_parts.h"

#include <algorithm>

#include "lfm2/text/chat.h"

namespace lfm2::tools {

namespace {

// Length of the longest end of the text that is a beginning of the marker, but not all of it.
size_t TornBytes(std::string_view text, std::string_view marker) {
  for (size_t bytes = std::min(text.size(), marker.size() - 1); bytes > 0; --bytes) {
    if (text.substr(text.size() - bytes) == marker.substr(0, bytes)) return bytes;
  }
  return 0;
}

}  // namespace

AnswerParts::AnswerParts(bool thinks, const nlohmann::ordered_json& tools)
    : state_(thinks ? State::kThought : State::kContent), reads_calls_(!tools.empty()) {
  // Requests have no tools without names. Their arguments would have no names either.
  static_cast<void>(parameters_.Read(tools));
}

AnswerDelta AnswerParts::Put(std::string_view text) {
  AnswerDelta delta;
  held_ += text;
  while (Advance(&delta)) {
  }
  return delta;
}

AnswerDelta AnswerParts::End() {
  AnswerDelta delta;
  if (state_ == State::kCall) {
    held_.insert(0, kToolCallBegin);
    state_ = State::kContent;
  }
  Move(held_.size(), &delta);
  return delta;
}

// Moves text up to the next marker, or all that cannot be part of one. Returns whether a marker was found.
bool AnswerParts::Advance(AnswerDelta* delta) {
  if (state_ == State::kCall) {
    const size_t end = held_.find(kToolCallEnd);
    if (end == std::string::npos) return false;
    const std::string text = std::string(kToolCallBegin).append(held_, 0, end).append(kToolCallEnd);
    held_.erase(0, end + kToolCallEnd.size());
    state_ = State::kContent;
    if (!ReadToolCalls(text, parameters_, &delta->calls)) delta->content += text;
    return true;
  }
  // The marker that ends this state, and the next state.
  const std::string_view marker = state_ == State::kThought ? kThinkEnd : kThinkBegin;
  const State next = state_ == State::kThought ? State::kContent : State::kThought;
  const size_t at = held_.find(marker);
  const bool looks_for_calls = reads_calls_ && state_ == State::kContent;
  const size_t call = looks_for_calls ? held_.find(kToolCallBegin) : std::string::npos;
  if (at == std::string::npos && call == std::string::npos) {
    const size_t torn = std::max(TornBytes(held_, marker), looks_for_calls ? TornBytes(held_, kToolCallBegin) : 0);
    Move(held_.size() - torn, delta);
    return false;
  }
  const bool is_call = call < at;
  Move(std::min(at, call), delta);
  held_.erase(0, is_call ? kToolCallBegin.size() : marker.size());
  trims_ = state_ == State::kThought;
  state_ = is_call ? State::kCall : next;
  return true;
}

void AnswerParts::Move(size_t bytes, AnswerDelta* delta) {
  size_t begin = 0;
  if (state_ == State::kContent && trims_) {
    begin = std::min(held_.find_first_not_of(" \n"), bytes);
    if (begin < bytes) trims_ = false;
  }
  std::string& to = state_ == State::kThought ? delta->thoughts : delta->content;
  to.append(held_, begin, bytes - begin);
  held_.erase(0, bytes);
}

}  // namespace lfm2::tools
