// Renders templates for the comparison with jinja2: reads one JSON object a line (template, values, date) and answers
// each with one (text or error).
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "programs/jinja/render.h"

int main() {
  using Json = nlohmann::ordered_json;
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line, nullptr, false);
    Json answer;
    if (!request.is_object()) {
      answer["error"] = "no JSON";
    } else {
      lfm2::tools::JinjaContext context;
      context.values = request["values"];
      context.date = request["date"].get<std::string>();
      std::string text;
      const lfm2::tools::Error error = lfm2::tools::RenderJinja(request["template"].get<std::string>(), context, &text);
      if (error.ok()) {
        answer["text"] = text;
      } else {
        answer["error"] = error.text();
      }
    }
    std::cout << answer.dump(-1, ' ', true) << std::endl;
  }
  return 0;
}
