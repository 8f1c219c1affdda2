#include "tools/eval/text_commands.h"

#include "lfm2/text/chat.h"
#include "tools/common/chat_json.h"
#include "tools/common/encode_text.h"
#include "tools/common/files.h"
#include "tools/common/id_list.h"
#include "tools/open/model_file.h"

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

Error RunRender(const RenderArguments& a) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  const Vocab& vocab = model.image().vocab();
  ChatJson chat;
  std::string text;
  nlohmann::ordered_json json;
  LFM2_RETURN_IF_FAILED(ReadFile(a.messages, &text));
  LFM2_RETURN_IF_FAILED(ParseJson(a.messages, text, &json));
  const Error read = chat.ReadMessages(vocab.chat_template(), json);
  if (!read.ok()) return Error::Of(a.messages, ": ", read.text());
  if (!a.tools.empty()) {
    LFM2_RETURN_IF_FAILED(ReadFile(a.tools, &text));
    LFM2_RETURN_IF_FAILED(ParseJson(a.tools, text, &json));
    const Error tools = chat.ReadTools(json);
    if (!tools.ok()) return Error::Of(a.tools, ": ", tools.text());
  }
  std::string out;
  const auto append = [&out](const ChatPiece& piece) { out += piece.text; };
  LFM2_RETURN_IF_FAILED(Error::From(
      RenderChat(vocab.chat_template(), vocab.TokenBytes(vocab.bos()), chat.Prompt(!a.no_generation_prompt), append)));
  return WriteStandardOutput(out);
}

}  // namespace lfm2::tools
