// Definitions of constraint.h.
#ifndef LFM2_C_CONSTRAINT_IMPL_H_
#define LFM2_C_CONSTRAINT_IMPL_H_

#include "lfm2.h"
#include "lfm2/c/constraint.h"
#include "lfm2/c/image_impl.h"
#include "lfm2/c/object.h"

namespace lfm2::c_api {

template <>
struct ContentOf<lfm2_constraint> {
  using Type = GrammarConstraint;
  static constexpr const char* kName = "constraint";
  static constexpr bool kHasResources = false;
};

static_assert(LFM2_CONSTRAIN_CALLS == static_cast<int>(ConstraintScope::kCalls) &&
                  LFM2_TOOLS_REQUIRED == static_cast<int>(ToolChoice::kRequired),
              "the same numbers");

inline Status ConstraintFromC(const lfm2_constraint_options* c, ConstraintOptions* options) {
  if (c == nullptr) return Status();
  LFM2_RETURN_IF_ERROR(CheckEnum(c->scope, LFM2_CONSTRAIN_CALLS, "options.scope"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->tool_choice, LFM2_TOOLS_REQUIRED, "options.tool_choice"));
  options->scope = static_cast<ConstraintScope>(c->scope);
  options->tool_choice = static_cast<ToolChoice>(c->tool_choice);
  options->thoughts = c->thoughts;
  options->canonical = c->canonical;
  options->matcher.max_threads = c->max_threads;
  options->matcher.max_frames = c->max_frames;
  options->matcher.max_lists = c->max_lists;
  return Status();
}

// Sizes of the parts of the memory of a constraint: the trie, followed by the rest.
struct ConstraintMemory {
  uint64_t trie;
  uint64_t all;
};
inline Status MemoryOf(const Image& image, const ConstraintOptions& options, ConstraintMemory* memory) {
  if (!image.is_open()) return Status(StatusCode::kFailedPrecondition, "image", "is not open");
  memory->trie = RoundUp<uint64_t>(TokenTrieMemoryBytes(image), kAlignment);
  memory->all = memory->trie + GrammarConstraint::Bytes(options, image.vocab().size());
  return Status();
}

// Checks the memory and the results of a compiler.
LFM2_NOINLINE inline Status CheckCompile(const void* memory, size_t bytes, const void* const* grammar,
                                         const size_t* grammar_bytes) {
  LFM2_RETURN_IF_ERROR(CheckArray(memory, bytes, "memory"));
  LFM2_RETURN_IF_ERROR(CheckPointer(grammar, "grammar"));
  return CheckPointer(grammar_bytes, "grammar_bytes");
}

}  // namespace lfm2::c_api

lfm2_constraint_options lfm2_constraint_options_default(void) {
  const lfm2::ConstraintOptions from;
  lfm2_constraint_options options = {};
  options.scope = static_cast<uint32_t>(from.scope);
  options.tool_choice = static_cast<uint32_t>(from.tool_choice);
  options.thoughts = from.thoughts;
  options.canonical = from.canonical;
  options.max_threads = from.matcher.max_threads;
  options.max_frames = from.matcher.max_frames;
  options.max_lists = from.matcher.max_lists;
  return options;
}

lfm2_status lfm2_compile_gbnf(lfm2_text source, void* memory, size_t memory_bytes, const void** grammar,
                              size_t* grammar_bytes) {
  using namespace lfm2;
  Span<const std::byte> compiled;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckText(source, "source"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckCompile(memory, memory_bytes, grammar, grammar_bytes));
  LFM2_C_RETURN_IF_ERROR(CompileGbnf(c_api::ViewOf(source), c_api::BytesOf(memory, memory_bytes), &compiled));
  *grammar = c_api::Give(compiled, grammar_bytes);
  return c_api::ToC(Status());
}

lfm2_status lfm2_compile_json_schema(lfm2_text schema, void* memory, size_t memory_bytes, const void** grammar,
                                     size_t* grammar_bytes) {
  using namespace lfm2;
  Span<const std::byte> compiled;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckText(schema, "schema"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckCompile(memory, memory_bytes, grammar, grammar_bytes));
  LFM2_C_RETURN_IF_ERROR(
      CompileJsonSchema(c_api::ViewOf(schema), JsonSchemaOptions(), c_api::BytesOf(memory, memory_bytes), &compiled));
  *grammar = c_api::Give(compiled, grammar_bytes);
  return c_api::ToC(Status());
}

lfm2_status lfm2_compile_tools(const lfm2_text* tools, size_t tool_count, const lfm2_tools_grammar_options* options,
                               void* memory, size_t memory_bytes, const void** grammar, size_t* grammar_bytes) {
  using namespace lfm2;
  Span<const std::byte> compiled;
  ToolsGrammarOptions all;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckTexts(tools, tool_count, "tools"));
  if (options != nullptr) {
    LFM2_C_RETURN_IF_ERROR(c_api::CheckText(options->only, "options.only"));
    all.only = c_api::ViewOf(options->only);
    all.parallel = !options->one_call;
    all.form = options->json ? CallForm::kJson : CallForm::kPython;
    all.single_quotes = !options->double_quotes;
  }
  LFM2_C_RETURN_IF_ERROR(c_api::CheckCompile(memory, memory_bytes, grammar, grammar_bytes));
  LFM2_C_RETURN_IF_ERROR(
      CompileTools(c_api::ListOf(tools, tool_count), all, c_api::BytesOf(memory, memory_bytes), &compiled));
  *grammar = c_api::Give(compiled, grammar_bytes);
  return c_api::ToC(Status());
}

lfm2_status lfm2_constraint_memory_bytes(const lfm2_image* image, const lfm2_constraint_options* options,
                                         size_t* bytes) {
  using namespace lfm2;
  const Image* object = nullptr;
  ConstraintOptions all;
  c_api::ConstraintMemory needed = {};
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(image, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::ConstraintFromC(options, &all));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(bytes, "bytes"));
  LFM2_C_RETURN_IF_ERROR(c_api::MemoryOf(*object, all, &needed));
  *bytes = static_cast<size_t>(needed.all);
  return c_api::ToC(Status());
}

lfm2_status lfm2_constraint_open(lfm2_constraint* constraint, const lfm2_image* image, const void* grammar,
                                 size_t grammar_bytes, const lfm2_constraint_options* options, void* memory,
                                 size_t memory_bytes) {
  using namespace lfm2;
  GrammarConstraint* object = nullptr;
  const Image* of = nullptr;
  ConstraintOptions all;
  c_api::ConstraintMemory needed = {};
  Grammar compiled;
  TokenTrie trie;
  Span<std::byte> rest;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(constraint, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(image, &of));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(grammar, grammar_bytes, "grammar"));
  LFM2_C_RETURN_IF_ERROR(c_api::ConstraintFromC(options, &all));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckArray(memory, memory_bytes, "memory"));
  LFM2_C_RETURN_IF_ERROR(c_api::MemoryOf(*of, all, &needed));
  if (memory_bytes < needed.all) {
    return c_api::ToC(
        Status(StatusCode::kArenaTooSmall, "memory", "does not hold the constraint: bytes", memory_bytes, needed.all));
  }
  LFM2_C_RETURN_IF_ERROR(Grammar::Open(c_api::BytesOf(grammar, grammar_bytes), &compiled));
  const size_t of_trie = static_cast<size_t>(needed.trie);
  LFM2_C_RETURN_IF_ERROR(OpenTokenTrie(*of, c_api::BytesOf(memory, of_trie), &rest, &trie));
  return c_api::ToC(object->Open(of->vocab(), compiled, trie, all,
                                 c_api::BytesOf(memory, memory_bytes).subspan(of_trie, memory_bytes - of_trie)));
}

bool lfm2_constraint_is_open(const lfm2_constraint* constraint) {
  const lfm2::GrammarConstraint* const object = lfm2::c_api::Peek(constraint);
  return object != nullptr && object->is_open();
}

bool lfm2_constraint_is_complete(lfm2_constraint* constraint) {
  lfm2::GrammarConstraint* const object = lfm2::c_api::Peek(constraint);
  return object != nullptr && object->is_open() && object->is_complete();
}

#endif  // LFM2_C_CONSTRAINT_IMPL_H_
