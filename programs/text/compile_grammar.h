// Compiled grammars from GBNF, JSON schemas and tools, in memory that grows as needed.
#ifndef LFM2_PROGRAMS_TEXT_COMPILE_GRAMMAR_H_
#define LFM2_PROGRAMS_TEXT_COMPILE_GRAMMAR_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lfm2/format/grammar.h"
#include "lfm2/text/tool_list.h"
#include "lfm2/text/tools_grammar.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// Owns the bytes of one grammar.
class CompiledGrammar {
 public:
  // most_bytes: memory that compiling may use.
  explicit CompiledGrammar(uint64_t most_bytes = uint64_t{1} << 30) : most_bytes_(most_bytes) {}

  // Each replaces the grammar that was compiled before. Errors: of the compilers, with line and column in the source.
  Error FromGbnf(std::string_view text);
  Error FromJsonSchema(std::string_view text);
  // Calls of the tools.
  Error FromTools(const ToolList& tools, const ToolsGrammarOptions& options);

  const Grammar& grammar() const { return grammar_; }
  Span<const std::byte> bytes() const { return bytes_; }

 private:
  template <class Compile>
  Error Run(std::string_view source, Compile compile);

  const uint64_t most_bytes_;
  std::vector<uint64_t> memory_;
  Span<const std::byte> bytes_;
  Grammar grammar_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_COMPILE_GRAMMAR_H_
