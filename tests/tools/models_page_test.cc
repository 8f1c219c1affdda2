// docs/models.md says how large files and arenas are: people buy boards by it. Its figures are those of the shapes and
// of the plan, and the formula for files is held against sizes that publishers' files have.
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "lfm2.h"
#include "lfm2/model/presets.h"

namespace lfm2::test {
namespace {

const std::map<std::string, ModelConfig>& Presets() {
  static const std::map<std::string, ModelConfig> presets = {
      {"LFM2-350M", kLfm2_350M},       {"LFM2-700M", kLfm2_700M},     {"LFM2-1.2B", kLfm2_1_2B},
      {"LFM2-2.6B", kLfm2_2_6B},       {"LFM2-8B-A1B", kLfm2_8B_A1B}, {"LFM2.5-8B-A1B", kLfm2_5_8B_A1B},
      {"LFM2-24B-A2B", kLfm2_24B_A2B},
  };
  return presets;
}

// What the page says: matrices of `bits`, the embedding of at least 6.5625, the rest floats; 36.4 bytes for each token.
double FileBytes(const ModelConfig& config, double bits) {
  double bytes = 36.4 * config.vocab_size;
  for (uint32_t group = 0; group < TensorGroups(config); ++group) {
    const TensorSpecs specs = TensorGroup(config, group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const TensorSpec& spec = specs.spec[i];
      const bool is_float = spec.layout == TensorLayout::kPlain || spec.role == TensorRole::kRouter;
      const bool is_embedding = spec.role == TensorRole::kTokenEmbedding || spec.role == TensorRole::kOutput;
      const double own = is_float ? 32 : is_embedding && bits < 6.5625 ? 6.5625 : bits;
      const double matrices = spec.layout == TensorLayout::kExpert ? config.experts : 1;
      bytes += matrices * spec.rows * spec.cols * own / 8;
    }
  }
  return bytes;
}

uint64_t WeightsOf(const ModelConfig& config) {
  uint64_t weights = 0;
  for (uint32_t group = 0; group < TensorGroups(config); ++group) {
    const TensorSpecs specs = TensorGroup(config, group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const uint64_t matrices = specs.spec[i].layout == TensorLayout::kExpert ? config.experts : 1;
      weights += matrices * specs.spec[i].rows * specs.spec[i].cols;
    }
  }
  return weights;
}

// Three digits: 4.73 GB, 55.8 MB, 354M.
std::string Human(double value, const char* million, const char* billion) {
  const bool large = value >= 999.5e6;
  const double shown = value / (large ? 1e9 : 1e6);
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f%s",
                shown < 9.995   ? 2
                : shown < 99.95 ? 1
                                : 0,
                shown, large ? billion : million);
  return text;
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The rows of the table that has this as the second cell of its head, by their first cell, without it.
std::map<std::string, std::vector<std::string>> Table(const std::string& second) {
  std::ifstream page(std::string(LFM2_TEST_DATA) + "/../../docs/models.md");
  REQUIRE(page.good());
  std::map<std::string, std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '|');) cells.push_back(Trimmed(cell));
    if (line.rfind("| ", 0) != 0) {
      inside = inside && line.rfind("|-", 0) == 0;
    } else if (cells.size() > 2 && cells[2] == second) {
      inside = true;
    } else if (inside) {
      rows[cells[1]] = {cells.begin() + 2, cells.end()};
    }
  }
  CAPTURE(second);
  REQUIRE_FALSE(rows.empty());
  return rows;
}

}  // namespace

TEST_CASE("docs/models.md: the formula gives the sizes of published files") {
  // LFM2-350M-Q8_0.gguf and LFM2-1.2B-RAG.Q6_K.gguf, in bytes, as their repositories have them.
  CHECK(FileBytes(kLfm2_350M, 8.5) == doctest::Approx(379215712.0).epsilon(1e-4));
  CHECK(FileBytes(kLfm2_1_2B, 6.5625) == doctest::Approx(962842912.0).epsilon(1e-4));
  CHECK(Human(FileBytes(kLfm2_350M, 16), " MB", " GB") == "711 MB");
  CHECK(Human(FileBytes(kLfm2_350M, 4.5), " MB", " GB") == "219 MB");
  CHECK(Human(FileBytes(kLfm2_1_2B, 4.25), " MB", " GB") == "663 MB");
  CHECK(Human(FileBytes(kLfm2_1_2B, 4.5), " MB", " GB") == "696 MB");
}

TEST_CASE("docs/models.md: sizes of files") {
  const auto rows = Table("BF16, F16");
  CHECK(rows.size() == Presets().size());
  for (const auto& preset : Presets()) {
    const std::string& name = preset.first;
    const ModelConfig& config = preset.second;
    CAPTURE(name);
    REQUIRE(rows.count(name) == 1);
    std::vector<std::string> want;
    for (const double bits : {16.0, 8.5, 6.5625, 4.5, 4.25, 3.4375}) {
      want.push_back(Human(FileBytes(config, bits), " MB", " GB"));
    }
    CHECK(rows.at(name) == want);
  }
}

TEST_CASE("docs/models.md: arenas are those of the plan") {
  const auto rows = Table("1,024 positions");
  CHECK(rows.size() == Presets().size());
  for (const auto& preset : Presets()) {
    const std::string& name = preset.first;
    const ModelConfig& config = preset.second;
    CAPTURE(name);
    REQUIRE(rows.count(name) == 1);
    std::vector<std::string> want;
    SessionOptions options;
    for (const uint32_t context : {1024u, 4096u, 32768u}) {
      options.context_length = context;
      want.push_back(Human(static_cast<double>(MakePlan(config, options).total_bytes), " MB", " GB"));
    }
    options.context_length = 4096;
    options.kv_cache = KvCacheType::kInt8;
    want.push_back(Human(static_cast<double>(MakePlan(config, options).total_bytes), " MB", " GB"));
    CHECK(rows.at(name) == want);
  }
}

TEST_CASE("docs/models.md: weights and layers of the models whose shapes are known") {
  const auto rows = Table("weights");
  for (const auto& preset : Presets()) {
    const std::string& name = preset.first;
    const ModelConfig& config = preset.second;
    CAPTURE(name);
    REQUIRE(rows.count(name) == 1);
    const std::vector<std::string>& row = rows.at(name);
    CHECK(row[0].substr(0, row[0].find(',')) == Human(static_cast<double>(WeightsOf(config)), "M", "B"));
    CHECK(row[1] == std::to_string(config.layers) + ", " + std::to_string(config.attention_layers()));
  }
}

}  // namespace lfm2::test
