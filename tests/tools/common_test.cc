// What the tools share: files that appear complete or not at all, lists of ids, .npy files, readable numbers.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <limits>

#include "programs/console/console.h"
#include "programs/files/byte_sink.h"
#include "programs/files/byte_source.h"
#include "programs/files/files.h"
#include "programs/files/id_list.h"
#include "programs/files/npy.h"
#include "programs/options/byte_size.h"
#include "tests/temporary_folder.h"

namespace lfm2::test {
namespace {

using tools::Error;

std::string Contents(const std::string& path) {
  std::string bytes;
  CHECK(tools::ReadFile(path, &bytes).ok());
  return bytes;
}

bool ParsesIds(const std::string& text, std::vector<int32_t>* ids) {
  const Error error = tools::ParseIds("list", text, 100, ids);
  if (!error.ok()) CHECK(error.text().find("list") != std::string::npos);
  return error.ok();
}

}  // namespace

TEST_CASE("a file that is not committed leaves what was there before") {
  const TemporaryFolder folder;
  const std::string path = folder / "model.lfm2";
  {
    tools::OutputFile file;
    REQUIRE(file.Open(path).ok());
    REQUIRE(file.Write(0, "first", 5).ok());
    CHECK(!std::filesystem::exists(path));
    REQUIRE(file.Commit().ok());
  }
  CHECK(Contents(path) == "first");
  {
    tools::OutputFile file;
    REQUIRE(file.Open(path).ok());
    REQUIRE(file.Write(3, "second", 6).ok());
  }
  CHECK(folder.Files() == 1);
  CHECK(Contents(path) == "first");
  {
    tools::OutputFile file;
    REQUIRE(file.Open(path).ok());
    REQUIRE(file.Write(3, "second", 6).ok());
    REQUIRE(file.Write(0, "\1\2", 2).ok());
    REQUIRE(file.Commit().ok());
  }
  CHECK(Contents(path) == std::string("\1\2\0second", 9));
}

TEST_CASE("a new file has the permissions that other new files have") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);
  tools::OutputFile file;
  REQUIRE(file.Open(folder / "x").ok());
  REQUIRE(file.Commit().ok());
  ::umask(before);
  struct stat info;
  REQUIRE(::stat((folder / "x").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0640);
}

TEST_CASE("a file has no name until it is committed, and its own one then, however long") {
  const TemporaryFolder folder;
  const std::string names[] = {folder / std::string(255, 'n'), folder / "dangling"};
  std::filesystem::create_symlink("nowhere", names[1]);
  for (const std::string& name : names) {
    tools::OutputFile file;
    const size_t before = folder.Files();
    REQUIRE(file.Open(name).ok());
    REQUIRE(file.Write(0, "x", 1).ok());
    CHECK(folder.Files() == before);
    REQUIRE(file.Commit().ok());
    CHECK(Contents(name) == "x");
  }
  CHECK(folder.Files() == 2);
}

TEST_CASE("why a file cannot be opened, read or made is said in one sentence with its name and what to do") {
  const TemporaryFolder folder;
  const std::string place = folder / "x";
  const auto opened = [](const std::string& path) {
    tools::FileSource file;
    return file.Open(path).text();
  };
  const auto made = [](const std::string& path) {
    tools::OutputFile file;
    return file.Open(path).text();
  };
  CHECK(opened(place) == "cannot open " + place + ": no such file (check the path)");
  CHECK(made(place + "/y") == "cannot create " + place + "/y: no such directory (create it first)");
  REQUIRE(::mkfifo(place.c_str(), 0600) == 0);
  CHECK(opened(place) == "cannot open " + place + ": it is a pipe (give a regular file)");
  CHECK(opened(place + "/y") == "cannot open " + place + "/y: part of the path is not a directory (check the path)");
  CHECK(opened("/dev/null") == "cannot open /dev/null: it is a device (give a regular file)");
  CHECK(made("/dev/full") == "cannot write /dev/full: it is a device (give a regular file)");
  CHECK(made("/tmp") == "cannot write /tmp: it is a directory (give a file)");
  CHECK(made("").find("cannot create \"\": ") == 0);
  for (const auto& use : {opened(folder / std::string(256, 'n')), made(folder / std::string(256, 'n'))}) {
    CHECK(use.find(": the name is too long (use a shorter one)") != std::string::npos);
  }
  std::string bytes;
  CHECK(tools::ReadFile("/tmp", &bytes).text() == "cannot read /tmp: it is a directory (give a file)");

  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none = {0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const std::string many = opened("/etc/passwd");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(many == "cannot open /etc/passwd: the process has too many open files (raise the limit: ulimit -n)");
}

TEST_CASE("a limit on the size of files is an error that names the file") {
  const TemporaryFolder folder;
  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {4096, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string said;
  {
    tools::OutputFile file;
    REQUIRE(file.Open(folder / "x").ok());
    said = file.Write(4000, std::string(200, 'x').data(), 200).text();
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, handler);
  CHECK(said.find("cannot write " + (folder / "x") + ": the file would exceed the size limit") == 0);
  CHECK(folder.Files() == 0);
}

TEST_CASE("sources read the bytes of their file and nothing beyond it") {
  const TemporaryFolder folder;
  tools::OutputFile file;
  REQUIRE(file.Open(folder / "x").ok());
  REQUIRE(file.Write(0, "0123456789", 10).ok());
  REQUIRE(file.Commit().ok());
  tools::FileSource from_file;
  REQUIRE(from_file.Open(folder / "x").ok());
  const tools::MemorySource from_memory("0123456789");
  for (const tools::ByteSource* source :
       {static_cast<const tools::ByteSource*>(&from_file), static_cast<const tools::ByteSource*>(&from_memory)}) {
    char out[11] = {};
    CHECK(source->size() == 10);
    CHECK((source->Read(3, out, 7).ok() && std::string(out) == "3456789"));
    CHECK(source->Read(10, out, 0).ok());
    CHECK(!source->Read(4, out, 7).ok());
    CHECK(!source->Read(11, out, 0).ok());
    CHECK(!source->Read(UINT64_MAX, out, 2).ok());
  }
  CHECK(from_file.IsSameFile(folder / "x"));
  CHECK(!from_file.IsSameFile(folder / "y"));
}

TEST_CASE("a sentence is one line that steers no terminal, whatever a file's names and values hold") {
  CHECK(Error::Of("a ", 7, " b").text() == "a 7 b");
  CHECK(Error::Of("\x1b[2J\n", std::string("\0\x7f", 2)).text() == "\\x1b[2J\\x0a\\x00\\x7f");
  CHECK(Error::Of("\xc3\xa4 \xe2\x82\xac").text() == "\xc3\xa4 \xe2\x82\xac");
  CHECK(Error::Of("\xc2\x9b \xff \xe2\x82").text() == "\\xc2\\x9b \\xff \\xe2\\x82");
  CHECK(Error::Of(Error::Of("\n").text()).text() == "\\x0a");
  // A long part loses its middle, between two characters, so that the reason at the end of another sentence stays.
  std::string euros;
  for (int i = 0; i < 1000; ++i) euros += "\xe2\x82\xac";
  const std::string cut = Error::Of(Error::Of("the tensor ", euros, " is bad").text()).text();
  CHECK((cut.size() <= 1003 && cut.rfind("the tensor \xe2", 0) == 0));
  CHECK(cut.substr(cut.size() - 7) == " is bad");
  CHECK(Error::Of(cut).text() == cut);
}

TEST_CASE("ids are whole numbers of the vocabulary and nothing else") {
  std::vector<int32_t> ids;
  CHECK((ParsesIds(" [0, 99 ,7]\n", &ids) && ids == std::vector<int32_t>{0, 99, 7}));
  CHECK(tools::FormatIds(ids) == "[0, 99, 7]");
  CHECK((ParsesIds("[]", &ids) && ids.empty()));
  CHECK(tools::FormatIds(ids) == "[]");
  for (const char* text : {"", "[", "[1", "{}", "3", "null", "[100]", "[-1]", "[1.0]", "[\"1\"]", "[true]", "[null]",
                           "[[1]]", "[18446744073709551616]", "[4294967296]", "[1e999]", "[1] [2]", "\xff"}) {
    CAPTURE(text);
    CHECK(!ParsesIds(text, &ids));
  }
  CHECK(!ParsesIds(std::string(200000, '['), &ids));
  CHECK(!ParsesIds(std::string(200000, '[') + std::string(200000, ']'), &ids));
}

TEST_CASE("a .npy file is what numpy's format description says") {
  tools::MemorySink sink;
  tools::NpyWriter npy(2, 3, &sink);
  const float rows[6] = {1, 2, 3, 4, 5, std::numeric_limits<float>::infinity()};
  REQUIRE(npy.Begin().ok());
  REQUIRE(npy.Row(rows).ok());
  REQUIRE(npy.Row(rows + 3).ok());
  const std::string& bytes = sink.bytes();
  CHECK(bytes.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  const size_t header = 10 + static_cast<uint8_t>(bytes[8]) + 256 * static_cast<uint8_t>(bytes[9]);
  CHECK(header % 64 == 0);
  CHECK(bytes[header - 1] == '\n');
  CHECK(bytes.substr(10).rfind("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 0) == 0);
  REQUIRE(bytes.size() == header + sizeof(rows));
  CHECK(std::memcmp(bytes.data() + header, rows, sizeof(rows)) == 0);
}

TEST_CASE("sizes are readable") {
  CHECK(tools::HumanBytes(0) == "0 B");
  CHECK(tools::HumanBytes(999) == "999 B");
  CHECK(tools::HumanBytes(1000) == "1.00 kB");
  CHECK(tools::HumanBytes(99960) == "100 kB");
  CHECK(tools::HumanBytes(999600) == "1.00 MB");
  CHECK(tools::HumanBytes(4733806560) == "4.73 GB");
  CHECK(tools::Grouped(0) == "0");
  CHECK(tools::Grouped(999) == "999");
  CHECK(tools::Grouped(8338341888) == "8 338 341 888");
}

TEST_CASE("columns of a table line up") {
  tools::Table table("lr");
  table.Row({"name", "bytes"});
  table.Row({"a", "1"});
  table.Row({"longer name", "10"});
  CHECK(table.Text() == "name         bytes\na                1\nlonger name     10\n");
}

TEST_CASE("numbers of bytes as people write them") {
  const auto parsed = [](const char* text) {
    uint64_t bytes = 1;
    const Error error = tools::ParseByteSize(text, &bytes);
    INFO(text, error.text());
    REQUIRE(error.ok());
    return bytes;
  };
  CHECK(parsed("0") == 0);
  CHECK(parsed("007b") == 7);
  CHECK(parsed("1300M") == uint64_t{1300} << 20);
  CHECK(parsed("1300mib") == uint64_t{1300} << 20);
  CHECK(parsed("1.3GB") == 1300000000);
  CHECK(parsed("1.3G") == 1395864371);  // of 1395864371.2
  CHECK(parsed("0.0009765625K") == 1);
  CHECK(parsed("85.000001MB") == 85000001);
  CHECK(parsed("2T") == uint64_t{2} << 40);
  CHECK(parsed("2.000TB") == 2000000000000);
  CHECK(parsed("18446744073709551615") == std::numeric_limits<uint64_t>::max());
  CHECK(parsed("16777215.999999999999999T") == std::numeric_limits<uint64_t>::max());

  const auto refused = [](const char* text, const char* why) {
    uint64_t bytes = 0;
    const Error error = tools::ParseByteSize(text, &bytes);
    INFO(text, error.text());
    CHECK(error.text() == std::string(text) + why);
  };
  for (const char* text :
       {"",    "M",    "-1",    "+1",   "-1K",  "1X",  "1MX", "1 M", " 1",  "1 ", "1.",  "1.M", ".5M",
        "1.5", "1.5b", "1..5M", "1,5M", "0x10", "1e6", "nan", "inf", "1KK", "1i", "1iB", "1MBB"}) {
    refused(text, " is not a number of bytes, such as 4096, 1300M or 1.3GB");
  }
  for (const char* text : {"18446744073709551616", "99999999999999999999999", "16777216T", "18446744073709551616K",
                           "18014398509481984K", "18446744.073709551616TB"}) {
    refused(text, " exceeds 64 bits");
  }
}

}  // namespace lfm2::test
