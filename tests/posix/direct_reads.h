// Shared by the tests of direct files: content, memory, and reads compared with the content.
#ifndef LFM2_TESTS_POSIX_DIRECT_READS_H_
#define LFM2_TESTS_POSIX_DIRECT_READS_H_

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "lfm2/posix/direct_file.h"
#include "tests/posix/temporary_file.h"

namespace lfm2::test {
using posix::DirectFile;
using posix::DirectFileOptions;
using posix::FileQueue;
using Backend = DirectFileOptions::Backend;

inline constexpr size_t kPage = 4096;

inline uint32_t Random(uint32_t* state) { return (*state = *state * 1664525u + 1013904223u) >> 8; }

inline std::string Content(size_t bytes) {
  std::string content(bytes, '\0');
  uint32_t state = 3;
  for (char& c : content) c = static_cast<char>(Random(&state));
  return content;
}

// Memory of whole blocks, with initial bytes that no read leaves there.
class Blocks {
 public:
  explicit Blocks(size_t blocks) : bytes_(static_cast<std::byte*>(std::aligned_alloc(kPage, blocks * kPage))) {
    REQUIRE(bytes_ != nullptr);
    std::memset(bytes_, 0x55, blocks * kPage);
  }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  ~Blocks() { std::free(bytes_); }
  std::byte* operator[](size_t block) const { return bytes_ + block * kPage; }

 private:
  std::byte* bytes_;
};

// Whether the memory has the file's bytes from the offset on, and zeros beyond its end.
inline bool Holds(const std::byte* memory, const std::string& content, uint64_t offset, uint64_t bytes) {
  const size_t inside = static_cast<size_t>(Min<uint64_t>(bytes, content.size() - offset));
  if (std::memcmp(memory, content.data() + offset, inside) != 0) return false;
  for (size_t i = inside; i < bytes; ++i) {
    if (memory[i] != std::byte{0}) return false;
  }
  return true;
}

// Runs the test if io_uring is available. The message makes ctest show posix.io_uring as skipped.
template <class F>
void ForIoUring(F&& test) {
  const TemporaryFile file("x");
  DirectFile probe;
  DirectFileOptions options;
  options.backend = Backend::kIoUring;
  const Status status = probe.Open(file.path(), options);
  if (status.code() == StatusCode::kUnsupported) {
    MESSAGE("no io_uring here");
    return;
  }
  REQUIRE(status.ok());
  REQUIRE(probe.uses_io_uring());
  probe.Close();
  test();
}

// Runs the test by threads and, if it is available, by io_uring.
template <class F>
void ForEachBackend(F&& test) {
  test(Backend::kThreads);
  ForIoUring([&] { test(Backend::kIoUring); });
}

inline std::string Sentence(const Status& status) {
  char text[256];
  return std::string(text, status.Format(text, sizeof(text)));
}

inline DirectFileOptions Options(Backend backend, uint32_t depth = 8) {
  DirectFileOptions options;
  options.backend = backend;
  options.queue_depth = depth;
  return options;
}

// Reads [offset, offset + bytes) alone.
inline Status ReadOne(const DirectFile& file, uint64_t offset, uint64_t bytes, std::byte* to) {
  ReadCompletion done;
  LFM2_RETURN_IF_ERROR(file.queue()->Submit({offset, bytes, to, 77}));
  LFM2_RETURN_IF_ERROR(file.queue()->Wait(&done));
  CHECK(done.tag == 77);
  return done.status;
}

// `reads` random reads, of which up to `most` are pending, each compared with the content.
inline void ReadRandomly(const DirectFile& file, const std::string& content, uint32_t reads, uint32_t most,
                         uint32_t seed) {
  constexpr uint32_t kMostBlocks = 5;
  const uint32_t blocks = static_cast<uint32_t>(DivideUp(content.size(), kPage));
  const Blocks memory(size_t{most} * kMostBlocks);
  std::vector<ReadRequest> requests(most);
  std::vector<bool> in_use(most, false);
  ReadQueue& queue = *file.queue();
  uint32_t submitted = 0, collected = 0;
  while (collected < reads) {
    if (submitted < reads && submitted - collected < most) {
      uint32_t slot = 0;
      while (in_use[slot]) ++slot;
      const uint32_t first = Random(&seed) % blocks;
      const uint32_t count = 1 + Random(&seed) % Min(kMostBlocks, blocks - first);
      requests[slot] = {first * kPage, count * kPage, memory[size_t{slot} * kMostBlocks], slot};
      REQUIRE(queue.Submit(requests[slot]).ok());
      in_use[slot] = true;
      ++submitted;
      continue;
    }
    ReadCompletion done;
    if (!queue.Poll(&done)) REQUIRE(queue.Wait(&done).ok());
    REQUIRE(done.status.ok());
    REQUIRE(done.tag < most);
    REQUIRE(in_use[done.tag]);
    in_use[done.tag] = false;
    ++collected;
    const ReadRequest& request = requests[done.tag];
    REQUIRE(Holds(request.to, content, request.offset, request.bytes));
  }
  ReadCompletion none;
  CHECK(!queue.Poll(&none));
  CHECK(queue.Wait(&none).code() == StatusCode::kFailedPrecondition);
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_POSIX_DIRECT_READS_H_
