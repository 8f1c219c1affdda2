// lfm2-grammar: compiles a grammar, a JSON schema or a list of tools for firmware that uses the result in flash.
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "programs/console/command_line.h"
#include "programs/console/console.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"
#include "programs/options/byte_size.h"
#include "programs/text/chat_json.h"
#include "programs/text/compile_grammar.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-grammar";

struct Arguments {
  std::string out;
  std::string gbnf;
  std::string json_schema;
  std::string tools;
  std::string only;
  bool one_call = false;
  bool double_quotes = false;
  bool json = false;
};

Error Compile(const Arguments& a, CompiledGrammar* grammar) {
  if (a.tools.empty()) {
    std::string text;
    const std::string& path = a.gbnf.empty() ? a.json_schema : a.gbnf;
    LFM2_RETURN_IF_FAILED(ReadFile(path, &text));
    const Error error = a.gbnf.empty() ? grammar->FromJsonSchema(text) : grammar->FromGbnf(text);
    return error.ok() ? error : Error::Of(path, ": ", error.text());
  }
  ChatJson tools;
  LFM2_RETURN_IF_FAILED(tools.ReadToolsFile(a.tools));
  ToolsGrammarOptions options;
  options.only = a.only;
  options.parallel = !a.one_call;
  options.single_quotes = !a.double_quotes;
  options.form = a.json ? CallForm::kJson : CallForm::kPython;
  const Error error = grammar->FromTools(tools.Prompt(false).tools, options);
  return error.ok() ? error : Error::Of(a.tools, ": ", error.text());
}

Error Run(const Arguments& a) {
  CompiledGrammar grammar;
  LFM2_RETURN_IF_FAILED(Compile(a, &grammar));
  OutputFile file;
  LFM2_RETURN_IF_FAILED(file.Open(a.out));
  LFM2_RETURN_IF_FAILED(file.Write(0, grammar.bytes().data(), grammar.bytes().size()));
  LFM2_RETURN_IF_FAILED(file.Commit());
  const Grammar& g = grammar.grammar();
  uint32_t rules = 0, states = 0;
  for (uint32_t at = 1; at < g.word_count(); at += g.Size(at)) {
    rules += g.Kind(at) == GrammarRecord::kRule ? 1 : 0;
    states += g.Kind(at) == GrammarRecord::kState ? 1 : 0;
  }
  std::printf("%s: %s, %u rules, %u states\n", a.out.c_str(), HumanBytes(grammar.bytes().size()).c_str(), rules,
              states);
  return Error();
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("Compiles a grammar for answers, for programs that use it in place: Grammar::Open, GrammarConstraint.");
  Arguments a;
  app.add_option("OUT", a.out, "Compiled grammar to write")->required();
  CLI::Option_group* source = app.add_option_group("source", "What to compile");
  source->add_option("--grammar", a.gbnf, "Grammar in GBNF")->type_name("FILE");
  source->add_option("--json-schema", a.json_schema, "JSON schema: texts are JSON by it")->type_name("FILE");
  CLI::Option* tools =
      source->add_option("--tools", a.tools, "Tools, a JSON list: answers are calls of them")->type_name("FILE");
  source->require_option(1);
  app.add_option("--only", a.only, "Only calls of this tool")->needs(tools)->type_name("NAME");
  app.add_flag("--one-call", a.one_call, "Exactly one call")->needs(tools);
  app.add_flag("--double-quotes", a.double_quotes, "Strings in double quotes only, not in single ones")->needs(tools);
  app.add_flag("--json", a.json, "Calls as JSON instead of name(argument=value)")->needs(tools);
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  return Finish(kProgram, Run(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
