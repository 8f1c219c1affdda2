// Reads multiple choice tasks from a JSON file.
#ifndef LFM2_PROGRAMS_EVAL_CHOICE_TASKS_H_
#define LFM2_PROGRAMS_EVAL_CHOICE_TASKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"

namespace lfm2::tools {

struct ChoiceItem {
  std::string question;               // for information only; may be empty
  std::vector<std::string> contexts;  // one for all choices, or one for each
  std::vector<std::string> choices;   // at least two, none empty
  uint32_t gold = 0;                  // index of the right one

  const std::string& context(size_t choice) const { return contexts[contexts.size() == 1 ? 0 : choice]; }
};

// Reads {"items": [{"context" or "contexts", "choices", "gold", "question"?}]}; other members are ignored. At least one
// item. The Error names the file, the item and the member.
Error ReadChoiceTasks(const std::string& path, std::vector<ChoiceItem>* items);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_CHOICE_TASKS_H_
