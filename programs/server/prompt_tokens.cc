#include "programs/server/prompt_tokens.h"

#include <cstring>

#include "lfm2/text/chat_encoder.h"
#include "programs/text/chat_json.h"
#include "programs/text/encode_text.h"

namespace lfm2::tools {

namespace {

// Places after fewer tokens are not worth a mark.
constexpr size_t kLeastPlace = 16;

// The format with tool calls of earlier answers, in the form on which models were trained whose template leaves calls
// to the content.
ChatFormat WithCalls(ChatFormat format) {
  if (format.calls != ChatCalls::kNotWritten) return format;
  format.calls = ChatCalls::kBeforeContent;
  format.calls_begin = "<|tool_call_start|>[";
  format.calls_end = "]<|tool_call_end|>";
  format.quotes = ChatQuotes::kDouble;
  format.lists = format.objects = ChatNesting::kPython;
  return format;
}

// Adds the end of the system text and the beginning of the last message.
void FindPlaces(const Vocab& vocab, PromptTokens* out) {
  const int32_t begin = vocab.MatchSpecial("<|im_start|>", true);
  std::vector<uint32_t> turns;
  for (size_t i = 0; i < out->ids.size(); ++i) {
    if (out->ids[i] == begin) turns.push_back(static_cast<uint32_t>(i));
  }
  // The last turn is that of the answer.
  if (begin == kNoToken || turns.size() < 3) return;
  for (const uint32_t place : {turns[1], turns[turns.size() - 2]}) {
    if (place >= kLeastPlace && (out->places.empty() || place > out->places.back())) out->places.push_back(place);
  }
}

}  // namespace

ApiError EncodeChatRequest(const Vocab& vocab, const ChatFormat& model_format, const std::string& date,
                           const ChatRequest& request, PromptTokens* out) {
  const ChatFormat format = request.has_tool_calls ? WithCalls(model_format) : model_format;
  ChatJson chat;
  Error error = chat.ReadMessages(format, request.messages);
  if (!error.ok()) return ApiError::Bad("messages", error.text());
  error = chat.ReadTools(request.form.tools);
  if (!error.ok()) return ApiError::Bad("tools", error.text());
  ChatPrompt prompt = chat.Prompt(true);
  prompt.date = date;
  size_t bytes = 0;
  const std::string_view bos = vocab.TokenBytes(vocab.bos());
  Status status = RenderChat(format, bos, prompt, [&](ChatPiece piece) { bytes += piece.text.size(); });
  if (status.ok()) {
    // A token stands for at least one byte, and a word is at most as long as the text.
    out->ids.resize(bytes);
    std::vector<std::byte> scratch(static_cast<size_t>(ChatScratchBytes(bytes)));
    size_t count = 0;
    status = EncodeChat(Tokenizer(vocab), format, prompt, false, {scratch.data(), scratch.size()},
                        {out->ids.data(), out->ids.size()}, &count);
    out->ids.resize(status.ok() ? count : 0);
  }
  if (!status.ok()) {
    const bool of_tool = std::strcmp(status.where(), "tool") == 0;
    return ApiError::Bad(of_tool ? "tools" : "messages", Error::From(status).text());
  }
  FindPlaces(vocab, out);
  return ApiError();
}

ApiError EncodeCompletionText(const Vocab& vocab, const std::string& text, PromptTokens* out) {
  const std::string_view bos = vocab.bos() == kNoToken ? std::string_view() : vocab.TokenBytes(vocab.bos());
  out->adds_begin = vocab.add_bos() && !bos.empty() && text.compare(0, bos.size(), bos) != 0;
  const Error error = EncodeText(vocab, text, true, out->adds_begin, &out->ids);
  if (!error.ok()) return ApiError::Bad("prompt", error.text());
  if (out->ids.empty()) return ApiError::Bad("prompt", "prompt is empty, and the model has no begin token");
  return ApiError();
}

ApiError CheckPromptLength(size_t tokens, uint32_t context_length, const char* param) {
  if (tokens < context_length) return ApiError();
  ApiError error = ApiError::Bad(param, param, " has ", uint64_t{tokens}, " tokens, and this server's context has ",
                                 context_length, ", of which an answer needs at least one");
  error.code = "context_length_exceeded";
  return error;
}

}  // namespace lfm2::tools
