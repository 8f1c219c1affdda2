// lfm2-inspect: the contents of a model image, and the memory that a session needs.
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "lfm2/format/image.h"
#include "lfm2/text/utf8.h"
#include "programs/console/command_line.h"
#include "programs/console/console.h"
#include "programs/files/files.h"
#include "programs/inspect/config_header.h"
#include "programs/inspect/describe_json.h"
#include "programs/open/model_file.h"
#include "programs/open/model_option.h"
#include "programs/options/kv_option.h"
#include "programs/options/storage_option.h"
#include "programs/session/describe.h"
#include "programs/session/session_plan.h"

namespace lfm2::tools {
namespace {

constexpr char kProgram[] = "lfm2-inspect";

struct Arguments {
  ModelArgument model;
  bool json = false;
  bool plan = false;
  bool header = false;
  SessionArguments session;
};

// The beginning of a text, with line breaks as \n.
std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (line.size() >= 70 && !IsContinuation(c)) return line + "...";
    line += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, static_cast<uint8_t>(c) < 0x20 ? ' ' : c);
  }
  return line;
}

std::string DescribeTokenTrie(const TokenTrie& trie) {
  if (trie.token_count() == 0) return "none";
  const auto nodes = [&](TokenClass c) { return Grouped(trie.nodes(c).size()); };
  return HumanBytes(trie.bytes().size()) + ", nodes: " + nodes(TokenClass::kPlain) + " plain, " +
         nodes(TokenClass::kControl) + " control, " + nodes(TokenClass::kOther) + " other";
}

// trie: not open if the image has none.
std::string Facts(const ModelFile& model, const TokenTrie& trie) {
  const Image& image = model.image();
  const ModelConfig& config = image.config();
  const Vocab& vocab = image.vocab();
  Table facts("ll");
  facts.Row({"name", image.name()});
  facts.Row({"image", HumanBytes(image.file_bytes())});
  facts.Row({"pinned part", HumanBytes(image.pinned_bytes())});
  if (config.moe_layers() > 0) {
    facts.Row({"expert records", std::to_string(config.moe_layers() * config.experts) + " of up to " +
                                     HumanBytes(image.record_layer(0).bytes)});
  }
  facts.Row({"token trie", DescribeTokenTrie(trie)});
  facts.Row({"weights", Grouped(WeightCount(config, model.Directory()))});
  const ChatFormat chat = vocab.chat_format();
  facts.Row({"chat template", chat.name.empty() ? "none" : std::string(chat.name)});
  if (!chat.default_system.empty()) facts.Row({"default system text", OneLine(chat.default_system)});
  facts.Row({"sampling", DescribeSampling(image.sampling())});
  return facts.Text();
}

Error Inspect(const Arguments& a) {
  ModelFile model;
  LFM2_RETURN_IF_FAILED(model.Open(a.model));
  const ModelConfig& config = model.image().config();
  if (a.header) return WriteStandardOutput(ConfigHeader(model.image()));
  TokenTrie trie;
  if (model.image().token_trie_bytes() > 0) {
    const Status status = model.image().OpenTokenTrie(&trie);
    if (!status.ok()) return Error::Of(model.path(), ": ", Error::From(status).text());
  }
  SessionPlan plan;
  if (a.plan) LFM2_RETURN_IF_FAILED(MakeSessionPlan(model.image(), a.session, &plan));
  if (a.json) {
    nlohmann::ordered_json json = ImageJson(model, trie);
    if (a.plan) json["plan"] = PlanJson(plan);
    // The name comes from the file and need not be UTF-8.
    return WriteStandardOutput(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }
  std::string text = Facts(model, trie) + "\n" + DescribeConfig(config) + "\n" + TensorTable(config, model.Directory());
  if (a.plan) text += "\n" + PlanTable(plan);
  return WriteStandardOutput(text);
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Shows the contents of a .lfm2 model image: config, tensors, types and sizes; and the memory that a session "
      "needs.");
  Arguments a;
  AddModelOption(&app, &a.model);
  CLI::Option* json = app.add_flag("--json", a.json, "JSON, with every tensor");
  CLI::Option* plan = app.add_flag("--plan", a.plan, "Also show the memory plan of a session");
  app.add_flag("--header", a.header,
               "A C++ header with the shape of the model, for firmware that sizes its arena at compile time")
      ->excludes(plan)
      ->excludes(json);
  app.add_option("--context", a.session.context, "Positions of that session; without it, the default of a session")
      ->type_name("N")
      ->needs(plan)
      ->check(CLI::Range(1u, kMaxContextLength));
  app.add_option("--chunk", a.session.chunk, "Tokens that its prefill computes at a time")
      ->type_name("N")
      ->needs(plan)
      ->check(CLI::Range(1u, kMaxContextLength));
  AddKvOption(&app, &a.session.kv_cache)->needs(plan);
  const auto [storage, arena] = AddStorageOptions(&app, &a.session);
  storage->needs(plan);
  arena->needs(plan);
  int exit_code = 0;
  if (!ParseCommandLine(&app, argc, argv, &exit_code)) return exit_code;
  return Finish(kProgram, Inspect(a));
}

}  // namespace lfm2::tools

int main(int argc, char** argv) { return lfm2::tools::Main(argc, argv); }
