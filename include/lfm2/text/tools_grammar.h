// Compiles tools to a grammar of their calls.
#ifndef LFM2_TEXT_TOOLS_GRAMMAR_H_
#define LFM2_TEXT_TOOLS_GRAMMAR_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/json_schema.h"
#include "lfm2/text/tool_list.h"

namespace lfm2 {

// The form of the calls of tools.
enum class CallForm : uint8_t {
  kPython,  // [name(argument=value, ...), ...]
  kJson,    // {"name": "...", "arguments": {...}}, or a list of such objects
};

// Options of CompileTools.
struct ToolsGrammarOptions {
  std::string_view only;              // name of the only tool to be called; empty: any
  bool parallel = true;               // any number of calls in a list; false: exactly one
  CallForm form = CallForm::kPython;  // the form of the calls
  // For kPython: strings in quotes of either kind. false: in double quotes only, as LFM2 writes them when unrestricted,
  // so that the quote before a string is certain and need not be sampled.
  bool single_quotes = true;
};

namespace schema_internal {

class ToolsCompiler {
 public:
  using GNode = GrammarBuilder::Node;
  using Rule = GrammarBuilder::Rule;

  ToolsCompiler(const ToolsGrammarOptions& options, GrammarBuilder* builder) : options_(options), b_(*builder) {}

  Status Run(const ToolList& tools, Rule* start) {
    Rule* const calls = b_.Allocate<Rule>(tools.size());
    uint32_t count = 0;
    for (size_t i = 0; i < tools.size() && b_.ok(); ++i) {
      const Rule rule = Tool(tools[i]);
      if (!b_.ok()) return Status(b_.status()).At(static_cast<uint32_t>(i));
      if (rule != 0) calls[count++] = rule;
    }
    if (b_.ok() && count == 0) b_.Fail(Status(StatusCode::kInvalidArgument, "only", "names none of the tools"));
    *start = b_.Declare(0);
    b_.Begin(*start);
    const GNode from = b_.AddNode(), begin = b_.AddNode(), call = b_.AddNode(), end = b_.AddNode();
    b_.Bytes(from, '[', '[', begin);
    for (uint32_t i = 0; i < count && b_.ok(); ++i) {
      b_.Call(begin, calls[i], call);
      // A single call in JSON needs no list.
      if (options_.form == CallForm::kJson) b_.Call(from, calls[i], end);
    }
    b_.Bytes(call, ']', ']', end);
    if (options_.parallel) b_.Text(call, ", ", begin);
    b_.Accept(end);
    b_.End(from);
    return b_.status();
  }

 private:
  // The rule for the calls of a tool; 0 if it is not wanted.
  Rule Tool(std::string_view text) {
    const uint64_t mark = b_.scratch_mark();
    JsonTape tape;
    if (!ReadTape(text, &b_, &tape)) return 0;
    Node function = 0;
    if (const Node inner = Member(tape, 0, "function"); inner != JsonTape::kNone) function = inner;
    const Node name = Member(tape, function, "name"), parameters = Member(tape, function, "parameters");
    if (name == JsonTape::kNone || tape.kind(name) != JsonKind::kString) return Refuse("has no name: byte", tape, 0);
    if (!options_.only.empty() && !IsWanted(tape, name)) {
      b_.Release(mark);
      return 0;
    }
    const Rule rule = Call(&tape, name, parameters);
    b_.Release(mark);
    return rule;
  }
  Rule Refuse(const char* what, const JsonTape& tape, Node n) {
    b_.Fail(Status(StatusCode::kInvalidArgument, "tool", what, tape.byte(n)));
    return 0;
  }
  static Node Member(const JsonTape& tape, Node object, std::string_view name) {
    Node found = JsonTape::kNone;
    if (tape.kind(object) != JsonKind::kObject) return found;
    for (Node key = tape.first(object); key != JsonTape::kNone; key = tape.next(key)) {
      if (tape.Is(key, name)) found = key + 1;
    }
    return found;
  }
  bool IsWanted(const JsonTape& tape, Node name) const {
    TextBytes bytes(tape.chars(name));
    for (const char c : options_.only) {
      if (bytes.Take() != static_cast<uint8_t>(c)) return false;
    }
    return bytes.Take() == TextBytes::kEnd;
  }

  Rule Call(JsonTape* tape, Node name, Node parameters) {
    const bool python = options_.form == CallForm::kPython;
    const bool none = parameters == JsonTape::kNone || tape->kind(parameters) == JsonKind::kNull;
    JsonSchemaOptions style;
    style.python = python;
    style.single_quotes = options_.single_quotes;
    SchemaCompiler compiler(tape, none ? 0 : parameters, &b_, style);
    Rule arguments[kMostForms];
    uint32_t count = none ? 0 : Arguments(&compiler, parameters, arguments);
    if (b_.ok() && !none && count == 0) return Refuse("has parameters that no call satisfies: byte", *tape, parameters);
    compiler.Write();
    const Rule rule = b_.Declare(tape->byte(name));
    b_.Begin(rule);
    const GNode start = b_.AddNode(), end = b_.AddNode();
    GNode at = b_.AddNode();
    if (python) {
      compiler.writer().Spelled(start, name, {}, at);
    } else {
      const GNode before = b_.AddNode(), after = b_.AddNode();
      b_.Text(start, "{\"name\": ", before);
      compiler.writer().Literal(before, name, after);
      b_.Text(after, ", \"arguments\": ", at);
    }
    const GNode last = python ? end : b_.AddNode();
    if (none) b_.Text(at, python ? "()" : "{}", last);
    for (uint32_t i = 0; i < count; ++i) b_.Call(at, arguments[i], last);
    if (!python) b_.Text(last, "}", end);
    b_.Accept(end);
    b_.End(start);
    return rule;
  }

  // Rules for the arguments: one for each alternative of the schema. Returns their number.
  uint32_t Arguments(SchemaCompiler* compiler, Node parameters, Rule* rules) {
    SchemaWriter& writer = compiler->writer();
    Demands* forms[kMostForms] = {compiler->SetOf(parameters, kObject)};
    uint32_t found = 1, count = 0;
    compiler->Explore();
    for (uint32_t i = 0; i < found && b_.ok(); ++i) {
      if (!forms[i]->has_text) continue;
      Split split(&writer.sets(), *forms[i], writer.memory());
      for (uint32_t k = 0; k < split.count(); ++k) {
        if (found == kMostForms)
          return Refuse("has parameters with too many alternatives: byte", writer.tape(), parameters);
        forms[found++] = split.Make(k);
        if (!b_.ok()) return 0;
      }
      if (split.count() > 0) continue;
      Scratch scratch(&writer.sets());
      const ObjectPlan plan(&writer.sets(), *forms[i]);
      if (!b_.ok()) return 0;
      ObjectWriter object(&writer, *forms[i], plan,
                          writer.style().python ? ObjectSyntax::kArguments : ObjectSyntax::kOnlyNamed);
      if (!object.has_text()) continue;
      object.Write(rules[count] = b_.Declare(writer.PlaceOf(*forms[i])));
      ++count;
    }
    return count;
  }

  static constexpr uint32_t kMostForms = 32;

  const ToolsGrammarOptions& options_;
  GrammarBuilder& b_;
};

}  // namespace schema_internal

// Compiles tools, which are JSON texts {"name", "parameters": schema} or {"function": such an object}, to rules; *start
// is the rule of the text between the markers of calls: calls with arguments that satisfy the schema, named and in any
// order, without arguments that the schema does not name. In Python's form strings are in quotes of either kind unless
// options state otherwise, with ", " between arguments, elements and members and ": " within members; True, False and
// None may also be spelled as in JSON, so that every spelling that a chat template writes in the history is allowed.
// Errors, which are also those of the builder afterwards, with the tool as index() and a byte of its text as value():
// those of CompileJsonSchema.
inline Status CompileTools(const ToolList& tools, const ToolsGrammarOptions& options, GrammarBuilder* builder,
                           GrammarBuilder::Rule* start) {
  return schema_internal::ToolsCompiler(options, builder).Run(tools, start);
}

}  // namespace lfm2

#endif  // LFM2_TEXT_TOOLS_GRAMMAR_H_
