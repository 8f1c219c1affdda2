// An image whose experts are read: what is not in memory has no address, and nothing says that it were.
#include <doctest/doctest.h>

#include "lfm2/format/image.h"
#include "tests/model/streamed_image.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {

TEST_CASE("a streamed image has its front part in memory, and neither records nor the token trie") {
  const Image& resident = Home().image();
  StreamedImage streamed(resident, DriveOptions(4, 16 * kBlock), resident.front_bytes() + kBlock);
  LFM2_REQUIRE_OK(streamed.opened);
  const Image& image = streamed.image;
  CHECK((image.is_streamed() && !resident.is_streamed()));
  CHECK(image.memory().data() == streamed.arena.span().data());
  CHECK((image.memory().size() == image.front_bytes() && resident.memory().size() == resident.file_bytes()));
  CHECK(image.fingerprint() == resident.fingerprint());
  CHECK((image.Record(0, 0) == nullptr && resident.Record(0, 0) != nullptr));
  CHECK(image.VerifyRecord(0, 0).code() == StatusCode::kFailedPrecondition);
  CHECK(image.CheckRecordCrc(0, 0, resident.record_crc(0, 0)).ok());
  LFM2_REQUIRE_OK(image.VerifyPinned());
  TokenTrie trie;
  REQUIRE(image.token_trie_bytes() > 0);
  CHECK(image.OpenTokenTrie(&trie).code() == StatusCode::kFailedPrecondition);
  CHECK(image.VerifyTokenTrie().code() == StatusCode::kFailedPrecondition);
  CHECK(streamed.IsClean());
}

TEST_CASE("a storage that has to be read does not open without an arena") {
  const SimulatedDevice drive(BytesOf(Home().image()), DriveOptions(4, 16 * kBlock));
  Image image;
  const Status status = image.Open(drive);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(std::string(status.where()) == "storage");
  CHECK(!image.is_open());
}

}  // namespace lfm2::test
