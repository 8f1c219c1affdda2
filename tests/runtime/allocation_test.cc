// The library allocates nothing: while it works, malloc and operator new end the program.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/thread_pool.h"
#include "tests/posix/temporary_file.h"
#include "tests/runtime/streamed_session.h"
#include "tests/runtime/test_model.h"

// Sanitizers bring allocators of their own; the release build does this test.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(LFM2_SANITIZED)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LFM2_SANITIZED 1
#endif
#endif
#endif

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(LFM2_SANITIZED)

extern "C" void* __libc_malloc(size_t bytes);
extern "C" void* __libc_calloc(size_t count, size_t bytes);
extern "C" void* __libc_realloc(void* memory, size_t bytes);

namespace {

std::atomic<bool> g_forbidden{false};
std::atomic<int> g_allocations{0};

void Note() {
  if (g_forbidden.load(std::memory_order_relaxed)) g_allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" void* malloc(size_t bytes) {
  Note();
  return __libc_malloc(bytes);
}
extern "C" void* calloc(size_t count, size_t bytes) {
  Note();
  return __libc_calloc(count, bytes);
}
extern "C" void* realloc(void* memory, size_t bytes) {
  Note();
  return __libc_realloc(memory, bytes);
}

namespace lfm2::test {
namespace {

// Opens an image and a session on it, and asks a chat three questions: plainly, in steps, and with a grammar; keeps the
// sequence and brings it back. What the caller has to allocate is there before.
struct Everything {
  explicit Everything(const Storage& storage, uint64_t arena_bytes, const Executor* executor)
      : storage_(storage),
        executor_(executor),
        arena_(arena_bytes),
        mark_(static_cast<size_t>(Conversation::MarkBytes(Home().config()))),
        saved_(static_cast<size_t>(SavedStateBytes(Home().config(), Options(), Options().context_length))),
        trie_(TokenTrieMemoryBytes(Home().image())),
        compiled_(1 << 16),
        constraint_memory_(GrammarConstraint::Bytes(ConstraintOptions(), Home().config().vocab_size)) {}

  static SessionOptions Options() {
    SessionOptions options;
    options.context_length = 256;
    return options;
  }

  Status Run() {
    LFM2_RETURN_IF_ERROR(OpenModel(storage_, Options(), arena_.span(), &image_, &session_, executor_));
    ConversationOptions options;
    options.system = "Be brief.";
    LFM2_RETURN_IF_ERROR(chat_.Open(&session_, options));
    LFM2_RETURN_IF_ERROR(chat_.Ask("Turn the kitchen light on.", 20, Sink()));
    LFM2_RETURN_IF_ERROR(chat_.Mark({mark_.data(), mark_.size()}));
    LFM2_RETURN_IF_ERROR(chat_.BeginAsk("And off.", 20));
    while (chat_.is_busy()) LFM2_RETURN_IF_ERROR(chat_.Step(Sink()));
    LFM2_RETURN_IF_ERROR(chat_.Rewind({mark_.data(), mark_.size()}));
    size_t saved = 0;
    LFM2_RETURN_IF_ERROR(chat_.Save([&](Span<const std::byte> bytes) {
      std::memcpy(saved_.data() + saved, bytes.data(), bytes.size());
      saved += bytes.size();
      return true;
    }));
    size_t loaded = 0;
    LFM2_RETURN_IF_ERROR(chat_.Load([&](Span<std::byte> bytes) {
      std::memcpy(bytes.data(), saved_.data() + loaded, bytes.size());
      loaded += bytes.size();
      return true;
    }));
    TokenTrie trie;
    Span<std::byte> rest;
    LFM2_RETURN_IF_ERROR(OpenTokenTrie(Home().image(), trie_.span(), &rest, &trie));
    Span<const std::byte> blob;
    LFM2_RETURN_IF_ERROR(CompileJsonSchema(R"({"type": "object", "properties": {"room": {"enum": ["hall", "bath"]}}})",
                                           {}, compiled_.span(), &blob));
    Grammar grammar;
    LFM2_RETURN_IF_ERROR(Grammar::Open(blob, &grammar));
    GrammarConstraint constraint;
    LFM2_RETURN_IF_ERROR(
        constraint.Open(image_.vocab(), grammar, trie, ConstraintOptions(), constraint_memory_.span()));
    AnswerOptions constrained(30);
    constrained.constraint = &constraint;
    LFM2_RETURN_IF_ERROR(chat_.Ask("Where?", constrained, Sink()));
    chat_.Close();
    session_.Close();
    image_.Close();
    return Status();
  }
  size_t length() const { return length_; }

 private:
  struct Count {
    size_t* length;
    bool operator()(std::string_view text) const {
      *length += text.size();
      return true;
    }
  };
  const Count& Sink() const { return count_; }

  const Storage& storage_;
  const Executor* executor_;
  BlockArena arena_;
  std::vector<std::byte> mark_, saved_;
  TestArena trie_, compiled_, constraint_memory_;
  size_t length_ = 0;
  Count count_{&length_};
  Image image_;
  Session session_;
  Conversation chat_;
};

TEST_CASE("from opening the image to the last word of an answer nothing is allocated, in memory and from a file") {
  // The gate itself: it sees operator new, too. (A new-expression could be optimised away, a call cannot.)
  g_forbidden = true;
  ::operator delete(::operator new(1));
  g_forbidden = false;
  REQUIRE(g_allocations.exchange(0) > 0);

  const Span<const std::byte> bytes = BytesOf(Home().image());
  const MemoryStorage memory(bytes);
  const TemporaryFile file(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  posix::DirectFile direct;
  LFM2_REQUIRE_OK(direct.Open(file.path()));
  // The system's own memory for threads comes with them.
  posix::ThreadPool pool;
  LFM2_REQUIRE_OK(pool.Open(3));
  SessionOptions streamed = Everything::Options();
  streamed.arena_bytes = ArenaFor(Home().image(), streamed, 8);
  const uint64_t resident_bytes = MakePlan(Home().config(), Everything::Options()).total_bytes;
  for (const Executor* executor : {static_cast<const Executor*>(nullptr), pool.executor()}) {
    for (const Storage* storage : {static_cast<const Storage*>(&memory), static_cast<const Storage*>(&direct)}) {
      CAPTURE(executor == nullptr);
      CAPTURE(storage == &memory);
      const auto all = std::make_unique<Everything>(
          *storage, storage == &memory ? resident_bytes : StreamedPlan(Home().image(), streamed).total_bytes, executor);
      g_forbidden = true;
      const Status status = all->Run();
      g_forbidden = false;
      LFM2_REQUIRE_OK(status);
      CHECK(all->length() > 0);
      CHECK(g_allocations.exchange(0) == 0);
    }
  }
}

}  // namespace
}  // namespace lfm2::test

#endif
