// The library allocates nothing: while it works, malloc and operator new end the program.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

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

TEST_CASE("from opening the image to the last word of an answer nothing is allocated") {
  // The gate itself: it sees operator new, too. (A new-expression could be optimised away, a call can not.)
  g_forbidden = true;
  ::operator delete(::operator new(1));
  g_forbidden = false;
  REQUIRE(g_allocations.exchange(0) > 0);

  const Image& packed = Home().image();
  SessionOptions options;
  options.context_length = 256;
  TestArena arena(MakePlan(packed.config(), options).total_bytes);
  static Session session;
  Conversation conversation;
  ConversationOptions conversation_options;
  conversation_options.system = "Be brief.";
  size_t length = 0;
  g_forbidden = true;
  Status status = session.Open(packed, options, arena.span());
  if (status.ok()) status = conversation.Open(&session, conversation_options);
  if (status.ok()) {
    status = conversation.Ask("Turn the kitchen light on.", 40, [&](std::string_view text) { length += text.size(); });
  }
  g_forbidden = false;
  LFM2_REQUIRE_OK(status);
  CHECK(length > 0);
  CHECK(g_allocations == 0);
}

}  // namespace
}  // namespace lfm2::test

#endif
