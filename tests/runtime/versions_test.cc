// Files that earlier and later versions of the library have written, as docs/versions.md says: those that are read give
// the tokens that they always gave, the others are refused in a sentence that says what to do.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "lfm2/text/compile_grammar.h"
#include "programs/files/files.h"
#include "tests/format/tiny_image.h"
#include "tests/pack/image_copy.h"
#include "tests/runtime/golden_models.h"
#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

const std::string kOldFiles = std::string(LFM2_TEST_DATA) + "/images/";

std::string OldFile(const nlohmann::json& entry) {
  std::string bytes;
  const tools::Error error = tools::ReadFile(kOldFiles + entry["file"].get<std::string>(), &bytes);
  INFO(error.text());
  REQUIRE(error.ok());
  return bytes;
}

SessionOptions ShortContext() {
  SessionOptions options;
  options.context_length = 64;
  return options;
}

int32_t Likeliest(const Session& session) {
  const Span<const float> logits = session.logits();
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// The session has logits.
std::vector<int32_t> GreedyTokens(Session& session, size_t count) {
  std::vector<int32_t> tokens = {Likeliest(session)};
  while (tokens.size() < count) {
    LFM2_REQUIRE_OK(session.Decode(tokens.back()));
    tokens.push_back(Likeliest(session));
  }
  return tokens;
}

template <class T>
void Put(std::string* bytes, size_t offset, T value) {
  REQUIRE(offset + sizeof(value) <= bytes->size());
  std::memcpy(&(*bytes)[offset], &value, sizeof(value));
}

Status OpenGrammar(const std::string& bytes) {
  const ImageCopy copy(bytes);
  Grammar grammar;
  return Grammar::Open({copy.storage().Map(0, bytes.size()), bytes.size()}, &grammar);
}

std::string OpenText(const std::string& bytes) {
  const ImageCopy copy(bytes);
  Image image;
  return Text(image.Open(copy.storage()));
}

}  // namespace

TEST_CASE("an image of each earlier version opens and gives its tokens, or is refused with what to do") {
  const nlohmann::json manifest = ReadJsonFile(kOldFiles + "manifest.json");
  const std::vector<int32_t> prompt = manifest["prompt"], tokens = manifest["tokens"];
  size_t opened = 0, refused = 0;
  for (const nlohmann::json& entry : manifest["images"]) {
    CAPTURE(entry["file"].get<std::string>());
    const ImageCopy copy(OldFile(entry));
    Image image;
    const Status status = image.Open(copy.storage());
    if (entry.contains("refused")) {
      CHECK(Text(status) == entry["refused"].get<std::string>());
      ++refused;
      continue;
    }
    LFM2_REQUIRE_OK(status);
    CHECK(image.VerifyPinned().ok());
    CHECK((image.token_trie_bytes() > 0) == entry["token_trie"].get<bool>());
    OpenSession open(image, ShortContext());
    LFM2_REQUIRE_OK(open.session->Prefill({prompt.data(), prompt.size()}));
    CHECK(GreedyTokens(*open.session, tokens.size()) == tokens);
    ++opened;
  }
  CHECK(opened > 0);
  CHECK(refused > 0);
}

TEST_CASE("a state that an earlier version saved continues with its tokens") {
  const nlohmann::json manifest = ReadJsonFile(kOldFiles + "manifest.json");
  const std::vector<int32_t> prompt = manifest["prompt"], tokens = manifest["tokens"];
  REQUIRE(!manifest["states"].empty());
  for (const nlohmann::json& entry : manifest["states"]) {
    CAPTURE(entry["file"].get<std::string>());
    const ImageCopy copy(OldFile({{"file", entry["image"]}}));
    Image image;
    LFM2_REQUIRE_OK(image.Open(copy.storage()));
    OpenSession open(image, ShortContext());
    const std::string bytes = OldFile(entry);
    LFM2_REQUIRE_OK(LoadBytes(*open.session, {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}));
    REQUIRE(open.session->position() == prompt.size());
    LFM2_REQUIRE_OK(open.session->Decode(tokens[0]));
    CHECK(GreedyTokens(*open.session, tokens.size() - 1) == std::vector<int32_t>(tokens.begin() + 1, tokens.end()));
  }
}

TEST_CASE("a grammar that an earlier version compiled opens") {
  const nlohmann::json manifest = ReadJsonFile(kOldFiles + "manifest.json");
  REQUIRE(!manifest["grammars"].empty());
  for (const nlohmann::json& entry : manifest["grammars"]) {
    CAPTURE(entry["file"].get<std::string>());
    LFM2_REQUIRE_OK(OpenGrammar(OldFile(entry)));
  }
}

TEST_CASE("what a later version has written is refused in one sentence that says what to do") {
  const std::string good = TinyImage(TinyOptions());
  const ImageHeader h = HeaderOf(good);
  CHECK(OpenText(good) == Text(Status()));
  std::string bytes = good;
  Put(&bytes, offsetof(ImageHeader, version), kImageVersion + 1);
  CHECK(OpenText(bytes) == "unsupported: header.version is not supported (pack the model again): 2, expected 1");
  bytes = good;
  Put(&bytes, static_cast<size_t>(h.pinned_offset) + offsetof(VocabHeader, version), kVocabVersion + 1);
  CHECK(OpenText(bytes) == "unsupported: vocabulary.version is not supported (pack the model again): 3, expected 2");

  // An image with another token trie opens, for all but constrained answers.
  bytes = good;
  Put(&bytes, static_cast<size_t>(h.token_trie_offset) + offsetof(TokenTrieHeader, version), kTokenTrieVersion + 1);
  const ImageCopy copy(bytes);
  Image image;
  LFM2_REQUIRE_OK(image.Open(copy.storage()));
  TokenTrie trie;
  CHECK(Text(image.OpenTokenTrie(&trie)) ==
        "unsupported: token_trie.version is not supported (pack the model again): 2, expected 1");

  alignas(64) std::byte memory[1 << 15];
  Span<const std::byte> compiled;
  LFM2_REQUIRE_OK(CompileGbnf("root ::= \"a\"", memory, &compiled));
  std::string grammar(reinterpret_cast<const char*>(compiled.data()), compiled.size());
  Put(&grammar, offsetof(GrammarHeader, version), kGrammarVersion + 1);
  CHECK(Text(OpenGrammar(grammar)) ==
        "unsupported: grammar.version is not supported (compile the grammar again): 2, expected 1");

  OpenSession open(Home().image(), ShortContext());
  LFM2_REQUIRE_OK(open.session->Decode(1));
  const Bytes state = WithField(Saved(*open.session), offsetof(SavedStateHeader, version), kSavedStateVersion + 1);
  CHECK(Text(LoadBytes(*open.session, state)) ==
        "unsupported: saved state, header has another version; compute the sequence again: 2, expected 1");
  CHECK(open.session->position() == 0);
}

}  // namespace lfm2::test
