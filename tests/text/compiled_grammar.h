// A grammar in memory of its own, as tests compile them.
#ifndef LFM2_TESTS_TEXT_COMPILED_GRAMMAR_H_
#define LFM2_TESTS_TEXT_COMPILED_GRAMMAR_H_

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lfm2/format/grammar.h"
#include "lfm2/text/gbnf.h"
#include "lfm2/text/grammar_threads.h"
#include "tests/text/grammar_interpreter.h"

namespace lfm2::test {

class CompiledGrammar {
 public:
  // compile: Status(Span<std::byte> memory, Span<const std::byte>* grammar).
  template <class Compile>
  CompiledGrammar(size_t bytes, Compile&& compile) : memory_(bytes / 8) {
    status_ = compile(Span<std::byte>(reinterpret_cast<std::byte*>(memory_.data()), memory_.size() * 8), &grammar_);
    if (status_.ok()) REQUIRE(Grammar::Open(grammar_, &opened_).ok());
  }

  bool ok() const { return status_.ok(); }
  StatusCode code() const { return status_.code(); }
  std::string sentence() const {
    char text[256];
    status_.Format(text, sizeof(text));
    return text;
  }
  Span<const std::byte> grammar() const { return grammar_; }

  // Whether a text is one of the grammar. The library's own way to read it must agree, where it has the memory.
  bool Takes(std::string_view text) const {
    if (!ok()) return false;
    const bool takes = GrammarInterpreter(grammar_).Takes(text);
    Arena arena(Span<std::byte>(reinterpret_cast<std::byte*>(threads_memory_.data()), threads_memory_.size() * 8));
    grammar_internal::Threads threads;
    threads.Carve(&arena, 300, 300);
    REQUIRE(!arena.overflowed());
    auto list = threads.Begin(opened_);
    for (const char c : text) list = threads.Step(list, static_cast<uint8_t>(c));
    const bool may_end = threads.MayEnd(list);
    if (!threads.overflowed()) CHECK(may_end == takes);
    return takes;
  }

 private:
  std::vector<uint64_t> memory_;
  mutable std::vector<uint64_t> threads_memory_ = std::vector<uint64_t>(1 << 11);
  Span<const std::byte> grammar_;
  Grammar opened_;
  Status status_;
};

inline CompiledGrammar CompileGbnf(std::string_view text, size_t bytes = 1 << 20) {
  return CompiledGrammar(bytes, [&](Span<std::byte> memory, Span<const std::byte>* grammar) {
    return GbnfCompiler(text, memory).Run(grammar);
  });
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_TEXT_COMPILED_GRAMMAR_H_
