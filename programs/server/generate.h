// Answers a request: from its body to tasks of the engine, and from these to a response.
#ifndef LFM2_PROGRAMS_SERVER_GENERATE_H_
#define LFM2_PROGRAMS_SERVER_GENERATE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "programs/server/answer_writer.h"
#include "programs/server/service.h"

namespace lfm2::tools {

class AnswerRun {
 public:
  // Cancels what is not finished.
  ~AnswerRun();

  // Reads the body and passes its tasks to the engine. Errors: 400, 503.
  ApiError BeginChat(Service* service, std::string_view body);
  ApiError BeginCompletion(Service* service, std::string_view body);
  bool streams() const { return streams_; }

  // Waits for the first output. wanted: called now and then; false cancels. Errors: of computing; 499.
  ApiError WaitForFirst(const std::function<bool()>& wanted);
  // The rest of a response without streaming.
  ApiError Whole(const std::function<bool()>& wanted, std::string* body);
  // The next events; false at the end. An error becomes an event.
  bool NextEvents(const std::function<bool()>& wanted, std::string* events);

 private:
  ApiError Submit(Service* service, std::vector<std::shared_ptr<GenerationTask>> tasks, bool streams);
  ApiError Advance(std::string* events);

  std::vector<std::shared_ptr<GenerationTask>> tasks_;
  std::unique_ptr<AnswerWriter> writer_;
  bool streams_ = false;
  size_t at_ = 0;      // index of the current task
  std::string first_;  // output that WaitForFirst has taken
  bool is_over_ = false;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_GENERATE_H_
