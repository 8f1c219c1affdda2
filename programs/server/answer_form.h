// The form of an answer that a request requires.
#ifndef LFM2_PROGRAMS_SERVER_ANSWER_FORM_H_
#define LFM2_PROGRAMS_SERVER_ANSWER_FORM_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lfm2/text/grammar_constraint.h"

namespace lfm2::tools {

struct AnswerForm {
  nlohmann::ordered_json tools = nlohmann::ordered_json::array();  // each {"name", "description"?, "parameters"?}
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string tool_name;                         // of kRequired: the tool to call; empty: any
  bool parallel_calls = true;                    // several calls in one answer
  bool is_json_object = false;                   // response_format json_object
  std::optional<nlohmann::ordered_json> schema;  // of response_format json_schema
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_ANSWER_FORM_H_
