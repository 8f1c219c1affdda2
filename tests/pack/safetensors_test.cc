// Safetensors headers with wrong values: each is refused with the name of the tensor and the wrong value.
#include "programs/pack/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>

#include "programs/files/strict_json.h"

namespace lfm2::test {
namespace {

using tools::MemorySource;
using tools::Safetensors;

std::string File(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes + header + std::string(data_bytes, 'x');
}

std::string SafetensorsReadError(const std::string& bytes) {
  Safetensors file;
  return file.Read(MemorySource(bytes)).text();
}

void FileRefused(const std::string& header, size_t data_bytes, const char* part) {
  const std::string text = SafetensorsReadError(File(header, data_bytes));
  CHECK_MESSAGE(text.find(part) != std::string::npos, "got: " << text);
  CHECK(text.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("a good file: types, shapes and places") {
  const std::string header = R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]},)"
                             R"("a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}})";
  const std::string bytes = File(header, 16);
  Safetensors file;
  const tools::Error error = file.Read(MemorySource(bytes));
  REQUIRE_MESSAGE(error.ok(), error.text());
  REQUIRE(file.tensors().size() == 2);
  const tools::SafeTensor& a = file.tensors().at("a");
  CHECK((a.type == tools::SafeType::kBF16 && a.shape == std::vector<uint64_t>{2, 3} && a.cols() == 3 && a.bytes == 12));
  CHECK(a.offset == 8 + header.size());
  CHECK(file.tensors().at("b").offset == 8 + header.size() + 12);
}

TEST_CASE("lengths that the file does not have") {
  CHECK(SafetensorsReadError("short").find("only 5 bytes") != std::string::npos);
  std::string bytes = File("{}", 0);
  bytes[0] = 100;
  CHECK(SafetensorsReadError(bytes).find("header is 100") != std::string::npos);
  std::memset(bytes.data(), 0xff, 8);
  CHECK(SafetensorsReadError(bytes).find("18446744073709551615") != std::string::npos);
  FileRefused("{", 0, "not valid JSON");
  FileRefused("[]", 0, "not a JSON object");
  FileRefused("{}", 3, "no tensor has the byte 0");
}

TEST_CASE("entries that are huge, negative, overlapping, double or of unknown types") {
  const auto entry = [](const char* dtype, const char* shape, const char* offsets) {
    return std::string(R"({"t":{"dtype":)") + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  FileRefused(entry("\"F32\"", "[1]", "[0,4]").replace(1, 3, "\"t\""), 4, "");
  FileRefused(entry("\"F99\"", "[1]", "[0,4]"), 4, "unknown dtype F99");
  FileRefused(entry("7", "[1]", "[0,4]"), 4, "dtype is 7");
  FileRefused(entry("\"F32\"", "[-1]", "[0,4]"), 4, "dimension -1");
  FileRefused(entry("\"F32\"", "[1.5]", "[0,4]"), 4, "dimension 1.5");
  FileRefused(entry("\"F32\"", "[1e30]", "[0,4]"), 4, "dimension 1e+30");
  FileRefused(entry("\"F32\"", "[4294967296,4294967296]", "[0,4]"), 4, "too large");
  FileRefused(entry("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "at most 8 dimensions");
  FileRefused(entry("\"F32\"", "{}", "[0,4]"), 4, "has the shape {}, not a list");
  FileRefused(entry("\"F32\"", "[1]", "[4,0]"), 4, "data_offsets [4,0]");
  FileRefused(entry("\"F32\"", "[1]", "[0,8]"), 4, "not within the 4 bytes");
  FileRefused(entry("\"F32\"", "[1]", "[-4,0]"), 4, "two whole numbers");
  FileRefused(entry("\"F32\"", "[1]", "[18446744073709551612,18446744073709551616]"), 4, "two whole numbers");
  FileRefused(entry("\"F32\"", "[2]", "[0,4]"), 4, "takes 8");
  FileRefused(R"({"t":7})", 0, "not an object");
  FileRefused(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6,
      "share the byte 2");
  FileRefused(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3,
      "byte 1");
  FileRefused(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
      "twice");
}

TEST_CASE("tensors without bytes are where they say, and nowhere within another") {
  CHECK(SafetensorsReadError(File(R"({"z":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}})", 0)) == "");
  CHECK(SafetensorsReadError(File(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                                  R"("z":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}})",
                                  4)) == "");
  FileRefused(R"({"z":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}})", 4, "F32 of the shape [0] takes 0");
  FileRefused(R"({"z":{"dtype":"F32","shape":[0],"data_offsets":[5,5]}})", 4, "data_offsets [5,5]");
  FileRefused(R"({"z":{"dtype":"F32","shape":[18446744073709551615,0],"data_offsets":[0,0]}})", 0, "too large");
  FileRefused(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"z":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}})",
      4, "share the byte 2");
}

TEST_CASE("entries that lack a member or have one of another kind, and names that would steer a terminal") {
  FileRefused(R"({"t":{"shape":[1],"data_offsets":[0,4]}})", 4, "the tensor t: the key dtype is missing");
  FileRefused(R"({"t":{"dtype":"F32","data_offsets":[0,4]}})", 4, "the tensor t has the shape null");
  FileRefused(R"({"t":{"dtype":"F32","shape":[1]}})", 4, "the tensor t has the data_offsets null");
  FileRefused(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "data_offsets [0], not two");
  FileRefused(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0.0,4.0]}})", 4, "data_offsets [0.0,4.0], not two");
  FileRefused(R"({"t":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4, "dimension \"1\"");
  FileRefused(R"({"t":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}})", 4, "\"dtype\" occurs twice");
  FileRefused(R"({"\n\u001b[2J":7})", 0, "the tensor \\x0a\\x1b[2J is not an object");
  const std::string text = SafetensorsReadError(File("{\"" + std::string(1000000, 'n') + "\":{\"dtype\":\"F99\"}}", 0));
  CHECK((text.size() < 1100 && text.find("nnn has the unknown dtype F99") != std::string::npos));
}

TEST_CASE("what is no JSON is refused with the byte from which on it is none") {
  const struct {
    const char* text;
    int byte;
  } cases[] = {{"", 1},
               {"{", 2},
               {"{\"a\":1,}", 8},
               {"{\"a\":1}x", 8},
               {"{\"a\":1e999}", 10},
               {"{\"a\":\"\xff\"}", 7},
               {"{\"a\":[1}", 8},
               {"{'a':1}", 2}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    nlohmann::json json;
    CHECK(tools::ParseStrictJson(c.text, &json).text() == "it is not valid JSON at byte " + std::to_string(c.byte));
  }
}

TEST_CASE("JSON that is nested without end costs no stack") {
  nlohmann::json json;
  const std::string deep(1000000, '[');
  CHECK(tools::ParseStrictJson("{\"a\":" + deep, &json).text().find("nested") != std::string::npos);
  CHECK(tools::ParseStrictJson("{\"a\":1,\"b\":{\"a\":1,\"a\":2}}", &json).text() == "the key \"a\" occurs twice");
  CHECK(tools::ParseStrictJson("{\"a\":[{\"x\":1},{\"x\":1}],\"x\":1}", &json).ok());
}

}  // namespace lfm2::test
