// A mapped file has the file's bytes and nothing beyond them, and reports why it cannot be opened.
#include "lfm2/posix/mapped_file.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/posix/temporary_file.h"

namespace lfm2::test {

TEST_CASE("the bytes of a file, aligned as an image must be, and no range outside them") {
  const TemporaryFile file(std::string(5000, 'x') + "end");
  posix::MappedFile mapped;
  CHECK(!mapped.is_open());
  CHECK(mapped.Map(0, 0) == nullptr);
  REQUIRE(mapped.Open(file.path()).ok());
  CHECK(mapped.size() == 5003);
  CHECK(reinterpret_cast<uintptr_t>(mapped.Map(0, 1)) % kAlignment == 0);
  CHECK(std::memcmp(mapped.Map(5000, 3), "end", 3) == 0);
  CHECK(mapped.Map(5003, 0) != nullptr);
  CHECK(mapped.Map(5001, 3) == nullptr);
  CHECK(mapped.Map(5004, 0) == nullptr);
  CHECK(mapped.Map(UINT64_MAX, 2) == nullptr);
  CHECK(mapped.Map(2, UINT64_MAX) == nullptr);
}

TEST_CASE("a second open is refused and the first file stays; after Close another one opens") {
  const TemporaryFile first("first"), second("second one");
  posix::MappedFile mapped;
  REQUIRE(mapped.Open(first.path()).ok());
  CHECK(mapped.Open(second.path()).code() == StatusCode::kFailedPrecondition);
  CHECK(mapped.size() == 5);
  mapped.Close();
  mapped.Close();
  CHECK((!mapped.is_open() && mapped.size() == 0 && mapped.Map(0, 0) == nullptr));
  REQUIRE(mapped.Open(second.path()).ok());
  CHECK(mapped.size() == 10);
}

TEST_CASE("what cannot be mapped is refused with its reason") {
  posix::MappedFile mapped;
  const Status absent = mapped.Open("/nowhere/at/all.lfm2");
  CHECK((absent.code() == StatusCode::kIo && absent.value() == ENOENT));
  CHECK(mapped.Open("/tmp").code() == StatusCode::kInvalidArgument);
  CHECK(mapped.Open("/dev/null").code() == StatusCode::kInvalidArgument);
  const TemporaryFile empty("");
  CHECK(mapped.Open(empty.path()).code() == StatusCode::kInvalidArgument);
  CHECK(!mapped.is_open());
}

}  // namespace lfm2::test
