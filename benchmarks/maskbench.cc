// The schemas of MaskBench (https://github.com/guidance-ai/jsonschemabench): which compile, whether the valid and
// invalid texts that come with them are recognised, and how long compiling and masks over the vocabulary of a model
// take. Times are processor time of this thread.
//
//   maskbench MODEL DIRECTORY [--memory BYTES] [--show]
//
// MODEL is an image, of which the vocabulary is used. DIRECTORY contains files {"schema", "tests": [{"valid",
// "data"}]}. --show lists the files that are not handled correctly.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"

namespace {

using Json = nlohmann::ordered_json;
using lfm2::Span;
using lfm2::Status;

// As Python's json.dumps(value, ensure_ascii=False).
std::string Spelled(const Json& value) {
  const std::string text = value.dump();
  std::string out;
  lfm2::JsonSpeller speller(text, "test");
  for (std::string_view piece; speller.Next(&piece);) out += piece;
  return out;
}

// Processor time of this thread, which excludes other programs.
double Microseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e6 + double(now.tv_nsec) * 1e-3;
}

struct Result {
  Status status;
  bool right = true, accepted_wrongly = false, refused_wrongly = false, overflowed = false;
  double compile = 0, first_mask = 0;  // microseconds; the second with compiling
  size_t bytes = 0;
};

// The vocabulary that masks are for.
class Tokens {
 public:
  bool Open(const char* path) {
    if (!Done(file_.Open(path)) || !Done(image_.Open(file_))) return false;
    memory_.resize(static_cast<size_t>(lfm2::TokenTrieMemoryBytes(vocab()) / 8 + 1));
    scratch_.resize(1 << 20);
    return Done(
        lfm2::BuildTokenTrie(vocab(), {reinterpret_cast<std::byte*>(memory_.data()), memory_.size() * 8}, &trie_));
  }
  const lfm2::Vocab& vocab() const { return image_.vocab(); }
  const lfm2::TokenTrie& trie() const { return trie_; }
  std::vector<int32_t> Encode(const std::string& text) {
    std::vector<int32_t> ids(text.size() + 1);
    size_t count = 0;
    Done(lfm2::Tokenizer(vocab()).Encode(text, {}, scratch_, ids, &count));
    ids.resize(count);
    return ids;
  }

 private:
  static bool Done(const Status& status) {
    char text[256];
    status.Format(text, sizeof(text));
    if (!status.ok()) std::fprintf(stderr, "maskbench: %s\n", text);
    return status.ok();
  }
  lfm2::posix::MappedFile file_;
  lfm2::Image image_;
  std::vector<uint64_t> memory_;
  std::vector<std::byte> scratch_;
  lfm2::TokenTrie trie_;
};

class Bench {
 public:
  Bench(Tokens* tokens, size_t memory, bool show) : tokens_(*tokens), show_(show), memory_(memory / 64) {}

  // Compiles and matches in one arena, the grammar first, then the matcher.
  Result Run(const Json& file) {
    Result result;
    const std::string schema = file["schema"].dump();
    const Span<std::byte> arena(memory_[0].bytes, memory_.size() * 64);
    Span<const std::byte> blob;
    lfm2::Grammar grammar;
    lfm2::GrammarMatcher matcher;
    const double begin = Microseconds();
    result.status = lfm2::CompileJsonSchema(schema, {}, arena, &blob);
    result.compile = Microseconds() - begin;
    if (result.status.ok()) result.status = lfm2::Grammar::Open(blob, &grammar);
    if (result.status.ok()) {
      const size_t used = lfm2::RoundUp<size_t>(blob.size(), 64);
      result.status = matcher.Open(grammar, tokens_.trie(), {}, arena.subspan(used, arena.size() - used));
    }
    Span<const uint32_t> mask;
    if (result.status.ok()) result.status = matcher.Mask(&mask);
    result.first_mask = Microseconds() - begin;
    result.bytes = blob.size();
    if (!result.status.ok()) result.right = false;
    if (!result.status.ok() || !file.contains("tests")) return result;
    for (const Json& test : file["tests"]) {
      const std::string text = Spelled(test["data"]);
      const bool takes = Takes(&matcher, text, &result.overflowed);
      if (takes == test["valid"].get<bool>()) continue;
      if (show_ && takes) std::printf("  accepts %s\n", text.c_str());
      if (show_ && !takes) std::printf("  refuses after %zu: %s\n", taken_, text.c_str());
      result.right = false;
      (takes ? result.accepted_wrongly : result.refused_wrongly) = true;
    }
    result.right = result.right && !result.overflowed;
    return result;
  }
  // Microseconds for each token of all texts: computing the mask and accepting the token.
  const std::vector<double>& mask_times() const { return mask_times_; }

 private:
  struct alignas(64) Block {
    std::byte bytes[64];
  };

  bool Takes(lfm2::GrammarMatcher* matcher, const std::string& text, bool* overflowed) {
    matcher->Reset();
    taken_ = 0;
    for (const int32_t token : tokens_.Encode(text)) {
      const std::string_view bytes = tokens_.vocab().TokenBytes(token);
      Span<const uint32_t> mask;
      bool matched = false;
      const double begin = Microseconds();
      Status status = matcher->Mask(&mask);
      const bool allowed = status.ok() && (mask[static_cast<size_t>(token) / 32] >> (token % 32) & 1u) != 0;
      if (status.ok()) status = matcher->Advance(bytes, &matched);
      mask_times_.push_back(Microseconds() - begin);
      *overflowed = *overflowed || !status.ok();
      if (status.ok() && matched != allowed) {
        std::fprintf(stderr, "maskbench: the mask and the text disagree after byte %zu of %s\n", taken_, text.c_str());
        std::exit(1);
      }
      if (!matched) return false;
      taken_ += bytes.size();
    }
    return matcher->may_end();
  }

  Tokens& tokens_;
  bool show_;
  size_t taken_ = 0;  // bytes of the last text
  std::vector<Block> memory_;
  std::vector<double> mask_times_;
};

double Percentile(const std::vector<double>& sorted, double part) {
  return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * double(sorted.size())))];
}

void Print(const char* name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  std::printf("%-15s %zu, mean %.1f, p25 %.0f, p50 %.0f, p75 %.0f, p90 %.0f, p95 %.0f, p99 %.0f, p100 %.0f\n", name,
              values.size(), sum / double(std::max<size_t>(values.size(), 1)), Percentile(values, 0.25),
              Percentile(values, 0.5), Percentile(values, 0.75), Percentile(values, 0.9), Percentile(values, 0.95),
              Percentile(values, 0.99), Percentile(values, 1));
}

}  // namespace

int main(int argc, char** argv) {
  size_t memory = 256 * 1024;
  bool show = false;
  std::vector<const char*> names;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--memory") == 0 && i + 1 < argc) {
      memory = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--show") == 0) {
      show = true;
    } else {
      names.push_back(argv[i]);
    }
  }
  if (names.size() != 2 || memory < 4096) {
    std::fprintf(stderr, "usage: maskbench MODEL DIRECTORY [--memory BYTES] [--show]\n");
    return 2;
  }
  Tokens tokens;
  if (!tokens.Open(names[0])) return 1;
  const std::string directory = names[1];
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) paths.push_back(entry.path());
  } else {
    paths.push_back(directory);
  }
  std::sort(paths.begin(), paths.end());
  Bench bench(&tokens, memory, show);
  std::map<std::string, size_t> refused;
  std::vector<double> times, first_masks, sizes;
  size_t right = 0, wrong_accepts = 0, wrong_refusals = 0, overflows = 0;
  for (const auto& path : paths) {
    std::ifstream in(path);
    const Json file = Json::parse(std::string((std::istreambuf_iterator<char>(in)), {}));
    const Result result = bench.Run(file);
    right += result.right ? 1 : 0;
    if (!result.status.ok()) {
      char text[256];
      result.status.Format(text, sizeof(text));
      std::fflush(stdout);
      ++refused[std::string(lfm2::Status::CodeName(result.status.code())) + ": " + result.status.what()];
      if (show) std::printf("%s: %s\n", path.filename().c_str(), text);
      continue;
    }
    if (show && result.compile > 5000) std::printf("%s: %.0f us\n", path.filename().c_str(), result.compile);
    times.push_back(result.compile);
    first_masks.push_back(result.first_mask);
    sizes.push_back(double(result.bytes));
    wrong_accepts += result.accepted_wrongly ? 1 : 0;
    wrong_refusals += result.refused_wrongly ? 1 : 0;
    overflows += result.overflowed ? 1 : 0;
    if (show && !result.right) {
      std::printf("%s:%s%s%s\n", path.filename().c_str(), result.accepted_wrongly ? " accepts what is not valid" : "",
                  result.refused_wrongly ? " refuses what is valid" : "", result.overflowed ? " overflows" : "");
    }
  }
  std::printf("schemas                %zu\n", paths.size());
  std::printf("handled right          %zu (%.1f %%)\n", right,
              100.0 * double(right) / double(std::max<size_t>(paths.size(), 1)));
  std::printf("compiled               %zu\n", times.size());
  std::printf("accept wrongly         %zu\n", wrong_accepts);
  std::printf("refuse wrongly         %zu\n", wrong_refusals);
  std::printf("out of threads         %zu\n", overflows);
  Print("compile, us", times);
  Print("first mask, us", first_masks);
  Print("mask, us", bench.mask_times());
  Print("grammar, bytes", sizes);
  std::vector<std::pair<size_t, std::string>> reasons;
  for (const auto& [reason, count] : refused) reasons.emplace_back(count, reason);
  std::sort(reasons.rbegin(), reasons.rend());
  for (const auto& [count, reason] : reasons) std::printf("%8zu  %s\n", count, reason.c_str());
  return 0;
}
