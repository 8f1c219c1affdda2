// The grammar of a JSON schema, or of tools, as tests ask it.
#ifndef LFM2_TESTS_TEXT_SCHEMA_GRAMMAR_H_
#define LFM2_TESTS_TEXT_SCHEMA_GRAMMAR_H_

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/base/arena.h"
#include "lfm2/format/grammar.h"
#include "lfm2/text/grammar_threads.h"
#include "lfm2/text/json_schema.h"

namespace lfm2::test {

class SchemaGrammar {
 public:
  explicit SchemaGrammar(std::string_view schema, const JsonSchemaOptions& options = {}, size_t bytes = 1 << 18)
      : SchemaGrammar(bytes, [&](GrammarBuilder* builder, GrammarBuilder::Rule* start) {
          return CompileJsonSchema(schema, options, builder, start);
        }) {}
  // compile: Status(GrammarBuilder*, Rule* start).
  template <class Compile>
  SchemaGrammar(size_t bytes, Compile&& compile) : memory_(bytes / 8), threads_memory_(1 << 15) {
    GrammarBuilder builder({reinterpret_cast<std::byte*>(memory_.data()), memory_.size() * 8});
    GrammarBuilder::Rule start = 0;
    status_ = compile(&builder, &start);
    Span<const std::byte> grammar;
    if (status_.ok()) status_ = builder.Finish(start, &grammar);
    if (status_.ok()) REQUIRE(Grammar::Open(grammar, &grammar_).ok());
  }

  bool ok() const { return status_.ok(); }
  StatusCode code() const { return status_.code(); }
  uint64_t value() const { return status_.value(); }
  std::string sentence() const {
    char text[256];
    status_.Format(text, sizeof(text));
    return text;
  }

  // Whether a text is one of the grammar.
  bool Takes(std::string_view text) const {
    Threads threads;
    Threads::List list = Begin(&threads);
    for (const char c : text) list = threads.Step(list, static_cast<uint8_t>(c));
    REQUIRE(!threads.overflowed());
    return threads.MayEnd(list);
  }

  // Writes at random whatever may come, at most `bytes`. False where it comes to a text that may not end and does not
  // go on.
  bool CanBeCompleted(std::mt19937* random, size_t bytes) const {
    Threads threads;
    Threads::List list = Begin(&threads);
    text_.clear();
    while (text_.size() < bytes) {
      std::string next;
      for (uint32_t byte = 0; byte < 256; ++byte) {
        const auto after = threads.Step(list, static_cast<uint8_t>(byte));
        if (!Threads::IsEmpty(after)) next += static_cast<char>(byte);
      }
      REQUIRE(!threads.overflowed());
      if (next.empty()) return threads.MayEnd(list);
      const char byte = next[(*random)() % next.size()];
      list = threads.Step(list, static_cast<uint8_t>(byte));
      bool moved = false;
      list = threads.Keep(list, &moved);
      text_ += byte;
    }
    return true;
  }
  // What CanBeCompleted wrote.
  const std::string& text() const { return text_; }

 private:
  using Threads = grammar_internal::Threads;
  static constexpr uint32_t kThreads = 4000;

  Threads::List Begin(Threads* threads) const {
    Arena arena(Span<std::byte>(reinterpret_cast<std::byte*>(threads_memory_.data()), threads_memory_.size() * 8));
    threads->Carve(&arena, kThreads, kThreads);
    REQUIRE(!arena.overflowed());
    return threads->Begin(grammar_);
  }

  std::vector<uint64_t> memory_;
  mutable std::vector<uint64_t> threads_memory_;
  mutable std::string text_;
  Grammar grammar_;
  Status status_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_TEXT_SCHEMA_GRAMMAR_H_
