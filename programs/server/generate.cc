#include "programs/server/generate.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>
#include <utility>

#include "programs/options/date_option.h"
#include "programs/server/chat_answer.h"
#include "programs/server/completion_answer.h"
#include "programs/server/constraint.h"
#include "programs/server/prompt_tokens.h"

namespace lfm2::tools {

namespace {

// Interval at which the connection is checked.
constexpr std::chrono::milliseconds kCheckInterval{100};

AnswerHead HeadOf(const Service& service, const char* prefix) {
  return {RandomId(prefix), static_cast<int64_t>(std::time(nullptr)), service.model_name, service.vocab};
}

// With the seed and the limits that are used.
std::shared_ptr<const GenerationRequest> Completed(const Service& service, GenerationRequest request) {
  if (!request.has_seed) request.sampler.seed = std::random_device()();
  request.max_tokens = std::min(request.max_tokens.value_or(service.max_tokens), service.max_tokens);
  return std::make_shared<const GenerationRequest>(std::move(request));
}

}  // namespace

AnswerRun::~AnswerRun() {
  for (const auto& task : tasks_) task->channel.Cancel();
}

ApiError AnswerRun::BeginChat(Service* service, std::string_view body) {
  const Vocab& vocab = *service->vocab;
  const ChatFormat& format = vocab.chat_format();
  ChatRequest request;
  LFM2_RETURN_IF_REFUSED(ParseChatRequest(body, vocab.size(), &request));
  auto task = std::make_shared<GenerationTask>();
  LFM2_RETURN_IF_REFUSED(MakeRule(request.form, vocab, *service->trie, &task->rule));
  PromptTokens prompt;
  LFM2_RETURN_IF_REFUSED(EncodeChatRequest(vocab, format, Today(), request, &prompt));
  LFM2_RETURN_IF_REFUSED(CheckPromptLength(prompt.ids.size(), service->context_length, "messages"));
  task->request = Completed(*service, request.generation);
  task->prompt = std::move(prompt.ids);
  task->places = std::move(prompt.places);
  const bool thinks = format.answer.find(kThinkBegin) != std::string_view::npos;
  writer_ = std::make_unique<ChatAnswer>(HeadOf(*service, "chatcmpl-"), request, thinks);
  return Submit(service, {std::move(task)}, request.generation.stream);
}

ApiError AnswerRun::BeginCompletion(Service* service, std::string_view body) {
  const Vocab& vocab = *service->vocab;
  CompletionRequest request;
  LFM2_RETURN_IF_REFUSED(ParseCompletionRequest(body, vocab.size(), service->max_prompts, &request));
  const auto generation = Completed(*service, request.generation);
  std::vector<std::shared_ptr<GenerationTask>> tasks;
  std::vector<bool> added;
  for (auto& prompt : request.prompts) {
    auto task = std::make_shared<GenerationTask>();
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) {
      task->prompt = *ids;
    } else {
      PromptTokens tokens;
      LFM2_RETURN_IF_REFUSED(EncodeCompletionText(vocab, std::get<std::string>(prompt), &tokens));
      task->prompt = std::move(tokens.ids);
      task->adds_begin = tokens.adds_begin;
    }
    LFM2_RETURN_IF_REFUSED(CheckPromptLength(task->prompt.size(), service->context_length, "prompt"));
    task->request = generation;
    task->echo = request.echo;
    added.push_back(task->adds_begin);
    tasks.push_back(std::move(task));
  }
  writer_ = std::make_unique<CompletionAnswer>(HeadOf(*service, "cmpl-"), request, added);
  return Submit(service, std::move(tasks), request.generation.stream);
}

ApiError AnswerRun::Submit(Service* service, std::vector<std::shared_ptr<GenerationTask>> tasks, bool streams) {
  streams_ = streams;
  if (!service->engine->Submit(tasks)) {
    return ApiError::Of(503, "server_error", "busy", "all sessions are busy and the queue is full (try again later)");
  }
  tasks_ = std::move(tasks);
  return ApiError();
}

// Waits for a moment and appends what came to *events. Sets is_over_ at the end of the last answer.
ApiError AnswerRun::Advance(std::string* events) {
  AnswerPiece piece;
  AnswerSummary summary;
  switch (tasks_[at_]->channel.Take(kCheckInterval, &piece, &summary)) {
    case AnswerChannel::Taken::kNothing: return ApiError();
    case AnswerChannel::Taken::kPiece: *events += writer_->Add(at_, piece); return ApiError();
    case AnswerChannel::Taken::kEnd: break;
  }
  if (!summary.error.ok()) return summary.error;
  *events += writer_->End(at_, summary);
  is_over_ = ++at_ == tasks_.size();
  if (is_over_) *events += writer_->Finish();
  return ApiError();
}

ApiError AnswerRun::WaitForFirst(const std::function<bool()>& wanted) {
  while (!is_over_ && first_.empty()) {
    if (!wanted()) return ApiError::Of(499, "server_error", "cancelled", "the client has gone");
    LFM2_RETURN_IF_REFUSED(Advance(&first_));
  }
  return ApiError();
}

ApiError AnswerRun::Whole(const std::function<bool()>& wanted, std::string* body) {
  while (!is_over_) {
    if (!wanted()) return ApiError::Of(499, "server_error", "cancelled", "the client has gone");
    LFM2_RETURN_IF_REFUSED(Advance(body));
  }
  return ApiError();
}

bool AnswerRun::NextEvents(const std::function<bool()>& wanted, std::string* events) {
  *events = std::exchange(first_, std::string());
  while (events->empty()) {
    if (is_over_ || !wanted()) return false;
    const ApiError error = Advance(events);
    if (error.ok()) continue;
    // The status has already been sent.
    *events += "data: " + error.Json() + "\n\n";
    events->append(kLastEvent);
    is_over_ = true;
  }
  return true;
}

}  // namespace lfm2::tools
