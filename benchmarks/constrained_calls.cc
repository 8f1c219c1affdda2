// The effect of a constraint on tool calls: how many of a list of commands are answered with exactly the expected call,
// and how long decode takes, free and constrained alternately in one run. Greedy, one thread.
//
//   constrained_calls MODEL TOOLS.json COMMANDS.jsonl [ROUNDS]
//
// TOOLS.json is a list of tools, which are not part of the prompt; COMMANDS.jsonl has lines {"user", "call"}.
// Constrained, an answer has to be one call of them, with texts in double quotes.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

namespace {

using Json = nlohmann::ordered_json;
using lfm2::Status;

struct Command {
  std::string user;
  std::string call;
};

// Bytes with the alignment that the library requires.
class Memory {
 public:
  lfm2::Span<std::byte> Of(uint64_t bytes) {
    memory_.resize(static_cast<size_t>(bytes) + lfm2::kAlignment);
    const size_t over = reinterpret_cast<uintptr_t>(memory_.data()) % lfm2::kAlignment;
    return {memory_.data() + (over == 0 ? 0 : lfm2::kAlignment - over), static_cast<size_t>(bytes)};
  }

 private:
  std::vector<std::byte> memory_;
};

struct Totals {
  double seconds = 0;  // of decode
  size_t exact = 0;
  size_t tokens = 0;
  size_t steps = 0;
};

class Benchmark {
 public:
  Status Open(const char* model, const std::vector<std::string>& tools) {
    LFM2_RETURN_IF_ERROR(file_.Open(model));
    LFM2_RETURN_IF_ERROR(image_.Open(file_));
    lfm2::SessionOptions options;
    options.context_length = 512;
    LFM2_RETURN_IF_ERROR(
        session_.Open(image_, options, arena_.Of(lfm2::MakePlan(image_.config(), options).total_bytes)));
    lfm2::TokenTrie trie;
    LFM2_RETURN_IF_ERROR(BuildTokenTrie(image_.vocab(), trie_.Of(TokenTrieMemoryBytes(image_.vocab())), &trie));
    lfm2::ToolsGrammarOptions calls;
    calls.parallel = false;
    calls.single_quotes = false;
    const std::vector<std::string_view> list(tools.begin(), tools.end());
    lfm2::Span<const std::byte> compiled;
    lfm2::Grammar grammar;
    LFM2_RETURN_IF_ERROR(CompileTools(list, calls, compiler_.Of(256 << 10), &compiled));
    LFM2_RETURN_IF_ERROR(lfm2::Grammar::Open(compiled, &grammar));
    lfm2::ConstraintOptions constrained;
    constrained.scope = lfm2::ConstraintScope::kCalls;
    constrained.tool_choice = lfm2::ToolChoice::kRequired;
    constrained.matcher = {256, 64};
    return constraint_.Open(image_.vocab(), grammar, trie, constrained,
                            of_constraint_.Of(lfm2::GrammarConstraint::Bytes(constrained, image_.vocab().size())));
  }

  Status Run(const Command& command, bool constrained) {
    lfm2::ConversationOptions options;
    options.sampler.temperature = 0;
    options.sampler.repetition_penalty = 1;
    lfm2::Conversation chat;
    LFM2_RETURN_IF_ERROR(chat.Open(&session_, options));
    lfm2::AnswerOptions answer(64);
    if (constrained) answer.constraint = &constraint_;
    Totals& totals = totals_[constrained];
    LFM2_RETURN_IF_ERROR(chat.Add({lfm2::ChatRole::kUser, command.user}));
    LFM2_RETURN_IF_ERROR(chat.Compute());
    std::string text;
    const auto sink = [&](std::string_view piece) { text += piece; };
    LFM2_RETURN_IF_ERROR(chat.BeginAnswer(answer));
    // The first token of the answer still belongs to prefill.
    while (chat.is_busy() && session_.steps_left() > 0) LFM2_RETURN_IF_ERROR(chat.Step(sink));
    const auto begin = std::chrono::steady_clock::now();
    for (; chat.is_busy(); ++totals.steps) LFM2_RETURN_IF_ERROR(chat.Step(sink));
    totals.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    totals.tokens += chat.answer_tokens();
    totals.exact += text == command.call;
    return Status();
  }
  const Totals& totals(bool constrained) const { return totals_[constrained]; }

 private:
  lfm2::posix::MappedFile file_;
  lfm2::Image image_;
  Memory arena_, trie_, compiler_, of_constraint_;
  lfm2::Session session_;
  lfm2::GrammarConstraint constraint_;
  Totals totals_[2];
};

int Fails(const Status& status) {
  char message[256];
  status.Format(message, sizeof(message));
  std::fprintf(stderr, "constrained_calls: %s\n", message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fputs("constrained_calls MODEL TOOLS.json COMMANDS.jsonl [ROUNDS]\n", stderr);
    return 2;
  }
  std::vector<std::string> tools;
  std::ifstream tools_file(argv[2]);
  for (const Json& tool : Json::parse(tools_file)) tools.push_back(tool.dump());
  std::vector<Command> commands;
  std::ifstream commands_file(argv[3]);
  for (std::string line; std::getline(commands_file, line);) {
    const Json command = Json::parse(line);
    commands.push_back({command["user"], command["call"]});
  }
  Benchmark benchmark;
  if (const Status status = benchmark.Open(argv[1], tools); !status.ok()) return Fails(status);
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 3;
  for (int round = 0; round < rounds; ++round) {
    for (const Command& command : commands) {
      for (const bool constrained : {false, true}) {
        if (const Status status = benchmark.Run(command, constrained); !status.ok()) return Fails(status);
      }
    }
  }
  std::printf("             exact calls   tokens   layers computed   tokens/s in decode\n");
  for (const bool constrained : {false, true}) {
    const Totals& t = benchmark.totals(constrained);
    std::printf("%-11s %6zu of %zu %8zu %17zu %20.0f\n", constrained ? "constrained" : "free", t.exact,
                commands.size() * static_cast<size_t>(rounds), t.tokens, t.steps,
                static_cast<double>(t.tokens) / t.seconds);
  }
  std::printf("ratio %.2f\n", benchmark.totals(false).seconds / benchmark.totals(true).seconds);
  return 0;
}
