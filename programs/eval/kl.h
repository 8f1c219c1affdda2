// lfm2-eval kl: the divergence of a model's predictions from those of its base.
#ifndef LFM2_PROGRAMS_EVAL_KL_H_
#define LFM2_PROGRAMS_EVAL_KL_H_

#include <cstdint>
#include <string>

#include "programs/base/error.h"
#include "programs/eval/corpus.h"
#include "programs/open/model_file.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

struct KlArguments {
  ModelArgument model;
  std::string base;
  CorpusArguments corpus;
  bool reference = false;
  SessionArguments session;  // of both sessions; the context is the corpus's window
  uint32_t threads = 1;
};
Error RunKl(const KlArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_KL_H_
