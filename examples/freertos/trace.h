// Records which task had the processor in every millisecond, and prints it as a chart.
#ifndef LFM2_EXAMPLES_FREERTOS_TRACE_H_
#define LFM2_EXAMPLES_FREERTOS_TRACE_H_

#include <cstdint>
#include <string_view>

#include "console.h"

class Trace {
 public:
  static constexpr uint32_t kMilliseconds = 80, kTasks = 4;

  // Records from `tick` on.
  void Begin(uint32_t tick) {
    begin_ = tick;
    is_on_ = true;
  }
  // The task that runs from this tick on. Called with interrupts disabled.
  void Note(uint32_t tick, std::string_view task) {
    if (!is_on_ || tick - begin_ >= kMilliseconds) return;
    for (uint32_t t = last_ - begin_; last_task_ < kTasks && t <= tick - begin_; ++t) ran_[last_task_][t] = true;
    uint32_t i = 0;
    while (i < kTasks && !names_[i].empty() && names_[i] != task) ++i;
    if (i == kTasks) return;
    names_[i] = task;
    ran_[i][tick - begin_] = true;
    last_ = tick;
    last_task_ = i;
  }
  void Show() const {
    for (uint32_t i = 0; i < kTasks && !names_[i].empty(); ++i) {
      Print(names_[i]);
      for (size_t column = names_[i].size(); column < 9; ++column) Print(" ");
      for (const bool ran : ran_[i]) Print(ran ? "#" : ".");
      Print("\n");
    }
  }

 private:
  std::string_view names_[kTasks];
  bool ran_[kTasks][kMilliseconds] = {};
  uint32_t begin_ = 0;
  uint32_t last_ = 0;
  uint32_t last_task_ = kTasks;
  bool is_on_ = false;
};

#endif  // LFM2_EXAMPLES_FREERTOS_TRACE_H_
