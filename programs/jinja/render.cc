#include "programs/jinja/render.h"

#include <utility>
#include <vector>

#include "programs/jinja/interpreter.h"
#include "programs/jinja/json_text.h"
#include "programs/jinja/lexer.h"
#include "programs/jinja/parser.h"
#include "programs/jinja/render_within.h"

namespace lfm2::tools {

namespace jinja {

namespace {

constexpr size_t kLargestTemplate = 1u << 20;

}  // namespace

Error RenderWithin(const Limits& limits, const std::string& source, const JinjaContext& context, std::string* out) {
  out->clear();
  if (source.size() > kLargestTemplate) {
    return Error::Of("the chat template has ", uint64_t{source.size()}, " bytes, more than ",
                     uint64_t{kLargestTemplate});
  }
  std::vector<Token> tokens;
  LFM2_RETURN_IF_FAILED(Tokenize(source, &tokens));
  Body body;
  LFM2_RETURN_IF_FAILED(Parser(std::move(tokens)).Parse(&body));
  Execution run(limits, context.date);
  {
    Interpreter interpreter(run, FromJson(run, context.values));
    if (!run.failed()) interpreter.Render(body, out);
  }
  if (run.failed()) out->clear();
  return run.error();
}

}  // namespace jinja

Error RenderJinja(const std::string& source, const JinjaContext& context, std::string* out) {
  return jinja::RenderWithin(jinja::Limits(), source, context, out);
}

}  // namespace lfm2::tools
