// A model, its session and a conversation: what chat does with the lines that it reads.
#ifndef LFM2_PROGRAMS_CHAT_CHAT_PROGRAM_H_
#define LFM2_PROGRAMS_CHAT_CHAT_PROGRAM_H_

#include <cstddef>
#include <string>
#include <vector>

#include "lfm2/posix/thread_pool.h"
#include "lfm2/runtime/conversation.h"
#include "lfm2/runtime/session.h"
#include "programs/base/error.h"
#include "programs/chat/chat_line.h"
#include "programs/chat/line_reader.h"
#include "programs/chat/options.h"
#include "programs/chat/turn_statistics.h"
#include "programs/open/running_model.h"
#include "programs/text/chat_json.h"

namespace lfm2::tools {

class ChatProgram {
 public:
  // options outlive this.
  explicit ChatProgram(const ChatOptions& options) : options_(options), system_(options.system) {}

  Error Run();

 private:
  Error OpenSession();
  Error OpenConversation();
  Error LoadChat(const std::string& path);
  Error SaveChat(const std::string& path) const;
  Error CheckSessionFile() const;

  Error Chat();
  Error Obey(const ChatLine& line);
  Error SetSystem(const std::string& text);
  Error Turn(ChatRole role, const std::string& content);
  Error Regenerate();
  Error Continue();
  Error Ask(const AnswerOptions& answer);
  Error Answer(const Status& begun, TurnStatistics* statistics);
  Error Prefill(const Status& begun, bool* is_read);
  void ShowReading(TurnStatistics* statistics) const;
  void EndReading() const;
  void ShowEnd() const;

  const ChatOptions& options_;
  std::string system_;
  RunningModel model_;
  ChatJson tools_;
  std::string today_;
  posix::ThreadPool pool_;
  Session session_;
  Conversation conversation_;
  bool interactive_ = false;

  // The last message, and where the conversation was before it; no mark: there is none.
  ChatRole last_role_ = ChatRole::kUser;
  std::string last_content_;
  std::vector<std::byte> before_last_;
  uint64_t regenerated_ = 0;  // answers, for their seeds
  std::string statistics_;    // of the last turn
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CHAT_CHAT_PROGRAM_H_
