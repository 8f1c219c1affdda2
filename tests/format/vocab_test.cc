#include "lfm2/format/vocab.h"

#include <algorithm>
#include <random>

#include "lfm2/text/detokenizer.h"
#include "tests/text/test_vocab.h"

namespace lfm2::test {
namespace {

// A vocabulary small enough to damage at every byte: the 256 bytes, a few merges, special tokens.
tools::VocabSource SmallSource() {
  const tools::VocabSource home = ReadVocabSource("vocab-home.json");
  tools::VocabSource source;
  source.tokens.assign(home.tokens.begin(), home.tokens.begin() + 300);
  source.types.assign(home.types.begin(), home.types.begin() + 300);
  for (const auto& merge : home.merges) {
    const auto known = [&](const std::string& token) {
      return std::find(source.tokens.begin(), source.tokens.end(), token) != source.tokens.end();
    };
    if (known(merge.first) && known(merge.second) && known(merge.first + merge.second)) source.merges.push_back(merge);
  }
  REQUIRE(source.merges.size() > 20);
  source.tokens.emplace_back("<user>");
  source.types.push_back(static_cast<int>(TokenType::kUserDefined));
  source.bos = home.bos;
  source.eos = home.eos;
  source.pad = home.pad;
  source.add_bos = true;
  return source;
}

TEST_CASE("the library reads what the packer wrote") {
  const tools::VocabSource source = ReadVocabSource("vocab-home.json");
  const Vocab& vocab = HomeVocab().vocab;
  REQUIRE(vocab.size() == source.tokens.size());
  CHECK(vocab.bos() == 1);
  CHECK(vocab.eos() == 7);
  CHECK(vocab.pad() == 0);
  CHECK(vocab.add_bos());
  CHECK(vocab.chat_format().name == "lfm2");
  CHECK(vocab.TokenBytes(7) == "<|im_end|>");
  CHECK(vocab.IsSpecial(7));
  CHECK_FALSE(vocab.IsSpecial(300));
  // eos and <|endoftext|>: the ends of a turn and of a text.
  CHECK(vocab.stop_tokens().size() == 2);
  CHECK(vocab.IsStop(7));
  CHECK(vocab.IsStop(2));
  CHECK_FALSE(vocab.IsStop(1));
  // Byte-level spelling becomes bytes: U+0120 is a space, U+010A a newline.
  for (size_t t = 0; t < source.tokens.size(); ++t) {
    if (source.tokens[t] == "\xc4\xa0the") CHECK(vocab.TokenBytes(static_cast<int32_t>(t)) == " the");
    if (source.tokens[t] == "\xc4\x8a") CHECK(vocab.TokenBytes(static_cast<int32_t>(t)) == "\n");
  }
  for (int b = 0; b < 256; ++b) {
    CHECK(vocab.TokenBytes(static_cast<int32_t>(vocab.ByteToken(static_cast<uint8_t>(b)))) ==
          std::string(1, static_cast<char>(b)));
  }
  size_t found = 0;
  for (uint32_t left = 0; left < vocab.size(); ++left) {
    for (uint32_t right = 0; right < vocab.size(); ++right) found += vocab.FindMerge(left, right) != nullptr;
  }
  CHECK(found == source.merges.size());
}

TEST_CASE("ids outside the vocabulary have no bytes and are not special") {
  const Vocab& vocab = HomeVocab().vocab;
  for (const int32_t bad : {-1, static_cast<int32_t>(vocab.size()), INT32_MAX, INT32_MIN}) {
    CHECK_FALSE(vocab.Contains(bad));
    CHECK(vocab.TokenBytes(bad).empty());
    CHECK_FALSE(vocab.IsSpecial(bad));
    CHECK_FALSE(vocab.IsStop(bad));
  }
}

TEST_CASE("the packer refuses what is not a byte-level vocabulary, naming what is wrong") {
  const auto refused = [](auto&& change) {
    tools::VocabSource source = SmallSource();
    change(source);
    std::string bytes, error;
    CHECK_FALSE(tools::BuildVocab(source, &bytes, &error));
    return error;
  };
  const auto says = [&](const std::string& error, const char* part) {
    CAPTURE(error);
    CHECK(error.find(part) != std::string::npos);
  };
  says(refused([](auto& s) { s.tokens.clear(); }), "0 tokens");
  says(refused([](auto& s) { s.types.pop_back(); }), "token types");
  says(refused([](auto& s) { s.types[40] = 9; }), "token 40 has the unknown type 9");
  says(refused([](auto& s) { s.tokens[16] = "two bytes"; }), "no token for the byte");
  says(refused([](auto& s) { s.merges.emplace_back("no", "token"); }), "(no token)");
  says(refused([](auto& s) { s.merges.emplace_back(" ", "a"); }), "byte-level spelling");
  says(refused([](auto& s) { s.merges.push_back(s.merges[3]); }), "merges 3 and");
  says(refused([](auto& s) { s.merges.emplace_back("", "a"); }), "( a) has an empty half");
  says(refused([](auto& s) { s.merges.emplace_back("a", ""); }), "(a ) has an empty half");
  says(refused([](auto& s) { s.types[40] = -1; }), "token 40 has the unknown type -1");
  says(refused([](auto& s) { s.bos = 5000; }), "5000");
  says(refused([](auto& s) { s.stop = {-7}; }), "-7");
  says(refused([](auto& s) { s.stop = {1, 2, 3, 4, 5, 6, 8, 9, 10}; }), "stop tokens");
}

TEST_CASE("a section that is cut short, misaligned, newer or inconsistent is refused") {
  const std::string good = OpenVocab::Build(SmallSource());
  Vocab vocab;
  for (size_t size = 0; size < good.size(); ++size) {
    const Section cut(good.substr(0, size));
    CHECK_FALSE(Vocab::Open(cut.span(), &vocab).ok());
  }
  CHECK_FALSE(Vocab::Open({}, &vocab).ok());
  const Section longer(good + std::string(8, '\0'));
  CHECK_FALSE(Vocab::Open(longer.span(), &vocab).ok());
  const Section shifted("1" + good);
  CHECK(Vocab::Open(shifted.span().subspan(1, good.size()), &vocab).code() == StatusCode::kInvalidArgument);
  CHECK(vocab.size() == 0);

  const auto with = [&](size_t offset, uint32_t value) {
    std::string bytes = good;
    std::memcpy(&bytes[offset], &value, sizeof(value));
    const Section section(bytes);
    return Vocab::Open(section.span(), &vocab);
  };
  CHECK(with(0, 0).code() == StatusCode::kCorrupt);
  CHECK(with(offsetof(VocabHeader, version), 3).code() == StatusCode::kUnsupported);
  const Status older = with(offsetof(VocabHeader, version), 1);
  CHECK(older.code() == StatusCode::kUnsupported);
  CHECK(Sentence(older).find("pack the model again") != std::string::npos);
  CHECK(with(offsetof(VocabHeader, flags), kVocabFlagIgnoreMerges).code() == StatusCode::kUnsupported);
  CHECK(with(offsetof(VocabHeader, chat_bytes), 3).code() == StatusCode::kCorrupt);
  CHECK(with(offsetof(VocabHeader, pretokenizer), 0).code() == StatusCode::kUnsupported);
  CHECK(with(offsetof(VocabHeader, reserved), 1).code() == StatusCode::kUnsupported);
  for (const uint32_t huge : {0u, 0x7fffffffu, 0xfffffffeu}) {
    CHECK_FALSE(with(offsetof(VocabHeader, token_count), huge).ok());
    CHECK_FALSE(with(offsetof(VocabHeader, merge_count), huge).ok());
    CHECK_FALSE(with(offsetof(VocabHeader, text_bytes), huge).ok());
    if (huge != 0) CHECK_FALSE(with(offsetof(VocabHeader, bos), huge).ok());
  }
  CHECK_FALSE(with(offsetof(VocabHeader, special_count), 0xffffffffu).ok());
  CHECK_FALSE(with(offsetof(VocabHeader, stop_count), 9).ok());
}

TEST_CASE("the pieces of a chat template are read back, and damage is refused or only changes texts") {
  tools::VocabSource source = SmallSource();
  ChatFormat format = Format("lfm2_5_date");
  format.default_system = std::string_view("a\nb", 3);
  source.chat_format = format;
  const std::string good = OpenVocab::Build(source);
  VocabHeader h;
  std::memcpy(&h, good.data(), sizeof(h));
  const size_t begin = static_cast<size_t>(
      VocabLayout::Of(h.token_count, h.merge_count, h.special_count, h.text_bytes, h.chat_bytes).chat);
  {
    const OpenVocab open(good);
    const ChatFormat got = open.vocab.chat_format();
    CHECK(got.name == "lfm2_5_date");
    CHECK(tools::SamePieces(got, format));
    CHECK_FALSE(tools::SamePieces(got, Format("lfm2_5_date")));
  }
  source.chat_format = tools::OwnedChatFormat();
  CHECK(OpenVocab(source).vocab.chat_format().name.empty());

  const auto open = [&](const std::string& bytes, size_t at) {
    const Section section(bytes);
    Vocab vocab;
    const Status status = Vocab::Open(section.span(), &vocab);
    CAPTURE(at);
    if (!status.ok()) {
      CHECK(Sentence(status).find("vocabulary.chat") != std::string::npos);
      return;
    }
    size_t size = 0;
    const ChatFormat got = vocab.chat_format();
    for (const auto text : kChatTexts) size += (got.*text).size();
    CHECK(size + sizeof(ChatHeader) == h.chat_bytes);
  };
  for (size_t at = 0; at < h.chat_bytes; ++at) {
    for (const char value : {'\0', '\1', '\4', '\x7f', '\xff'}) {
      std::string bytes = good;
      bytes[begin + at] = value;
      open(bytes, at);
    }
  }
  const auto says = [&](size_t at, uint16_t value, const char* part) {
    std::string bytes = good;
    std::memcpy(&bytes[begin + at], &value, sizeof(value));
    const Section section(bytes);
    Vocab vocab;
    CHECK(Sentence(Vocab::Open(section.span(), &vocab)).find(part) != std::string::npos);
  };
  says(offsetof(ChatHeader, flags), 0x100 | 16,
       "vocabulary.chat is damaged or of another version (pack the model again): byte");
  says(offsetof(ChatHeader, contents), 4,
       "vocabulary.chat is damaged or of another version (pack the model again): byte: 6");
  says(offsetof(ChatHeader, contents), 0x100,
       "vocabulary.chat is damaged or of another version (pack the model again): byte: 7");
  says(offsetof(ChatHeader, text_bytes) + 22, 1,
       "vocabulary.chat is damaged or of another version (pack the model again): byte: 30");
  says(offsetof(ChatHeader, text_bytes) + 2, 2, "vocabulary.chat is damaged or of another version");
  says(offsetof(ChatHeader, text_bytes), 0, "vocabulary.chat is");
}

TEST_CASE("every table is checked, and the message names the wrong entry") {
  const std::string good = OpenVocab::Build(SmallSource());
  VocabHeader h;
  std::memcpy(&h, good.data(), sizeof(h));
  const VocabLayout l = VocabLayout::Of(h.token_count, h.merge_count, h.special_count, h.text_bytes, h.chat_bytes);
  const auto says = [&](uint64_t offset, uint32_t value, const char* part) {
    std::string bytes = good;
    std::memcpy(&bytes[static_cast<size_t>(offset)], &value, sizeof(value));
    const Section section(bytes);
    Vocab vocab;
    const std::string sentence = Sentence(Vocab::Open(section.span(), &vocab));
    CAPTURE(sentence);
    CHECK(sentence.find(part) != std::string::npos);
  };
  const auto at = [&](uint64_t array, uint64_t index) { return array + index * sizeof(uint32_t); };
  const auto merge = [&](uint64_t index, uint64_t field) { return l.merges + index * sizeof(VocabMerge) + field; };
  says(at(l.text_begin, 0), 1, "text_begin does not start with 0");
  says(at(l.text_begin, 9), 0xffffffff, "text_begin [10] goes backwards");
  says(at(l.text_begin, h.token_count), h.text_bytes + 1, "text_begin ends in the wrong place");
  says(at(l.merge_begin, 0), 1, "merge_begin does not start with 0");
  says(at(l.merge_begin, 299), 0xffffff, "merge_begin [300] goes backwards");
  says(at(l.merge_begin, h.token_count), h.merge_count + 1, "merge_begin ends in the wrong place");
  says(merge(0, offsetof(VocabMerge, right)), h.token_count, "merges [0] names a token that does not exist");
  says(merge(0, offsetof(VocabMerge, merged)), h.token_count, "merges [0] makes a token that does not exist");
  says(merge(0, offsetof(VocabMerge, merged)), 20, "merges [0] makes a token of other bytes");
  says(merge(0, offsetof(VocabMerge, rank)), h.merge_count, "merges [0] has a rank that is too large");
  says(at(l.byte_tokens, 65), h.token_count, "byte_tokens [65] names a token that is not this byte");
  says(at(l.byte_tokens, 65), 20, "byte_tokens [65] names a token that is not this byte");
  says(at(l.specials, 0), h.token_count, "specials [0] names no special");
  says(at(l.specials, 0), 20, "specials [0] names no special");
  says(l.types + 4, 0x07030303, "types [7] holds an unknown type");

  // Two equal neighbours: a lookup would find either.
  uint32_t first_special = 0;
  std::memcpy(&first_special, &good[static_cast<size_t>(l.specials)], sizeof(first_special));
  says(at(l.specials, 1), first_special, "specials [1] is not sorted");
  uint32_t run = 0;  // the first token with two merges
  uint32_t begin[2] = {};
  for (;; ++run) {
    std::memcpy(begin, &good[static_cast<size_t>(at(l.merge_begin, run))], sizeof(begin));
    if (begin[1] - begin[0] >= 2) break;
  }
  uint32_t right = 0;
  std::memcpy(&right, &good[static_cast<size_t>(merge(begin[0], 0))], sizeof(right));
  says(merge(begin[0] + 1, 0), right, "is not sorted");
  const std::string numbers = "is not sorted: " + std::to_string(right - 1) + ", expected " + std::to_string(right);
  says(merge(begin[0] + 1, 0), right - 1, numbers.c_str());
}

// A vocabulary that opens must tokenise any text without reading out of range (sanitizers detect that), to existing
// tokens that decode to the text.
void Use(const Vocab& vocab, const std::string& text, size_t* opened) {
  ++*opened;
  for (const bool special : {false, true}) {
    const auto tokens = EncodeAll(vocab, text, {special, special});
    std::string bytes(16 * text.size() + 4096, '\0');
    size_t size = 0;
    REQUIRE(Detokenize(vocab, tokens, true, {bytes.data(), bytes.size()}, &size).ok());
    if (!special) CHECK(bytes.substr(0, size) == text);
    TextStream stream(vocab, special);
    for (const int32_t token : tokens) stream.Put(token, [](std::string_view) {});
  }
  for (const int32_t stop : vocab.stop_tokens()) CHECK(vocab.IsStop(stop));
}

TEST_CASE("damage anywhere is refused or harmless") {
  const std::string good = OpenVocab::Build(SmallSource());
  const std::string text = "the <|im_end|><user>it is\n  not 42 \xff\xe2\x82 here, <|im_";
  std::mt19937 random(4);
  size_t opened = 0, refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    const Section section(bytes);
    Vocab vocab;
    if (Vocab::Open(section.span(), &vocab).ok()) {
      Use(vocab, text, &opened);
    } else {
      ++refused;
    }
  };
  for (size_t at = 0; at < good.size(); ++at) {  // every byte once
    std::string bytes = good;
    bytes[at] = static_cast<char>(random());
    attempt(bytes);
  }
  for (int round = 0; round < 10000; ++round) {
    std::string bytes = good;
    for (size_t n = 1 + random() % 3; n-- > 0;) {
      const size_t at = random() % (bytes.size() / 4) * 4;
      static constexpr uint32_t kValues[] = {0, 1, 2, 255, 256, 300, 301, 0x7fffffff, 0x80000000, 0xffffffff};
      const uint32_t value =
          random() % 2 == 0 ? kValues[random() % std::size(kValues)] : static_cast<uint32_t>(random() % 400);
      std::memcpy(&bytes[at], &value, sizeof(value));
    }
    attempt(bytes);
  }
  // Both must happen, or this test tests nothing.
  CHECK(opened > 100);
  CHECK(refused > 1000);
}

}  // namespace
}  // namespace lfm2::test
