#include "programs/eval/text_commands.h"

#include <iostream>

#include "lfm2/text/chat.h"
#include "programs/files/files.h"
#include "programs/files/id_list.h"
#include "programs/open/model_file.h"
#include "programs/text/chat_json.h"
#include "programs/text/encode_text.h"

namespace lfm2::tools {

Error RunTokens(const TokensArguments& a) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  std::string text;
  LFM2_RETURN_IF_FAILED(ReadStandardInput(&text));
  std::vector<int32_t> ids;
  LFM2_RETURN_IF_FAILED(EncodeText(model.image().vocab(), text, a.special, a.bos, &ids));
  return WriteStandardOutput(FormatIds(ids) + "\n");
}

Error RunText(const ModelArgument& argument) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open(argument));
  const Vocab& vocab = model.image().vocab();
  std::string json, text;
  std::vector<int32_t> ids;
  LFM2_RETURN_IF_FAILED(ReadStandardInput(&json));
  LFM2_RETURN_IF_FAILED(ParseIds("standard input", json, vocab.size(), &ids));
  for (const int32_t id : ids) text += vocab.TokenBytes(id);
  return WriteStandardOutput(text);
}

namespace {

using Json = nlohmann::ordered_json;

// chat: {"messages", "tools"?, "add_generation_prompt"?, "date"?}.
Error Render(const ChatFormat& format, std::string_view bos, const Json& chat, const std::string& date,
             std::string* out) {
  if (!chat.is_object() || !chat.contains("messages")) return Error::Of("the chat is not an object with messages");
  ChatJson read;
  LFM2_RETURN_IF_FAILED(read.ReadMessages(format, chat["messages"]));
  if (chat.contains("tools")) LFM2_RETURN_IF_FAILED(read.ReadTools(chat["tools"]));
  const auto answers = chat.find("add_generation_prompt");
  const std::string own_date = chat.contains("date") && chat["date"].is_string() ? chat["date"].get<std::string>() : "";
  ChatPrompt prompt = read.Prompt(answers == chat.end() || *answers == true);
  prompt.date = own_date.empty() ? date : own_date;
  out->clear();
  return Error::From(RenderChat(format, bos, prompt, [out](const ChatPiece& piece) { *out += piece.text; }));
}

Error RenderLines(const ChatFormat& format, std::string_view bos, const std::string& date) {
  std::string line, text;
  while (std::getline(std::cin, line)) {
    Json chat;
    Error error = ParseJson("the line", line, &chat);
    if (error.ok()) error = Render(format, bos, chat, date, &text);
    const char* const key = error.ok() ? "text" : "error";
    // A chat can end within a UTF-8 character, and then so does the text.
    LFM2_RETURN_IF_FAILED(WriteStandardOutput(
        Json{{key, error.ok() ? text : error.text()}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  }
  return Error();
}

}  // namespace

Error RunRender(const RenderArguments& a) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  const Vocab& vocab = model.image().vocab();
  const std::string_view bos = vocab.TokenBytes(vocab.bos());
  const ChatFormat format = a.chat_format.has_value() ? a.chat_format->view() : vocab.chat_format();
  if (a.lines) return RenderLines(format, bos, a.date);
  Json chat = {{"messages", nullptr}, {"tools", nullptr}, {"add_generation_prompt", !a.no_generation_prompt}};
  LFM2_RETURN_IF_FAILED(ReadJson(a.messages, &chat["messages"]));
  if (!a.tools.empty()) LFM2_RETURN_IF_FAILED(ReadJson(a.tools, &chat["tools"]));
  std::string text;
  const Error error = Render(format, bos, chat, a.date, &text);
  if (!error.ok()) return Error::Of(a.messages, a.tools.empty() ? "" : " with " + a.tools, ": ", error.text());
  return WriteStandardOutput(text);
}

}  // namespace lfm2::tools
