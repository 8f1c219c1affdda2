// Continuing an interrupted calibration. If these fail, an image contains another model's weights, damaged ones or
// none.
#include "programs/quantize/weight_store.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/pack/texts.h"
#include "tests/quantize/quantized_model.h"

namespace lfm2::test {
namespace {

namespace fs = std::filesystem;
using tools::Error;
using tools::ImageTensor;
using tools::WeightProgress;
using tools::WeightStore;

constexpr uint32_t kExperts = 3, kRows = 40, kCols = 64;

// An embedding, which is not held, and two layers: a matrix in one, experts in the other.
const std::vector<ImageTensor> kTensors = {
    {{TensorRole::kTokenEmbedding, 0, kRows, kCols, TensorLayout::kMatrix}, TensorType::kQ8_0},
    {{TensorRole::kConvIn, 0, kRows, kCols, TensorLayout::kMatrix}, TensorType::kQ4_0},
    {{TensorRole::kExpertUp, 1, kRows, kCols, TensorLayout::kExpert}, TensorType::kQ8_0}};
const std::vector<bool> kHeld = {false, true, true};

std::vector<uint8_t> Bytes(TensorType type, uint8_t value) {
  std::vector<uint8_t> bytes(static_cast<size_t>(MatrixBytes(type, kRows, kCols)));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(value + i / 7);
  return bytes;
}

Error Open(WeightStore* store, const std::string& folder, const std::string& job, WeightProgress* progress) {
  return store->Open(folder, job, kTensors, kHeld, kExperts, progress);
}

// Layer 0 is complete.
void WriteFirstLayer(const std::string& folder) {
  WeightStore store;
  WeightProgress progress;
  REQUIRE(Open(&store, folder, "job", &progress).ok());
  CHECK(progress.layers == 0);
  REQUIRE(store.Write(1, 0, Bytes(TensorType::kQ4_0, 1)).ok());
  progress.layers = 1;
  progress.reports[1].weight_error = 0.25;
  progress.streams = {1, 2, 3, 4};
  REQUIRE(store.Save(progress).ok());
}

// How many layers a new run finds complete.
uint32_t LayersFound(const std::string& folder, const std::string& job = "job") {
  WeightStore store;
  WeightProgress progress;
  REQUIRE(Open(&store, folder, job, &progress).ok());
  CHECK(progress.reports.size() == kTensors.size());
  CHECK((progress.layers > 0 || progress.streams.empty()));
  return progress.layers;
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("weights are read as written, whole or from any row block on, for each expert") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WeightStore store;
  WeightProgress progress;
  REQUIRE(Open(&store, folder, "job", &progress).ok());
  CHECK(!store.Holds(0));
  CHECK(store.Holds(1));
  const std::vector<uint8_t> matrix = Bytes(TensorType::kQ4_0, 9);
  REQUIRE(store.Write(1, 0, matrix).ok());
  for (uint32_t e = 0; e < kExperts; ++e) {
    REQUIRE(store.Write(2, e, Bytes(TensorType::kQ8_0, static_cast<uint8_t>(50 * e))).ok());
  }
  std::vector<uint8_t> read(matrix.size());
  REQUIRE(store.Read(1, 0, 0, kRows, read.data()).ok());
  CHECK(read == matrix);
  for (uint32_t e = 0; e < kExperts; ++e) {
    const std::vector<uint8_t> wanted = Bytes(TensorType::kQ8_0, static_cast<uint8_t>(50 * e));
    const size_t before = static_cast<size_t>(MatrixBytes(TensorType::kQ8_0, 16, kCols));
    std::vector<uint8_t> rest(wanted.size() - before);
    REQUIRE(store.Read(2, e, 16, kRows - 16, rest.data()).ok());
    CHECK(rest == std::vector<uint8_t>(wanted.begin() + static_cast<std::ptrdiff_t>(before), wanted.end()));
  }
  REQUIRE(store.Remove().ok());
  CHECK(!fs::exists(folder));
}

TEST_CASE("the same job continues after the completed layers; the work of another job is discarded") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WriteFirstLayer(folder);
  {
    WeightStore store;
    WeightProgress progress;
    REQUIRE(Open(&store, folder, "job", &progress).ok());
    CHECK(progress.layers == 1);
    CHECK(progress.streams == std::vector<float>{1, 2, 3, 4});
    CHECK(progress.reports[1].weight_error == 0.25);
    std::vector<uint8_t> read(Bytes(TensorType::kQ4_0, 1).size());
    REQUIRE(store.Read(1, 0, 0, kRows, read.data()).ok());
    CHECK(read == Bytes(TensorType::kQ4_0, 1));
  }
  CHECK(LayersFound(folder, "jot") == 0);
  // It is discarded for its own job too.
  CHECK(LayersFound(folder) == 0);
}

TEST_CASE("progress with any bit or byte wrong is discarded") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WriteFirstLayer(folder);
  const std::string path = folder + "/progress", whole = ReadWholeFile(path);
  REQUIRE(whole.size() > 40);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
    WriteAll(path, damaged);
    CAPTURE(i);
    CHECK(LayersFound(folder) == 0);
  }
  for (const size_t size : {size_t{0}, size_t{7}, size_t{39}, size_t{40}, whole.size() - 1}) {
    WriteAll(path, whole.substr(0, size));
    CHECK(LayersFound(folder) == 0);
  }
  WriteAll(path, whole + "x");
  CHECK(LayersFound(folder) == 0);
  WriteAll(path, whole);
  CHECK(LayersFound(folder) == 1);
}

TEST_CASE("progress whose weights are missing is discarded") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WriteFirstLayer(folder);
  fs::resize_file(folder + "/weights", Bytes(TensorType::kQ4_0, 1).size() - 1);
  CHECK(LayersFound(folder) == 0);
  WriteFirstLayer(folder);
  fs::remove(folder + "/weights");
  CHECK(LayersFound(folder) == 0);
}

TEST_CASE("two runs do not work in one folder") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WeightStore first, second;
  WeightProgress progress;
  REQUIRE(Open(&first, folder, "job", &progress).ok());
  CHECK(Open(&second, folder, "job", &progress).text() == folder + " is in use by another run");
}

TEST_CASE("files of a killed run are removed, other files stay") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  {
    WeightStore store;
    WeightProgress progress;
    REQUIRE(Open(&store, folder, "job", &progress).ok());
    WriteAll(folder + "/progress.a1b2c3", "half of it");
    REQUIRE(store.Remove().ok());
    CHECK(!fs::exists(folder));
  }
  WeightStore store;
  WeightProgress progress;
  REQUIRE(Open(&store, folder, "job", &progress).ok());
  WriteAll(folder + "/notes.txt", "mine");
  REQUIRE(store.Remove().ok());
  CHECK(ReadWholeFile(folder + "/notes.txt") == "mine");
  CHECK(!fs::exists(folder + "/weights"));
}

TEST_CASE("a folder that cannot be created, or is a file, is refused by name") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WeightStore store, other;
  WeightProgress progress;
  CHECK(Open(&store, folder + "/no/such", "job", &progress).text().find("/no/such: ") != std::string::npos);
  WriteAll(folder, "a file");
  CHECK(Open(&other, folder, "job", &progress).text().find(folder) == 0);
  CHECK(ReadWholeFile(folder) == "a file");
}

TEST_CASE("a failed or partial write is reported, and so is a short read") {
  const TemporaryFolder temporary;
  const std::string folder = temporary / "model.lfm2.work";
  WeightStore store;
  WeightProgress progress;
  REQUIRE(Open(&store, folder, "job", &progress).ok());
  const std::vector<uint8_t> bytes = Bytes(TensorType::kQ8_0, 3);
  rlimit old;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1000, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string written = store.Write(2, 0, bytes).text();
  progress.streams.assign(1000, 1.0f);
  const std::string saved = store.Save(progress).text();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK(written == folder + "/weights: cannot be written: File too large");
  CHECK(saved.find("size limit") != std::string::npos);
  CHECK(!fs::exists(folder + "/progress"));
  std::vector<uint8_t> read(bytes.size());
  CHECK(store.Read(2, 0, 0, kRows, read.data()).text() == folder + "/weights was cut short");
}

}  // namespace lfm2::test
