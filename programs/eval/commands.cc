#include "programs/eval/commands.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/console/progress.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/files/strict_json.h"

namespace lfm2::tools {

namespace {

Error ReadCommand(std::string_view line, Command* command) {
  nlohmann::json json;
  LFM2_RETURN_IF_FAILED(ParseStrictJson(line, &json));
  JsonMembers members(json);
  members.Text("user", &command->user);
  members.Text("call", &command->call);
  LFM2_RETURN_IF_FAILED(members.error());
  if (command->user.empty()) return Error::Of("the key user is empty");
  const nlohmann::json* const greedy = members.Find("greedy");
  if (greedy == nullptr) return Error();
  if (!greedy->is_array()) return Error::Of("the key greedy is ", Shown(*greedy), ", not a list");
  for (const nlohmann::json& id : *greedy) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX) {
      return Error::Of("greedy[", uint64_t{command->greedy.size()}, "] is ", Shown(id), ", not a token id");
    }
    command->greedy.push_back(static_cast<int32_t>(id.get<uint64_t>()));
  }
  return Error();
}

// Answers one command in a chat of its own.
Error Ask(const CommandsArguments& a, const ConversationOptions& options, const std::string& user, Session* session,
          CommandAnswers::Answer* answer) {
  Conversation chat;
  LFM2_RETURN_IF_FAILED(Error::From(chat.Open(session, options)));
  AnswerOptions most(a.max_tokens);
  most.context = &answer->tokens;
  most.on_token = [](void* tokens, int32_t token, Span<const float>) {
    static_cast<std::vector<int32_t>*>(tokens)->push_back(token);
  };
  const auto append = [&](std::string_view text) { answer->text += text; };
  LFM2_RETURN_IF_FAILED(Error::From(chat.Ask(user, most, append)));
  if (chat.answer_end() == AnswerEnd::kStop) answer->tokens.pop_back();  // the token that ends it
  return Error();
}

Error WriteAnswers(OutputFile* file, const std::vector<Command>& commands, const CommandAnswers& answers) {
  uint64_t exact = 0;
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (size_t i = 0; i < commands.size(); ++i) {
    const CommandAnswers::Answer& answer = answers.items[i];
    exact += answer.exact ? 1 : 0;
    items.push_back({{"user", commands[i].user},
                     {"call", commands[i].call},
                     {"answer", answer.text},
                     {"tokens", answer.tokens},
                     {"exact", answer.exact}});
  }
  const nlohmann::ordered_json json = {{"exact", exact}, {"items", items}};
  // The model's output need not be UTF-8.
  const std::string text = json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  LFM2_RETURN_IF_FAILED(file->Write(0, text.data(), text.size()));
  return file->Commit();
}

std::string ShareText(const RunningMean& share, const char* what) {
  const double n = static_cast<double>(share.count());
  char text[128];
  std::snprintf(text, sizeof(text), "%.0f of %.0f %s, %.2f +- %.2f %%\n", share.mean() * n, n, what, 100 * share.mean(),
                100 * share.standard_error());
  return text;
}

}  // namespace

Error ReadCommands(const std::string& path, std::vector<Command>* commands) {
  std::string text;
  LFM2_RETURN_IF_FAILED(ReadFile(path, &text));
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const Error error = ReadCommand(line, &commands->emplace_back());
    if (!error.ok()) return Error::Of(path, ": line ", uint64_t{commands->size()}, ": ", error.text());
  }
  return commands->empty() ? Error::Of(path, " has no line") : Error();
}

Error AnswerCommands(RunningModel& model, const CommandsArguments& a, const Executor* executor,
                     const std::vector<Command>& commands, const std::function<void(uint64_t, uint64_t)>& show,
                     CommandAnswers* answers) {
  ChatJson tools;
  LFM2_RETURN_IF_FAILED(tools.ReadToolsFile(a.tools));
  Session session;
  LFM2_RETURN_IF_FAILED(model.Load(a.session));
  LFM2_RETURN_IF_FAILED(Error::From(session.Open(model.image(), model.plan().options, model.arena(), executor)));
  const ChatPrompt prompt = tools.Prompt(false);
  ConversationOptions options;
  options.system = a.system;
  options.tools = prompt.tools;
  options.sampler.temperature = 0;
  options.sampler.repetition_penalty = 1;
  for (size_t i = 0; i < commands.size(); ++i) {
    const Command& command = commands[i];
    CommandAnswers::Answer answer;
    const Error error = Ask(a, options, command.user, &session, &answer);
    if (!error.ok()) return Error::Of(a.commands, ": line ", uint64_t{i + 1}, ": ", error.text());
    answer.exact = answer.text == command.call;
    answers->exact.Add(answer.exact ? 1 : 0);
    if (!command.greedy.empty()) answers->same_tokens.Add(answer.tokens == command.greedy ? 1 : 0);
    answers->items.push_back(std::move(answer));
    show(i + 1, commands.size());
  }
  return Error();
}

Error RunCommands(const CommandsArguments& a) {
  std::vector<Command> commands;
  LFM2_RETURN_IF_FAILED(ReadCommands(a.commands, &commands));
  if (a.limit > 0 && a.limit < commands.size()) commands.resize(a.limit);
  OutputFile out;
  if (!a.out.empty()) LFM2_RETURN_IF_FAILED(out.Open(a.out));
  RunningModel model;
  posix::ThreadPool pool;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  LFM2_RETURN_IF_FAILED(Error::From(pool.Open(a.threads)));
  Progress progress("asking", false, "commands");
  CommandAnswers answers;
  const auto show = [&](uint64_t done, uint64_t all) { progress.Update(done, all); };
  const Error error = AnswerCommands(model, a, pool.executor(), commands, show, &answers);
  progress.Abandon();
  LFM2_RETURN_IF_FAILED(error);
  if (!a.out.empty()) LFM2_RETURN_IF_FAILED(WriteAnswers(&out, commands, answers));
  LFM2_RETURN_IF_FAILED(WriteStandardOutput(ShareText(answers.exact, "exact")));
  if (answers.same_tokens.count() == 0) return Error();
  return WriteStandardOutput(ShareText(answers.same_tokens, "with the tokens of the file"));
}

}  // namespace lfm2::tools
