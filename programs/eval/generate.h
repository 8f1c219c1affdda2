// lfm2-eval generate: an answer, free or constrained, on standard output.
#ifndef LFM2_PROGRAMS_EVAL_GENERATE_H_
#define LFM2_PROGRAMS_EVAL_GENERATE_H_

#include <cstdint>
#include <string>

#include "lfm2/text/sampler.h"
#include "programs/base/error.h"
#include "programs/open/model_file.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {

struct GenerateArguments {
  ModelArgument model;
  std::string prompt;                // the user's message; or
  std::string messages;              // JSON file with a list of messages
  std::string tools;                 // JSON file with a list of tools; empty: none
  std::string tool_choice = "auto";  // auto, none, required or the name of a tool
  std::string json_schema;           // file; empty: none
  std::string grammar;               // file in GBNF; empty: none
  std::string date;                  // today's date, for templates that contain it
  SamplerOptions sampler;            // temperature 0: always the likeliest token
  uint32_t max_tokens = 0;           // 0: until the answer has ended or the context is full
  bool ids = false;
  SessionArguments session;
  uint32_t threads = 1;
};

Error RunGenerate(const GenerateArguments& arguments);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_GENERATE_H_
