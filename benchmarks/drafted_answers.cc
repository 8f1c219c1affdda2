// The gain of guessing tokens (SessionOptions::draft_tokens): the same answers by two sessions of one model,
// alternately, one of which guesses, and the time that decode takes. The tokens must be the same.
//
//   drafted_answers MODEL TOOLS.json COMMANDS.jsonl CHOICES.json [DRAFT [THREADS]]
//
// Three kinds of answers, greedy: calls of tools, each command (lines {"user", ...}) in a conversation of its own that
// has the list of tools in its prompt; plain chats, each question ("items": [{"question", ...}]) in a conversation of
// its own; and edits, where the prompt contains a tale of the model's and the answer is that tale with every twentieth
// token replaced. Models that cannot edit are forced to this answer.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"

namespace {

using Json = nlohmann::ordered_json;
using lfm2::Status;
using Clock = std::chrono::steady_clock;
using Tokens = std::vector<int32_t>;

double SecondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

class Decoder {
 public:
  Status Open(const lfm2::Image& image, uint32_t draft, const lfm2::Executor* executor) {
    lfm2::SessionOptions options;
    options.context_length = 2048;
    options.draft_tokens = draft;
    options.now_ns = lfm2::posix::MonotonicNs;
    const uint64_t bytes = lfm2::MakePlan(image.config(), options).total_bytes;
    memory_.resize(static_cast<size_t>(bytes) + lfm2::kAlignment);
    const size_t over = reinterpret_cast<uintptr_t>(memory_.data()) % lfm2::kAlignment;
    std::byte* const arena = memory_.data() + (over == 0 ? 0 : lfm2::kAlignment - over);
    return session_.Open(image, options, {arena, static_cast<size_t>(bytes)}, executor);
  }

  // Appends the answer's tokens to *answer; its time counts from the first token on.
  Status Answer(const lfm2::ConversationOptions& options, const std::string& question, uint32_t most, Tokens* answer) {
    struct Watch {
      Tokens* answer;
      Clock::time_point begin;
    } watch = {answer, {}};
    LFM2_RETURN_IF_ERROR(chat_.Open(&session_, options));
    lfm2::AnswerOptions how(most);
    how.context = &watch;
    how.on_token = [](void* context, int32_t token, lfm2::Span<const float>) {
      Watch* const to = static_cast<Watch*>(context);
      if (to->answer->empty()) to->begin = Clock::now();
      to->answer->push_back(token);
    };
    LFM2_RETURN_IF_ERROR(chat_.Ask(question, how, [](std::string_view) {}));
    seconds_ += SecondsSince(watch.begin);
    return Status();
  }

  // Decodes the tokens after a prompt, and counts the time. *answer: the likeliest token after each.
  Status Follow(const Tokens& prompt, const Tokens& tokens, Tokens* answer) {
    session_.Reset();
    LFM2_RETURN_IF_ERROR(session_.Prefill({prompt.data(), prompt.size()}));
    for (const int32_t token : tokens) {
      const auto begin = Clock::now();
      LFM2_RETURN_IF_ERROR(session_.Decode(token));
      seconds_ += SecondsSince(begin);
      const lfm2::Span<const float> logits = session_.logits();
      answer->push_back(static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    }
    return Status();
  }

  lfm2::DraftStatistics statistics() const { return session_.draft_statistics(); }
  double seconds() const { return seconds_; }

 private:
  std::vector<std::byte> memory_;
  lfm2::Session session_;
  lfm2::Conversation chat_;
  double seconds_ = 0;
};

int Fails(const Status& status) {
  char message[256];
  status.Format(message, sizeof(message));
  std::fprintf(stderr, "drafted_answers: %s\n", message);
  return 1;
}

// Has `count` answers of one kind computed by two new decoders, by answer(decoder, i, &tokens), and prints a row.
template <class F>
Status Compare(const lfm2::Image& image, uint32_t draft, const lfm2::Executor* executor, const char* kind, size_t count,
               F&& answer) {
  Decoder plain, drafting;
  LFM2_RETURN_IF_ERROR(plain.Open(image, 0, executor));
  LFM2_RETURN_IF_ERROR(drafting.Open(image, draft, executor));
  size_t tokens = 0;
  for (size_t i = 0; i < count; ++i) {
    Tokens by[2];
    for (const bool first : {true, false}) {
      const bool is_plain = first == (i % 2 == 0);
      LFM2_RETURN_IF_ERROR(answer(is_plain ? plain : drafting, i, &by[is_plain ? 0 : 1]));
    }
    if (by[0] != by[1]) {
      std::fprintf(stderr, "drafted_answers: %s %zu: guesses have changed the answer\n", kind, i);
      std::exit(1);
    }
    tokens += by[0].size();
  }
  const lfm2::DraftStatistics guessed = drafting.statistics();
  std::printf("%-6s %8zu %8zu %14.0f %14.0f %8.2f %9llu %9llu\n", kind, count, tokens,
              static_cast<double>(tokens) / plain.seconds(), static_cast<double>(tokens) / drafting.seconds(),
              plain.seconds() / drafting.seconds(), static_cast<unsigned long long>(guessed.drafted),
              static_cast<unsigned long long>(guessed.accepted));
  return Status();
}

// Tales sampled from the model, and each with every twentieth token replaced by another one of the same tale.
struct Edit {
  Tokens prompt, edited;
};
Status MakeEdits(const lfm2::Image& image, const lfm2::Executor* executor, std::vector<Edit>* edits) {
  Decoder teller;
  LFM2_RETURN_IF_ERROR(teller.Open(image, 0, executor));
  for (uint32_t seed = 1; seed <= 24; ++seed) {
    lfm2::ConversationOptions options;
    options.sampler.temperature = 0.8f;
    options.sampler.seed = seed;
    Edit edit;
    LFM2_RETURN_IF_ERROR(teller.Answer(options, "Tell me a tale.", 100, &edit.prompt));
    edit.edited = edit.prompt;
    for (size_t i = 9; i < edit.edited.size(); i += 20) edit.edited[i] = edit.edited[i * 7 % edit.edited.size()];
    edits->push_back(edit);
  }
  return Status();
}

Status Run(const char* model, const std::vector<std::string>& tools, const std::vector<std::string>& commands,
           const std::vector<std::string>& questions, uint32_t draft, uint32_t threads) {
  lfm2::posix::MappedFile file;
  lfm2::Image image;
  lfm2::posix::ThreadPool pool;
  LFM2_RETURN_IF_ERROR(file.Open(model));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  LFM2_RETURN_IF_ERROR(pool.Open(threads));
  const lfm2::Executor* const executor = pool.executor();
  const std::vector<std::string_view> views(tools.begin(), tools.end());
  lfm2::ConversationOptions with_tools, without;
  without.sampler.temperature = 0;
  without.sampler.repetition_penalty = 1;
  with_tools = without;
  with_tools.tools = lfm2::ToolList(views.data(), views.size());
  with_tools.date = "2026-01-01";
  std::vector<Edit> edits;
  LFM2_RETURN_IF_ERROR(MakeEdits(image, executor, &edits));
  std::printf("        answers   tokens   t/s, plain   t/s, guessing    ratio   guessed     right\n");
  LFM2_RETURN_IF_ERROR(Compare(
      image, draft, executor, "calls", commands.size(),
      [&](Decoder& decoder, size_t i, Tokens* answer) { return decoder.Answer(with_tools, commands[i], 64, answer); }));
  LFM2_RETURN_IF_ERROR(
      Compare(image, draft, executor, "edits", edits.size(), [&](Decoder& decoder, size_t i, Tokens* answer) {
        return decoder.Follow(edits[i].prompt, edits[i].edited, answer);
      }));
  return Compare(image, draft, executor, "chats", questions.size(), [&](Decoder& decoder, size_t i, Tokens* answer) {
    return decoder.Answer(without, questions[i], 64, answer);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc > 7) {
    std::fputs("drafted_answers MODEL TOOLS.json COMMANDS.jsonl CHOICES.json [DRAFT [THREADS]]\n", stderr);
    return 2;
  }
  std::vector<std::string> tools, commands, questions;
  std::ifstream tools_file(argv[2]), commands_file(argv[3]), questions_file(argv[4]);
  for (const Json& tool : Json::parse(tools_file)) tools.push_back(tool.dump());
  for (std::string line; std::getline(commands_file, line);) commands.push_back(Json::parse(line)["user"]);
  const Json choices = Json::parse(questions_file);
  for (const Json& item : choices["items"]) questions.push_back(item["question"]);
  const auto number = [&](int at, uint32_t otherwise) {
    return argc > at ? static_cast<uint32_t>(std::strtoul(argv[at], nullptr, 10)) : otherwise;
  };
  const Status status = Run(argv[1], tools, commands, questions, number(5, 8), number(6, 0));
  return status.ok() ? 0 : Fails(status);
}
