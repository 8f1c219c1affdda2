#include "programs/eval/generate.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/thread_pool.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/open/running_model.h"
#include "programs/text/answer_rule.h"
#include "programs/text/chat_json.h"

namespace lfm2::tools {

namespace {

class Generator {
 public:
  explicit Generator(const GenerateArguments& arguments) : a_(arguments) {}

  Error Run() {
    LFM2_RETURN_IF_FAILED(model_.Open(a_.model));
    LFM2_RETURN_IF_FAILED(Error::From(pool_.Open(a_.threads)));
    LFM2_RETURN_IF_FAILED(model_.Load(a_.session));
    LFM2_RETURN_IF_FAILED(ReadChat());
    LFM2_RETURN_IF_FAILED(OpenRule());
    LFM2_RETURN_IF_FAILED(
        Error::From(session_.Open(model_.image(), model_.plan().options, model_.arena(), pool_.executor())));
    LFM2_RETURN_IF_FAILED(Answer());
    return WriteStandardOutput(a_.ids ? nlohmann::json(tokens_).dump() + "\n" : text_);
  }

 private:
  Error ReadChat() {
    nlohmann::ordered_json json;
    if (!a_.tools.empty()) {
      LFM2_RETURN_IF_FAILED(ReadJson(a_.tools, &json));
      const Error error = chat_.ReadTools(json);
      if (!error.ok()) return Error::Of(a_.tools, ": ", error.text());
    }
    if (a_.messages.empty()) {
      json = nlohmann::ordered_json::array({{{"role", "user"}, {"content", a_.prompt}}});
    } else {
      LFM2_RETURN_IF_FAILED(ReadJson(a_.messages, &json));
    }
    const Error error = chat_.ReadMessages(model_.image().vocab().chat_format(), json);
    return error.ok() || a_.messages.empty() ? error : Error::Of(a_.messages, ": ", error.text());
  }

  Error OpenRule() {
    const Vocab& vocab = model_.image().vocab();
    const bool by_file = !a_.json_schema.empty() || !a_.grammar.empty();
    const ToolList tools = chat_.Prompt(false).tools;
    if (!by_file && tools.empty()) return Error();
    LFM2_RETURN_IF_FAILED(trie_.Open(model_.file().image()));
    if (!by_file) return rule_.OpenTools(vocab, trie_.trie(), tools, a_.tool_choice);
    const std::string& path = a_.json_schema.empty() ? a_.grammar : a_.json_schema;
    std::string text;
    LFM2_RETURN_IF_FAILED(ReadFile(path, &text));
    const Error error = a_.json_schema.empty() ? rule_.OpenGrammar(vocab, trie_.trie(), text)
                                               : rule_.OpenSchema(vocab, trie_.trie(), text);
    return error.ok() ? error : Error::Of(path, ": ", error.text());
  }

  Error Answer() {
    const ChatPrompt prompt = chat_.Prompt(true);
    ConversationOptions options;
    options.tools = prompt.tools;
    options.date = a_.date;
    options.sampler = a_.sampler;
    if (a_.sampler.temperature == 0) options.sampler.repetition_penalty = 1;
    Conversation conversation;
    LFM2_RETURN_IF_FAILED(Error::From(conversation.Open(&session_, options)));
    LFM2_RETURN_IF_FAILED(Error::From(conversation.Add(prompt.messages)));
    AnswerOptions answer(a_.max_tokens);
    answer.constraint = rule_.get();
    answer.context = &tokens_;
    answer.on_token = [](void* tokens, int32_t token, Span<const float>) {
      static_cast<std::vector<int32_t>*>(tokens)->push_back(token);
    };
    const auto append = [&](std::string_view text) { text_ += text; };
    LFM2_RETURN_IF_FAILED(Error::From(conversation.Answer(answer, append)));
    // The token that ends the answer is not part of it.
    if (conversation.answer_end() == AnswerEnd::kStop) tokens_.pop_back();
    return Error();
  }

  const GenerateArguments& a_;
  RunningModel model_;
  posix::ThreadPool pool_;
  ChatJson chat_;
  TokenTrieMemory trie_;
  AnswerRule rule_;
  Session session_;
  std::string text_;
  std::vector<int32_t> tokens_;
};

}  // namespace

Error RunGenerate(const GenerateArguments& arguments) {
  Generator generator(arguments);
  return generator.Run();
}

}  // namespace lfm2::tools
