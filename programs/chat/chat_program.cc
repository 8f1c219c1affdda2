#include "programs/chat/chat_program.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "lfm2.h"
#include "programs/console/console.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/options/date_option.h"
#include "programs/session/describe.h"
#include "programs/session/state_file.h"

namespace lfm2::tools {

namespace {

volatile std::sig_atomic_t turn_interrupted = 0;

}  // namespace

Error ChatProgram::Run() {
  LFM2_RETURN_IF_FAILED(CheckSessionFile());
  LFM2_RETURN_IF_FAILED(model_.Open(options_.model));
  LFM2_RETURN_IF_FAILED(tools_.ReadToolsFile(options_.tools));
  LFM2_RETURN_IF_FAILED(OpenSession());
  if (options_.prompt.has_value()) return Turn(ChatRole::kUser, *options_.prompt);
  return Chat();
}

// A file that cannot be written is better reported before the first answer than after it.
Error ChatProgram::CheckSessionFile() const {
  OutputFile file;
  return options_.session_file.empty() ? Error() : file.Open(options_.session_file);
}

Error ChatProgram::OpenSession() {
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
  std::error_code unknown;
  if (options_.session_file.empty() || !std::filesystem::exists(options_.session_file, unknown)) return Error();
  if (!options_.system.empty() || !options_.tools.empty()) {
    return Error::Of(options_.session_file,
                     " has a chat, with its own system text and tools (leave out --system and --tools, or name another "
                     "file)");
  }
  return LoadChat(options_.session_file);
}

Error ChatProgram::OpenConversation() {
  before_last_.clear();
  ConversationOptions conversation_options;
  conversation_options.system = system_;
  conversation_options.tools = tools_.Prompt(false).tools;
  conversation_options.sampler = options_.sampler;
  today_ = Today();
  conversation_options.date = today_;
  return Error::From(conversation_.Open(&session_, conversation_options));
}

Error ChatProgram::LoadChat(const std::string& path) {
  StateFile file;
  LFM2_RETURN_IF_FAILED(file.Open(path));
  before_last_.clear();
  LFM2_RETURN_IF_FAILED(file.Load([this](StateSource source) { return conversation_.Load(source); }));
  std::fprintf(stderr, "%s: a chat of %u of %u positions\n", path.c_str(), session_.position(),
               session_.options().context_length);
  return Error();
}

Error ChatProgram::SaveChat(const std::string& path) const {
  return WriteStateFile(path, [this](StateSink sink) { return conversation_.Save(sink); });
}

// One turn, and the answer to it on standard output. Ctrl-C ends either: a message that is not computed yet is then
// not part of the chat.
Error ChatProgram::Turn(ChatRole role, const std::string& content) {
  last_role_ = role;
  last_content_ = content;
  before_last_.resize(static_cast<size_t>(Conversation::MarkBytes(session_.config())));
  // There is no mark where a message waits that could not be computed.
  if (!conversation_.Mark({before_last_.data(), before_last_.size()}).ok()) before_last_.clear();
  return Ask(options_.max_tokens);
}

Error ChatProgram::Regenerate() {
  if (before_last_.empty()) return Error::Of("there is no answer to replace yet");
  LFM2_RETURN_IF_FAILED(Error::From(conversation_.Rewind({before_last_.data(), before_last_.size()})));
  SamplerOptions sampler = options_.sampler;
  sampler.seed += ++regenerated_;
  AnswerOptions answer(options_.max_tokens);
  answer.sampler = &sampler;
  return Ask(answer);
}

Error ChatProgram::Ask(const AnswerOptions& answer) {
  TurnStatistics statistics(session_);
  turn_interrupted = 0;
  return Answer(conversation_.BeginAsk({last_role_, last_content_}, answer), &statistics);
}

Error ChatProgram::Continue() {
  if (!conversation_.can_go_on()) return Error::Of("there is no answer that could continue");
  TurnStatistics statistics(session_);
  turn_interrupted = 0;
  return Answer(conversation_.BeginAnswer(options_.max_tokens), &statistics);
}

// *is_read: whether the prompt is computed, and the answer may come.
Error ChatProgram::Prefill(const Status& begun, bool* is_read) {
  Status status = begun;
  while (status.ok() && session_.steps_left() > 0 && turn_interrupted == 0) {
    status = conversation_.Step([](std::string_view) {});
  }
  LFM2_RETURN_IF_FAILED(Error::From(status));
  *is_read = session_.steps_left() == 0;
  if (*is_read) return Error();
  conversation_.Abort();
  std::fprintf(stderr, "Stopped before the model had read the message, which is not part of the chat.\n");
  return Error();
}

Error ChatProgram::Answer(const Status& begun, TurnStatistics* statistics) {
  bool is_read = false;
  LFM2_RETURN_IF_FAILED(Prefill(begun, &is_read));
  if (!is_read) return Error();
  statistics->Answering();
  const auto show = [&](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    ShowReading(statistics);
    return turn_interrupted == 0;
  };
  Status status;
  while (status.ok() && conversation_.is_busy()) {
    status = conversation_.Step(show);
    if (turn_interrupted != 0) conversation_.Abort();
  }
  statistics->End(conversation_.answer_tokens());
  std::fputc('\n', stdout);
  LFM2_RETURN_IF_FAILED(FlushStandardOutput());
  statistics_ = statistics->Text(model_.plan().plan.total_bytes);
  if (options_.stats) {
    EndReading();
    std::fprintf(stderr, "%s", statistics_.c_str());
  }
  LFM2_RETURN_IF_FAILED(Error::From(status));
  ShowEnd();
  // A turn that is not finished is not saved.
  if (options_.session_file.empty() || conversation_.pending_tokens() > 0) return Error();
  return SaveChat(options_.session_file);
}

// Why an answer is not complete, for a person who can do something about it.
void ChatProgram::ShowEnd() const {
  if (!interactive_) return;
  if (conversation_.answer_end() == AnswerEnd::kMaxTokens) {
    std::fprintf(stderr, "Cut off after --max-tokens %u; /continue continues the answer.\n", options_.max_tokens);
  } else if (conversation_.answer_end() == AnswerEnd::kContextFull) {
    std::fprintf(stderr, "The context of %u positions is full; /reset starts a new chat.\n",
                 session_.options().context_length);
  }
}

// While an answer is written: in the title of the terminal's window, so that the text does not move.
void ChatProgram::ShowReading(TurnStatistics* statistics) const {
  if (!options_.stats || !session_.is_streamed() || ::isatty(STDERR_FILENO) == 0 || !statistics->IsDue()) return;
  std::fprintf(stderr, "\x1b]2;%s\a", statistics->Reading().c_str());
}

void ChatProgram::EndReading() const {
  if (session_.is_streamed() && ::isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\x1b]2;chat\a");
}

Error ChatProgram::SetSystem(const std::string& text) {
  if (!text.empty()) {
    system_ = text;
    LFM2_RETURN_IF_FAILED(OpenConversation());
    std::fprintf(stderr, "A new chat, with this system text.\n");
  } else if (system_.empty()) {
    std::fprintf(stderr, "No system text is set.\n");
  } else {
    std::fprintf(stderr, "%s\n", system_.c_str());
  }
  return Error();
}

Error ChatProgram::Obey(const ChatLine& line) {
  switch (line.kind) {
    case ChatLine::Kind::kNothing:
    case ChatLine::Kind::kQuit: return Error();
    case ChatLine::Kind::kMessage: return Turn(ChatRole::kUser, line.text);
    case ChatLine::Kind::kTool: return Turn(ChatRole::kTool, line.text);
    case ChatLine::Kind::kRegenerate: return Regenerate();
    case ChatLine::Kind::kContinue: return Continue();
    case ChatLine::Kind::kReset: return OpenConversation();
    case ChatLine::Kind::kSystem: return SetSystem(line.text);
    case ChatLine::Kind::kLoad: return LoadChat(line.text);
    case ChatLine::Kind::kHelp: std::fprintf(stderr, "%s", ChatHelp().c_str()); return Error();
    case ChatLine::Kind::kSave: {
      LFM2_RETURN_IF_FAILED(SaveChat(line.text));
      std::fprintf(stderr, "saved in %s\n", line.text.c_str());
      return Error();
    }
    case ChatLine::Kind::kStats: {
      std::fprintf(stderr, "%s%s", PlanTable(model_.plan()).c_str(), statistics_.c_str());
      return Error();
    }
  }
  return Error();
}

Error ChatProgram::Chat() {
  LineReader reader;
  interactive_ = reader.interactive();
  if (interactive_) {
    std::printf("%s. /help lists the commands, Ctrl-D leaves.\n", Error::Of(model_.file().name()).text().c_str());
    std::fflush(stdout);
    std::signal(SIGINT, [](int) { turn_interrupted = 1; });
  }
  bool is_leaving = false;  // Ctrl-C came at an empty prompt
  for (std::string typed;;) {
    const LineReader::Input input = reader.Read(&typed);
    if (input == LineReader::Input::kEnd) return Error();
    if (input != LineReader::Input::kLine) {
      const bool is_empty = input == LineReader::Input::kInterrupted;
      if (is_empty && is_leaving) return Error();
      if (is_empty) std::fprintf(stderr, "Press Ctrl-C again or Ctrl-D to leave.\n");
      is_leaving = is_empty;
      continue;
    }
    is_leaving = false;
    ChatLine line;
    const Error parsed = ParseChatLine(typed, &line);
    if (parsed.ok() && line.kind == ChatLine::Kind::kQuit) return Error();
    const Error error = parsed.ok() ? Obey(line) : parsed;
    if (error.ok()) continue;
    if (!interactive_) return error;
    const bool is_turn = parsed.ok() && (line.kind == ChatLine::Kind::kMessage || line.kind == ChatLine::Kind::kTool);
    std::fprintf(stderr, "%s\n%s", error.text().c_str(),
                 is_turn ? "The chat so far is kept; /reset starts a new one.\n" : "");
  }
}

}  // namespace lfm2::tools
