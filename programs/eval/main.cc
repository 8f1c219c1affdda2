// lfm2-eval: a model's tokens, prompts and logits for comparison with other engines, and the quality of its
// predictions.
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "lfm2/format/model_config.h"
#include "programs/console/command_line.h"
#include "programs/eval/choices.h"
#include "programs/eval/commands.h"
#include "programs/eval/generate.h"
#include "programs/eval/kl.h"
#include "programs/eval/model_commands.h"
#include "programs/eval/table.h"
#include "programs/eval/text_commands.h"
#include "programs/eval/tool_calls.h"
#include "programs/open/model_option.h"
#include "programs/options/byte_size.h"
#include "programs/options/date_option.h"
#include "programs/options/kv_option.h"
#include "programs/options/storage_option.h"
#include "programs/options/template_option.h"
#include "programs/options/whole_number.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-eval";

using Action = std::function<Error()>;

CLI::App* AddCommand(CLI::App* app, const char* name, const char* what, ModelArgument* model) {
  CLI::App* command = app->add_subcommand(name, what);
  AddModelOption(command, model);
  return command;
}

void AddRecordOption(CLI::App* command, std::string* file) {
  command->add_option("--record-trace", *file, "record which experts the tokens choose, for lfm2-cache-sim")
      ->type_name("FILE");
}

// --reference, and --kv if that is not given.
void AddReferenceOption(CLI::App* command, bool* reference, SessionArguments* session) {
  CLI::Option* kv = AddKvOption(command, &session->kv_cache);
  command->add_flag("--reference", *reference, "the scalar oracle: float activations, float key/value cache")
      ->excludes(kv);
}

// Options of every command's session: chunk size, storage and threads.
void AddRunOptions(CLI::App* command, SessionArguments* session, uint32_t* threads) {
  command->add_option("--chunk", session->chunk, "tokens that prefill computes at a time")
      ->check(CLI::Range(1u, kMaxContextLength));
  AddStorageOptions(command, session);
  AddStreamingOptions(command, session);
  command->add_option("--threads", *threads, "threads")->check(CLI::Range(1u, 256u));
}

void AddCorpusOptions(CLI::App* command, CorpusArguments* corpus) {
  CLI::Option_group* input = command->add_option_group("input", "text to predict");
  CLI::Option* text = input->add_option("--text", corpus->text, "text file");
  input->add_option("--ids", corpus->ids, "JSON file with a list of token ids");
  input->require_option(1);
  command->add_flag("--special", corpus->special, "in the text, the text of special tokens becomes those tokens")
      ->needs(text);
  command
      ->add_option("--context", corpus->window,
                   "tokens of a window, each predicted from the ones before it in the window")
      ->check(CLI::Range(2u, kMaxContextLength));
}

void AddTokens(CLI::App* app, TokensArguments* a, Action* run) {
  CLI::App* command = AddCommand(app, "tokens", "standard input, one document, to a JSON list of token ids", &a->model);
  command->add_flag("--special", a->special, "the text of special tokens becomes those tokens");
  command->add_flag("--bos", a->bos, "begin with the begin-of-text token");
  command->callback([=] { *run = [=] { return RunTokens(*a); }; });
}

void AddText(CLI::App* app, ModelArgument* model, Action* run) {
  CLI::App* command = AddCommand(app, "text", "a JSON list of token ids on standard input to their bytes", model);
  command->callback([=] { *run = [=] { return RunText(*model); }; });
}

void AddRender(CLI::App* app, RenderArguments* a, Action* run) {
  CLI::App* command = AddCommand(app, "render", "a chat to the exact text of its prompt", &a->model);
  CLI::Option* messages =
      command->add_option("MESSAGES", a->messages, "JSON file with a list of messages, each with role and content");
  command->add_option("--tools", a->tools, "JSON file with a list of tools")->needs(messages);
  command->add_flag("--no-generation-prompt", a->no_generation_prompt, "do not start the assistant's answer")
      ->needs(messages);
  AddTemplateOption(command, "the image's", &a->chat_format);
  AddDateOption(command, &a->date);
  CLI::Option* lines = command->add_flag(
      "--lines", a->lines,
      "a chat in each line of standard input: {\"messages\", \"tools\", \"add_generation_prompt\"}; its prompt, as "
      "{\"text\"}, or an {\"error\"}, in a line of standard output");
  lines->excludes(messages);
  command->callback([=] {
    if (messages->count() == 0 && lines->count() == 0) throw CLI::RequiredError("MESSAGES or --lines");
    *run = [=] { return RunRender(*a); };
  });
}

void AddToolCalls(CLI::App* app, ToolCallsArguments* a, Action* run) {
  CLI::App* command = app->add_subcommand(
      "tool-calls", "the tool calls in standard input, an answer's text, to a JSON list of {\"name\", \"arguments\"}");
  command->add_option("--tools", a->tools, "JSON file with a list of tools, for the names of positional arguments");
  command->callback([=] { *run = [=] { return RunToolCalls(*a); }; });
}

void AddLogits(CLI::App* app, LogitsArguments* a, Action* run) {
  CLI::App* command =
      AddCommand(app, "logits", "logits of every position of a prompt, as float32 [tokens, vocabulary]", &a->model);
  command->add_option("--ids", a->ids, "JSON file with the list of token ids, one continuous prompt")->required();
  command->add_option("--out", a->out, ".npy file to write")->required();
  command->add_option("--save", a->save, "file to write: the state after the ids")->type_name("STATE");
  command->add_option("--load", a->load, "file of a saved state, which the ids continue")->type_name("STATE");
  AddReferenceOption(command, &a->reference, &a->session);
  AddRunOptions(command, &a->session, &a->threads);
  AddRecordOption(command, &a->record_trace);
  command->callback([=] { *run = [=] { return RunLogits(*a); }; });
}

void AddPerplexity(CLI::App* app, PerplexityArguments* a, Action* run) {
  CLI::App* command = AddCommand(app, "perplexity", "perplexity of a text, with its standard error", &a->model);
  AddCorpusOptions(command, &a->corpus);
  AddKvOption(command, &a->session.kv_cache);
  AddRunOptions(command, &a->session, &a->threads);
  AddRecordOption(command, &a->record_trace);
  command->callback([=] { *run = [=] { return RunPerplexity(*a); }; });
}

void AddKl(CLI::App* app, KlArguments* a, Action* run) {
  CLI::App* command =
      AddCommand(app, "kl", "KL divergence of a model's predictions from those of its base, over a text", &a->model);
  command->add_option("--base", a->base, "model that the predictions are compared with")->required();
  AddCorpusOptions(command, &a->corpus);
  AddReferenceOption(command, &a->reference, &a->session);
  AddRunOptions(command, &a->session, &a->threads);
  command->callback([=] { *run = [=] { return RunKl(*a); }; });
}

void AddChoices(CLI::App* app, ChoicesArguments* a, Action* run) {
  CLI::App* command = AddCommand(app, "choices", "accuracy in multiple choice tasks, by log likelihood", &a->model);
  command->add_option("TASKS", a->tasks, "JSON file of items, as tools/export-tasks.py writes it")->required();
  command->add_option("--out", a->out, "JSON file to write: the log likelihoods of every item");
  command->add_option("--limit", a->limit, "limit the number of items; 0: all")->capture_default_str();
  AddReferenceOption(command, &a->reference, &a->session);
  AddRunOptions(command, &a->session, &a->threads);
  command->callback([=] { *run = [=] { return RunChoices(*a); }; });
}

void AddCommands(CLI::App* app, CommandsArguments* a, Action* run) {
  CLI::App* command =
      AddCommand(app, "commands", "how many commands a model answers with exactly the right tool call", &a->model);
  command->add_option("COMMANDS", a->commands, "file with a JSON object on each line: user, call")->required();
  command->add_option("--out", a->out, "JSON file to write: every answer");
  command->add_option("--limit", a->limit, "limit the number of commands; 0: all")->capture_default_str();
  command->add_option("--system", a->system, "system message");
  command->add_option("--tools", a->tools, "JSON file with a list of tools");
  command->add_option("--max-tokens", a->max_tokens, "longest answer")->capture_default_str();
  command->add_option("--context", a->session.context, "positions for a prompt and its answer; 0: as chat")
      ->check(CLI::Range(0u, kMaxContextLength))
      ->capture_default_str();
  AddKvOption(command, &a->session.kv_cache);
  AddRunOptions(command, &a->session, &a->threads);
  command->callback([=] { *run = [=] { return RunCommands(*a); }; });
}

void AddGenerate(CLI::App* app, GenerateArguments* a, Action* run) {
  CLI::App* command = AddCommand(app, "generate", "one answer, free or constrained, on standard output", &a->model);
  CLI::Option_group* chat = command->add_option_group("chat", "chat to answer");
  chat->add_option("--prompt", a->prompt, "the user's message");
  chat->add_option("--messages", a->messages, "JSON file with a list of messages, each with role and content");
  chat->require_option(1);
  CLI::Option* tools = command->add_option(
      "--tools", a->tools, "JSON file with a list of tools; calls in the answer are well-formed calls of these");
  CLI::Option* choice =
      command->add_option("--tool-choice", a->tool_choice, "auto, none, required, or the name of the tool to call")
          ->needs(tools)
          ->capture_default_str();
  CLI::Option* schema =
      command->add_option("--json-schema", a->json_schema, "file with a JSON schema: the answer conforms to it");
  command->add_option("--grammar", a->grammar, "file with a grammar in GBNF: the answer conforms to it")
      ->excludes(schema)
      ->excludes(choice);
  schema->excludes(choice);
  command->add_option("--temperature", a->sampler.temperature, "0: always the likeliest token; default: the model's");
  command->add_option("--seed", a->sampler.seed, "equal seeds give equal answers")
      ->check(WholeNumber())
      ->capture_default_str();
  command->add_option("--max-tokens", a->max_tokens, "longest answer; 0: no limit")->capture_default_str();
  command->add_flag("--ids", a->ids, "write the answer's token ids, a JSON list, instead of its text");
  AddDateOption(command, &a->date);
  command->add_option("--context", a->session.context, "positions for a prompt and its answer; 0: as chat")
      ->check(CLI::Range(0u, kMaxContextLength))
      ->capture_default_str();
  AddKvOption(command, &a->session.kv_cache);
  AddRunOptions(command, &a->session, &a->threads);
  command->callback([=] { *run = [=] { return RunGenerate(*a); }; });
}

void AddTable(CLI::App* app, TableArguments* a, Action* run) {
  CLI::App* command = app->add_subcommand("table", "a table of models: quality, speed, size and memory");
  command->add_option("MODEL", a->models, "models of one vocabulary: images, GGUF files or directories")->required();
  AddCacheOption(command, &a->cache);
  command->add_option("--base", a->base, "the model that the others are compared with; default: the first");
  AddCorpusOptions(command, &a->corpus);
  command->add_option("--choices", a->choices, "JSON file of items, as for choices");
  command->add_option("--commands", a->commands, "file of commands, as for commands");
  CLI::Option* arena = command
                           ->add_option("--arena", a->arena_bytes,
                                        "also decode in an arena of this size, such as 1300M or 1.3GB, with experts "
                                        "read from the file as needed")
                           ->transform(ByteSizeText())
                           ->type_name("BYTES");
  command
      ->add_option("--throttle", a->throttle,
                   "simulated maximum speed of the drive in bytes a second, such as 85MB; 0: no limit")
      ->transform(ByteSizeText())
      ->type_name("BYTES")
      ->needs(arena);
  command->add_option("--svg", a->svg, "picture to write: quality against size, bytes read a token, and speed");
  command->add_flag("--markdown", a->markdown, "write the table in Markdown");
  command->add_option("--threads", a->threads, "threads; 0: one for each usable core")
      ->check(CLI::Range(0u, 256u))
      ->capture_default_str();
  command->callback([=] { *run = [=] { return RunTable(*a); }; });
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Computes what other engines compute too, for comparison: tokens, prompts, logits; and measures how good a "
      "model's\n"
      "predictions are: perplexity, divergence from another model, accuracy.");
  app.require_subcommand(1);
  TokensArguments tokens;
  RenderArguments render;
  ToolCallsArguments tool_calls;
  LogitsArguments logits;
  PerplexityArguments perplexity;
  KlArguments kl;
  ChoicesArguments choices;
  CommandsArguments commands;
  GenerateArguments generate;
  TableArguments table;
  ModelArgument text_model;
  Action run;
  AddTokens(&app, &tokens, &run);
  AddText(&app, &text_model, &run);
  AddRender(&app, &render, &run);
  AddToolCalls(&app, &tool_calls, &run);
  AddLogits(&app, &logits, &run);
  AddPerplexity(&app, &perplexity, &run);
  AddKl(&app, &kl, &run);
  AddChoices(&app, &choices, &run);
  AddCommands(&app, &commands, &run);
  AddGenerate(&app, &generate, &run);
  AddTable(&app, &table, &run);
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  return Finish(kProgram, run());
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
