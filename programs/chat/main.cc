// chat: talks with a model image in a terminal, or answers one prompt.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/chat/line_reader.h"
#include "programs/chat/options.h"
#include "programs/console/console.h"
#include "programs/files/files.h"
#include "programs/open/running_model.h"
#include "programs/options/date_option.h"
#include "programs/session/describe.h"
#include "programs/session/session_plan.h"
#include "programs/session/state_file.h"
#include "programs/text/chat_json.h"

namespace lfm2::tools {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class ChatProgram {
 public:
  explicit ChatProgram(const ChatOptions& options) : options_(options) {}

  Error Run() {
    LFM2_RETURN_IF_FAILED(model_.Open(options_.model));
    LFM2_RETURN_IF_FAILED(ReadTools());
    LFM2_RETURN_IF_FAILED(OpenSession());
    if (options_.prompt.has_value()) return Turn(ChatRole::kUser, *options_.prompt);
    return Chat();
  }

 private:
  Error ReadTools() {
    if (options_.tools.empty()) return Error();
    nlohmann::ordered_json json;
    LFM2_RETURN_IF_FAILED(ReadJson(options_.tools, &json));
    return tools_.ReadTools(json);
  }

  Error OpenSession() {
    const auto show = [this](const SessionPlan& plan) {
      if (options_.stats) std::fprintf(stderr, "%s", PlanTable(plan).c_str());
    };
    LFM2_RETURN_IF_FAILED(model_.Load(options_.session, show));
    LFM2_RETURN_IF_FAILED(Error::From(pool_.Open(options_.threads, options_.pinning)));
    LFM2_RETURN_IF_FAILED(
        Error::From(session_.Open(model_.image(), model_.plan().options, model_.arena(), pool_.executor())));
    if (options_.stats) {
      const SamplerOptions sampler = ResolveSampling(options_.sampler, model_.image().sampling());
      std::fprintf(stderr, "kernels %s, %u threads; %s\n", session_.kernels_name(), pool_.executor()->workers,
                   DescribeSampling(sampler).c_str());
    }
    LFM2_RETURN_IF_FAILED(OpenConversation());
    return options_.session_file.empty() ? Error() : LoadSession();
  }

  // The chat that the file has, if there is one.
  Error LoadSession() {
    if (!std::filesystem::exists(options_.session_file)) return Error();
    if (!options_.system.empty() || !options_.tools.empty()) {
      return Error::Of(options_.session_file,
                       " has a chat that has begun: leave out --system and --tools, or name another file");
    }
    StateFile file;
    LFM2_RETURN_IF_FAILED(file.Open(options_.session_file));
    LFM2_RETURN_IF_FAILED(file.Load([this](StateSource source) { return conversation_.Load(source); }));
    std::fprintf(stderr, "%s: a chat of %u of %u positions\n", options_.session_file.c_str(), session_.position(),
                 session_.options().context_length);
    return Error();
  }

  // A turn that was not finished is not kept.
  Error SaveSession() const {
    if (options_.session_file.empty() || conversation_.pending_tokens() > 0) return Error();
    return WriteStateFile(options_.session_file, [this](StateSink sink) { return conversation_.Save(sink); });
  }

  Error OpenConversation() {
    ConversationOptions conversation_options;
    conversation_options.system = options_.system;
    conversation_options.tools = tools_.Prompt(false).tools;
    conversation_options.sampler = options_.sampler;
    today_ = Today();
    conversation_options.date = today_;
    return Error::From(conversation_.Open(&session_, conversation_options));
  }

  // One turn, and the answer to it on standard output. Ctrl-C ends either: a prompt that is not computed yet is then as
  // if it had not been typed.
  Error Turn(ChatRole role, const std::string& content) {
    const uint32_t before = session_.position();
    const StreamStatistics read_before = session_.statistics();
    const DraftStatistics drafted_before = session_.draft_statistics();
    const auto prompted = std::chrono::steady_clock::now();
    g_interrupted = 0;
    Status status = conversation_.BeginAsk({role, content}, options_.max_tokens);
    while (status.ok() && session_.steps_left() > 0 && g_interrupted == 0) {
      status = conversation_.Step([](std::string_view) {});
    }
    LFM2_RETURN_IF_FAILED(Error::From(status));
    if (session_.steps_left() > 0) {
      conversation_.Abort();
      std::fprintf(stderr, "Ended before the model had read it: as if it had not been said.\n");
      return Error();
    }
    const double prefill_seconds = SecondsSince(prompted);
    const uint32_t prompt_tokens = session_.position() - before;
    const auto begin = std::chrono::steady_clock::now();
    const auto show = [&](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
      ShowReading(read_before, session_.position() - before, SecondsSince(prompted));
      return g_interrupted == 0;
    };
    while (status.ok() && conversation_.is_busy()) {
      status = conversation_.Step(show);
      if (g_interrupted != 0) conversation_.Abort();
    }
    const uint32_t tokens = conversation_.answer_tokens();
    const double decode_seconds = SecondsSince(begin);
    std::fputc('\n', stdout);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return Error::Of("standard output can not be written");
    if (options_.stats) {
      EndReading();
      std::fprintf(stderr,
                   "prefill %u tokens, %.1f tokens/s; decode %u tokens, %.1f tokens/s; context %u of %u; arena %s\n",
                   prompt_tokens, prompt_tokens / std::max(prefill_seconds, 1e-9), tokens,
                   tokens / std::max(decode_seconds, 1e-9), session_.position(), session_.options().context_length,
                   HumanBytes(model_.plan().plan.total_bytes).c_str());
      if (session_.options().draft_tokens > 0) {
        const DraftStatistics drafted = session_.draft_statistics();
        std::fprintf(stderr, "guessed %llu tokens, %llu of them right\n",
                     static_cast<unsigned long long>(drafted.drafted - drafted_before.drafted),
                     static_cast<unsigned long long>(drafted.accepted - drafted_before.accepted));
      }
      if (session_.is_streamed()) {
        std::fprintf(stderr, "%s\n",
                     ReadingText(read_before, session_.position() - before, SecondsSince(prompted)).c_str());
      }
    }
    LFM2_RETURN_IF_FAILED(Error::From(status));
    return SaveSession();
  }

  // What has been read since `before` for so many tokens.
  std::string ReadingText(const StreamStatistics& before, uint32_t tokens, double seconds) const {
    StreamStatistics read = session_.statistics();
    read.Subtract(before);
    const auto ratio = [](double part, double whole) { return whole > 0 ? part / whole : 0.0; };
    char text[160];
    std::snprintf(text, sizeof(text),
                  "experts in memory %.0f %%; read %s a token at %.2f GB/s; waited %.0f %% of the time",
                  100 * ratio(static_cast<double>(read.hits), static_cast<double>(read.hits + read.misses)),
                  HumanBytes(read.bytes / std::max(tokens, 1u)).c_str(),
                  ratio(static_cast<double>(read.bytes), static_cast<double>(read.read_ns)),
                  100 * ratio(static_cast<double>(read.stall_ns), seconds * 1e9));
    return text + (read.retries > 0 ? "; " + std::to_string(read.retries) + " reads repeated" : std::string());
  }

  // While an answer is written: the same in the title of the terminal's window, which no line of the chat moves.
  void ShowReading(const StreamStatistics& before, uint32_t tokens, double seconds) {
    if (!options_.stats || !session_.is_streamed() || ::isatty(STDERR_FILENO) == 0) return;
    if (seconds - shown_at_ < 0.2 && seconds > shown_at_) return;
    shown_at_ = seconds;
    std::fprintf(stderr, "\x1b]2;%s\a", ReadingText(before, tokens, seconds).c_str());
  }
  void EndReading() {
    if (session_.is_streamed() && ::isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\x1b]2;chat\a");
    shown_at_ = 0;
  }

  Error Chat() {
    LineReader reader;
    if (reader.interactive()) {
      std::printf("%s. /tool TEXT answers a tool call, /reset forgets the chat, /quit ends it.\n",
                  model_.image().name());
      std::signal(SIGINT, [](int) { g_interrupted = 1; });
    }
    std::string line;
    while (reader.Read("> ", &line)) {
      if (line.empty()) continue;
      if (line == "/quit") return Error();
      if (line == "/reset") {
        LFM2_RETURN_IF_FAILED(OpenConversation());
        continue;
      }
      const bool tool = line.rfind("/tool ", 0) == 0;
      const Error error = tool ? Turn(ChatRole::kTool, line.substr(6)) : Turn(ChatRole::kUser, line);
      if (error.ok()) continue;
      if (!reader.interactive()) return error;
      std::fprintf(stderr, "%s\nThe chat so far is kept; /reset begins a new one.\n", error.text().c_str());
    }
    return Error();
  }

  const ChatOptions& options_;
  RunningModel model_;
  ChatJson tools_;
  std::string today_;
  posix::ThreadPool pool_;
  double shown_at_ = 0;  // seconds into the turn
  Session session_;
  Conversation conversation_;
};

}  // namespace
}  // namespace lfm2::tools

int main(int argc, char** argv) {
  lfm2::tools::ChatOptions options;
  int exit_code = 0;
  if (!lfm2::tools::ParseChatOptions(argc, argv, &options, &exit_code)) return exit_code;
  lfm2::tools::ChatProgram program(options);
  return lfm2::tools::Finish("chat", program.Run());
}
