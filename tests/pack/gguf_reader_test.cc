// The GGUF reader: a damaged or hostile file is refused in a sentence, and never costs more memory than it has bytes.
#include "programs/pack/gguf_reader.h"

#include <doctest/doctest.h>

#include "lfm2/format/image.h"
#include "programs/files/byte_source.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/pack_gguf.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::Gguf;
using tools::MemorySink;
using tools::MemorySource;

std::string GgufReadError(const std::string& bytes) {
  Gguf gguf;
  return gguf.Read(MemorySource(bytes)).text();
}

void GgufRefused(const std::string& bytes, const char* part) {
  const std::string text = GgufReadError(bytes);
  CHECK_MESSAGE(text.find(part) != std::string::npos, "got: " << text);
}

std::string Header(uint64_t tensors, uint64_t pairs) { return "GGUF" + Raw(uint32_t{3}) + Raw(tensors) + Raw(pairs); }

// Packs, and demands that whatever is accepted makes an image that opens. Returns whether it was.
bool PacksOrRefuses(const std::string& bytes) {
  MemorySink sink;
  const Error error = PackGguf(MemorySource(bytes), PackOptions(), &sink);
  if (!error.ok()) return false;
  const ImageCopy copy(sink.bytes());
  Image image;
  const Error opened = Error::From(image.Open(copy.storage()));
  CHECK_MESSAGE(opened.ok(), opened.text());
  return true;
}

// Where the tensor data begin in a file that TinyGguf made.
size_t MetadataBytes(TinyGguf file) {
  for (TinyTensor& t : file.tensors) t.data.clear();
  return file.Bytes().size();
}

}  // namespace

TEST_CASE("values of every width are read, and numbers that do not fit are refused") {
  TinyGguf file;
  file.SetU32("u32", 7);
  file.Set("u64", Raw(uint32_t{kGgufU64}) + Raw(uint64_t{1} << 40));
  file.Set("i32", Raw(uint32_t{kGgufI32}) + Raw(int32_t{-3}));
  file.Set("u8", Raw(uint32_t{0}) + Raw(uint8_t{200}));
  file.Set("bool", Raw(uint32_t{kGgufBool}) + Raw(uint8_t{1}));
  file.Set("f64", Raw(uint32_t{12}) + Raw(2.5));
  file.SetText("text", "a\0b");
  file.SetI32s("list", {4, 5, 6});
  const std::string bytes = file.Bytes();
  Gguf gguf;
  REQUIRE(gguf.Read(MemorySource(bytes)).ok());
  uint32_t n = 0;
  CHECK((gguf.GetU32("u32", &n).ok() && n == 7));
  CHECK((gguf.GetU32("u8", &n).ok() && n == 200));
  CHECK((gguf.GetU32("bool", &n).ok() && n == 1));
  CHECK(!gguf.GetU32("u64", &n).ok());
  CHECK(!gguf.GetU32("i32", &n).ok());
  CHECK(!gguf.GetU32("text", &n).ok());
  CHECK(!gguf.GetU32("list", &n).ok());
  CHECK(gguf.GetU32("absent", &n).text() == "the GGUF file lacks the key absent");
  float f = 0;
  CHECK((gguf.GetF32("f64", &f).ok() && f == 2.5f));
  CHECK(!gguf.GetF32("u32", &f).ok());
  std::vector<uint32_t> list;
  CHECK((gguf.GetU32Array("list", 3, &list).ok() && list == std::vector<uint32_t>{4, 5, 6}));
  CHECK(!gguf.GetU32Array("list", 4, &list).ok());
  CHECK((gguf.GetU32Array("u32", 2, &list).ok() && list == std::vector<uint32_t>{7, 7}));
}

TEST_CASE("files that are no GGUF, or of a version with another layout, are told apart") {
  GgufRefused("", "too short");
  GgufRefused("GGU", "too short");
  GgufRefused("PK\3\4 and so on", "not a GGUF file");
  GgufRefused("GGUF" + Raw(uint32_t{1}) + std::string(16, '\0'), "version 1");
  GgufRefused("GGUF" + Raw(uint32_t{4}) + std::string(16, '\0'), "version 4");
  GgufRefused("GGUF" + Raw(uint32_t{0x03000000}) + std::string(16, '\0'), "big-endian");
}

TEST_CASE("counts that the file cannot hold are refused before memory is taken for them") {
  GgufRefused(Header(UINT64_MAX, 0), "tensors");
  GgufRefused(Header(0, UINT64_MAX), "keys");
  GgufRefused(Header(0, 1) + Raw(UINT64_MAX), "length of a key");
  GgufRefused(Header(0, 1) + GgufText("k") + Raw(uint32_t{kGgufString}) + Raw(UINT64_MAX - 7), "length of k");
  const std::string list = Header(0, 1) + GgufText("k") + Raw(uint32_t{kGgufArray});
  GgufRefused(list + Raw(uint32_t{kGgufU32}) + Raw(uint64_t{1} << 62), "elements");
  GgufRefused(list + Raw(uint32_t{kGgufU32}) + Raw(uint64_t{1} << 22), "ends inside");
  GgufRefused(list + Raw(uint32_t{kGgufString}) + Raw(uint64_t{1} << 22), "ends inside");
  const std::string lists = list + Raw(uint32_t{kGgufArray});
  GgufRefused(lists + Raw(uint64_t{1}), "ends inside");
  GgufRefused(lists + Raw(UINT64_MAX), "counts 18446744073709551615 elements");
  GgufRefused(lists + Raw(uint64_t{1}) + Raw(uint32_t{kGgufU64}) + Raw(uint64_t{1} << 61), "elements");
  GgufRefused(lists + Raw(uint64_t{1}) + Raw(uint32_t{kGgufU64}) + Raw(uint64_t{2}) + Raw(uint64_t{5}), "ends inside");
  GgufRefused(lists + Raw(uint64_t{1}) + Raw(uint32_t{kGgufString}) + Raw(uint64_t{1}) + Raw(UINT64_MAX),
              "length of k");
  GgufRefused(lists + Raw(uint64_t{1}) + Raw(uint32_t{kGgufArray}) + Raw(uint64_t{1} << 40), "elements");
  GgufRefused(lists + Raw(uint64_t{1}) + Raw(uint32_t{13}) + Raw(uint64_t{0}), "unknown type 13");
  std::string deep = lists;
  for (int i = 0; i < 1000000; ++i) deep += Raw(uint64_t{1}) + Raw(uint32_t{kGgufArray});
  GgufRefused(deep, "nests arrays more than 8 deep");
  GgufRefused(Header(0, 1) + GgufText("k") + Raw(uint32_t{13}), "unknown type");
}

TEST_CASE("arrays of arrays, which no key that anybody reads has, are passed over, whatever they hold") {
  const auto array = [](uint32_t type, uint64_t count, const std::string& elements) {
    return Raw(type) + Raw(count) + elements;
  };
  const std::string numbers = array(kGgufU64, 2, Raw(uint64_t{1}) + Raw(uint64_t{2})), none = array(kGgufF32, 0, "");
  const std::string texts = array(kGgufString, 2, GgufText("") + GgufText(std::string(100000, 'x')));
  const std::string pair = array(kGgufArray, 2, numbers + texts);
  TinyGguf file = MakeTinyGguf(TinyOptions());
  file.Set("a.first",
           Raw(uint32_t{kGgufArray}) + array(kGgufArray, 4, pair + none + array(kGgufArray, 0, "") + numbers));
  std::string deepest = numbers;
  for (int i = 0; i < 8; ++i) deepest = array(kGgufArray, 1, deepest);
  file.Set("a.second", Raw(uint32_t{kGgufArray}) + deepest);
  file.SetU32("z.last", 77);
  const std::string bytes = file.Bytes();
  Gguf gguf;
  const Error read = gguf.Read(MemorySource(bytes));
  REQUIRE_MESSAGE(read.ok(), read.text());
  uint32_t n = 0;
  CHECK((gguf.GetU32("z.last", &n).ok() && n == 77));
  CHECK(PacksOrRefuses(bytes));
  // Where a key of that kind is read all the same, it is what it is.
  CHECK(gguf.GetU32("a.first", &n).text() == "the key a.first is a list of 4, not a whole number from 0 to 4294967295");
  std::vector<uint32_t> list;
  std::string text;
  CHECK(!gguf.GetU32Array("a.first", 4, &list).ok());
  CHECK(!gguf.GetString("a.first", &text).ok());
  file.Set("tokenizer.ggml.tokens", Raw(uint32_t{kGgufArray}) + array(kGgufArray, 1, texts));
  CHECK(!PacksOrRefuses(file.Bytes()));
}

TEST_CASE("keys and tensors that are there twice are refused, for only one of them would count") {
  TinyGguf file = MakeTinyGguf(TinyOptions());
  file.pairs.push_back(file.pairs[1]);
  GgufRefused(file.Bytes(), "general.name occurs twice");
  file = MakeTinyGguf(TinyOptions());
  file.tensors.push_back(file.tensors[3]);
  GgufRefused(file.Bytes(), "occurs twice");
}

TEST_CASE("a tensor whose data would lie outside the file is refused, also where sizes overflow") {
  const auto with = [](const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    std::string bytes = Header(1, 0) + GgufText("t") + Raw(static_cast<uint32_t>(dims.size()));
    for (const uint64_t d : dims) bytes += Raw(d);
    return bytes + Raw(type) + Raw(offset) + std::string(256, '\0');
  };
  CHECK(GgufReadError(with({8, 4}, kGgmlF32, 0)) == "");
  GgufRefused(with({1024}, kGgmlF32, 0), "not within the file");
  GgufRefused(with({8}, kGgmlF32, UINT64_MAX - 31), "not within the file");
  GgufRefused(with({8}, kGgmlF32, 1), "not a multiple of the 32 bytes");
  GgufRefused(with({uint64_t{1} << 62, 4}, kGgmlF32, 0), "dimensions");
  GgufRefused(with({uint64_t{1} << 62}, kGgmlF32, 0), "not within the file");
  GgufRefused(with({0}, kGgmlF32, 0), "dimensions");
  GgufRefused(with({1, 1, 1, 1, 1}, kGgmlF32, 0), "5 dimensions");
  GgufRefused(with({33}, kGgmlQ4_0, 0), "multiple of 32");
  GgufRefused(with({32}, 99, 0), "type number 99");
}

TEST_CASE("tensors that share bytes are refused by both their names") {
  const auto with = [](uint64_t first, uint64_t second) {
    std::string bytes = Header(2, 0);
    for (const auto& [name, offset] : {std::pair<const char*, uint64_t>{"a", first}, {"b", second}}) {
      bytes += GgufText(name) + Raw(uint32_t{1}) + Raw(uint64_t{16}) + Raw(uint32_t{kGgmlF32}) + Raw(offset);
    }
    bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes + std::string(128, '\0');
  };
  CHECK(GgufReadError(with(0, 64)) == "");
  CHECK(GgufReadError(with(64, 0)) == "");
  GgufRefused(with(0, 0), "the tensors a and b share the byte 96 of the file");
  GgufRefused(with(0, 32), "the tensors a and b share the byte 128 of the file");
  GgufRefused(with(32, 0), "the tensors b and a share the byte 128 of the file");
}

TEST_CASE("what a key holds instead of what it should hold is shown, a long or hostile text not in full") {
  TinyGguf file;
  file.Set("i64", Raw(uint32_t{11}) + Raw(INT64_MIN));
  file.SetF32("f32", 2.5f);
  file.Set("f64", Raw(uint32_t{12}) + Raw(1e300));
  file.Set("bool", Raw(uint32_t{kGgufBool}) + Raw(uint8_t{1}));
  file.SetI32s("list", {7, -8});
  file.SetText("text", "\x1b[2J" + std::string(1000000, 'x'));
  file.Set("e\nvil", Raw(uint32_t{kGgufU64}) + Raw(UINT64_MAX));
  const std::string bytes = file.Bytes();
  Gguf gguf;
  REQUIRE(gguf.Read(MemorySource(bytes)).ok());
  const auto u32_error = [&gguf](const char* key) {
    uint32_t n = 0;
    return gguf.GetU32(key, &n).text();
  };
  const std::string no_u32 = ", not a whole number from 0 to 4294967295";
  CHECK(u32_error("i64") == "the key i64 is -9223372036854775808" + no_u32);
  CHECK(u32_error("f32") == "the key f32 is 2.5" + no_u32);
  CHECK(u32_error("f64") == "the key f64 is 1e+300" + no_u32);
  CHECK(u32_error("list") == "the key list is a list of 2" + no_u32);
  CHECK(u32_error("text") == "the key text is \"\\x1b[2J" + std::string(56, 'x') + "...\"" + no_u32);
  CHECK(u32_error("e\nvil") == "the key e\\x0avil is 18446744073709551615" + no_u32);
  float f = 0;
  CHECK(gguf.GetF32("bool", &f).text() == "the key bool is true, not a floating-point number");
  std::string text;
  CHECK(gguf.GetString("f32", &text).text() == "the key f32 is 2.5, not a string");
  std::vector<uint32_t> list;
  CHECK(gguf.GetU32Array("list", 2, &list).text().rfind("element 1 of the key list", 0) == 0);
}

TEST_CASE("an alignment that is no power of two is refused") {
  TinyGguf file = MakeTinyGguf(TinyOptions());
  for (const uint32_t alignment : {0u, 3u, 48u, 0x80000000u}) {
    file.SetU32("general.alignment", alignment);
    GgufRefused(file.Bytes(), ("general.alignment is " + std::to_string(alignment)).c_str());
  }
  file.SetU32("general.alignment", 64);  // the file's tensors are aligned to 32
  GgufRefused(file.Bytes(), "not a multiple of the 64 bytes");
  file.SetText("general.alignment", "32");
  GgufRefused(file.Bytes(), "the key general.alignment is \"32\"");
}

TEST_CASE("every truncation of the metadata is refused, and every one of the data") {
  const TinyGguf file = MakeTinyGguf(TinyOptions());
  const std::string bytes = file.Bytes();
  const size_t metadata = MetadataBytes(file);
  for (size_t size = 0; size < metadata; ++size) REQUIRE(GgufReadError(bytes.substr(0, size)) != "");
  for (size_t size = metadata; size < bytes.size(); size += 61) REQUIRE(GgufReadError(bytes.substr(0, size)) != "");
}

TEST_CASE("10,000 random mutations of a file either pack to an image that opens or are refused") {
  uint32_t packed = 0;
  TinyOptions dense;
  dense.moe = false;
  for (const TinyOptions& options : {TinyOptions(), dense}) {
    const TinyGguf file = MakeTinyGguf(options);
    const std::string bytes = file.Bytes();
    const size_t metadata = MetadataBytes(file);
    XorShift random(7);
    for (int i = 0; i < 5000; ++i) {
      std::string changed = bytes;
      for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
        const size_t at = random.Below(metadata);
        const uint64_t kind = random.Below(4);
        if (kind == 0) changed[at] = static_cast<char>(random.Next());
        if (kind == 1) changed[at] = static_cast<char>(changed[at] ^ (1 << random.Below(8)));
        if (kind == 2) changed.insert(at, random.Below(9), static_cast<char>(random.Next()));
        if (kind == 3) changed.erase(at, random.Below(9));
      }
      packed += PacksOrRefuses(changed) ? 1 : 0;
    }
  }
  // Most of the metadata are tokens, many of which may change without harm to anything else.
  CHECK(packed > 100);
  CHECK(packed < 9000);
}

}  // namespace lfm2::test
