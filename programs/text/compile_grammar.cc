#include "programs/text/compile_grammar.h"

#include <algorithm>

#include "lfm2/text/compile_grammar.h"

namespace lfm2::tools {

namespace {

constexpr uint64_t kFirstBytes = 256 << 10;

// Line and column of a byte of a text.
std::string Place(std::string_view text, uint64_t byte) {
  const std::string_view before = text.substr(0, static_cast<size_t>(std::min<uint64_t>(byte, text.size())));
  const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto lines = std::count(before.begin(), before.end(), '\n');
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(before.size() - line_begin + 1);
}

}  // namespace

template <class Compile>
Error CompiledGrammar::Run(std::string_view source, Compile compile) {
  Status status;
  for (uint64_t bytes = kFirstBytes; bytes <= most_bytes_; bytes *= 4) {
    const size_t size = static_cast<size_t>(bytes);
    memory_.assign(size / sizeof(uint64_t), 0);
    status = compile(Span<std::byte>(reinterpret_cast<std::byte*>(memory_.data()), size), &bytes_);
    if (status.ok()) return Error::From(Grammar::Open(bytes_, &grammar_));
    if (status.code() != StatusCode::kArenaTooSmall) break;
  }
  const Error error = Error::From(status);
  return source.empty() ? error : Error::Of(Place(source, status.value()), ": ", error.text());
}

Error CompiledGrammar::FromGbnf(std::string_view text) {
  return Run(text, [&](Span<std::byte> memory, Span<const std::byte>* out) { return CompileGbnf(text, memory, out); });
}

Error CompiledGrammar::FromJsonSchema(std::string_view text) {
  return Run(text, [&](Span<std::byte> memory, Span<const std::byte>* out) {
    return CompileJsonSchema(text, JsonSchemaOptions(), memory, out);
  });
}

Error CompiledGrammar::FromTools(const ToolList& tools, const ToolsGrammarOptions& options) {
  const Error error = Run({}, [&](Span<std::byte> memory, Span<const std::byte>* out) {
    return CompileTools(tools, options, memory, out);
  });
  return error.ok() || options.only.empty() ? error : Error::Of("calls of ", options.only, " only: ", error.text());
}

}  // namespace lfm2::tools
