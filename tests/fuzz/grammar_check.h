// What has to hold of every compiled grammar.
#ifndef LFM2_TESTS_FUZZ_GRAMMAR_CHECK_H_
#define LFM2_TESTS_FUZZ_GRAMMAR_CHECK_H_

#include <string_view>
#include <vector>

#include "lfm2/base/arena.h"
#include "lfm2/format/grammar.h"
#include "lfm2/text/grammar_threads.h"
#include "tests/fuzz/targets.h"
#include "tests/text/grammar_interpreter.h"

namespace lfm2::fuzz {

// A compiled grammar, which the reader takes, and all ways to read the empty text.
struct OpenedThreads {
  explicit OpenedThreads(Span<const std::byte> bytes) : memory(1 << 14) {
    Grammar grammar;
    LFM2_HOLDS(Grammar::Open(bytes, &grammar).ok());
    Arena arena(Span<std::byte>(reinterpret_cast<std::byte*>(memory.data()), memory.size() * 8));
    threads.Carve(&arena, 2000, 2000);
    LFM2_HOLDS(!arena.overflowed());
    list = threads.Begin(grammar);
  }
  std::vector<uint64_t> memory;
  grammar_internal::Threads threads;
  grammar_internal::Threads::List list;
};

// The reader takes it, and where the text can go on by it says the matcher just as the interpreter of the tests does,
// as long as there are few ways to read it. Returns whether the text is one of the grammar; false where that was not
// found out.
inline bool CheckGrammar(Span<const std::byte> bytes, std::string_view text) {
  constexpr size_t kMostWays = 200;
  OpenedThreads opened(bytes);
  grammar_internal::Threads& threads = opened.threads;
  auto list = opened.list;
  test::GrammarInterpreter interpreter(bytes);
  for (size_t i = 0;; ++i) {
    const bool may_end = threads.MayEnd(list);
    if (threads.overflowed() || interpreter.positions() > kMostWays) return false;
    LFM2_HOLDS(may_end == interpreter.MayEnd());
    if (i == text.size()) return may_end;
    list = threads.Step(list, static_cast<uint8_t>(text[i]));
    if (threads.overflowed()) return false;
    const bool goes_on = interpreter.Step(static_cast<uint8_t>(text[i]));
    LFM2_HOLDS(goes_on == !grammar_internal::Threads::IsEmpty(list));
    if (!goes_on) return false;
  }
}

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_GRAMMAR_CHECK_H_
