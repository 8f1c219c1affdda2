// Runs one target on its corpus and then on random changes of it, as many as a processor manages: no coverage is
// measured and no sanitizer watches, so an execution costs what the reader costs. tools/fuzz --total starts it.
//
//   fuzz_soak TARGET --seconds N --seed N --findings PREFIX [CORPUS...]   prints the executions
//   fuzz_soak TARGET FILE                                                 runs one input
//
// An input that breaks a property, crashes or does not end within two minutes is written to PREFIX and a number, and
// ends the program.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace {

constexpr unsigned kWatchSeconds = 60;
constexpr size_t kLongestInput = 1u << 20;

// What a signal handler needs: the input that runs, and where to write it.
char g_finding[4096];
char g_input[kLongestInput];
volatile size_t g_input_bytes = 0;
volatile uint64_t g_executions = 0, g_executions_seen = UINT64_MAX;

// Calls what a signal handler may call.
void WriteFinding() {
  const int file = open(g_finding, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  for (size_t done = 0; done < g_input_bytes;) {
    const ssize_t n = write(file, g_input + done, g_input_bytes - done);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  close(file);
}

void OnCrash(int) {
  WriteFinding();
  _exit(1);
}

void OnAlarm(int) {
  if (g_executions == g_executions_seen) OnCrash(SIGALRM);
  g_executions_seen = g_executions;
  alarm(kWatchSeconds);
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Throws what the target throws.
void RunOne(const Target& target, const std::string& input) {
  std::memcpy(g_input, input.data(), input.size());
  g_input_bytes = input.size();
  target.run(input);
  g_executions = g_executions + 1;
}

struct Options {
  const Target* target = nullptr;
  uint64_t seconds = 60, seed = 1;
  std::vector<std::string> corpus;
};

void Soak(const Options& options) {
  std::vector<std::string> corpus = options.target->seeds();
  for (const std::string& folder : options.corpus) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) corpus.push_back(ReadFile(entry.path()));
  }
  const std::vector<std::string> words = options.target->words();
  test::XorShift random(options.seed);
  for (const std::string& input : corpus) RunOne(*options.target, input);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 64; ++i) {
      std::string input = corpus[random.Below(corpus.size())];
      const std::string& other = corpus[random.Below(corpus.size())];
      for (uint64_t changes = 1 + random.Below(5); changes > 0; --changes) {
        Mutate(*options.target, words, other, &random, &input);
      }
      RunOne(*options.target, input);
    }
  }
}

int Main(int argc, char** argv) {
  Options options;
  std::string findings = "finding-", file;
  for (const Target* target : AllTargets()) {
    if (argc > 1 && std::strcmp(target->name, argv[1]) == 0) options.target = target;
  }
  if (options.target == nullptr) {
    std::fprintf(stderr, "fuzz_soak: no such target\n");
    return 2;
  }
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--seconds" && has_value) {
      options.seconds = std::stoull(argv[++i]);
    } else if (argument == "--seed" && has_value) {
      options.seed = std::stoull(argv[++i]);
    } else if (argument == "--findings" && has_value) {
      findings = argv[++i];
    } else if (std::filesystem::is_directory(argument)) {
      options.corpus.push_back(argument);
    } else {
      file = argument;
    }
  }
  std::snprintf(g_finding, sizeof(g_finding), "%s%llu", findings.c_str(),
                static_cast<unsigned long long>(options.seed));
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(number, OnCrash);
  signal(SIGALRM, OnAlarm);
  alarm(kWatchSeconds);
  int result = 0;
  try {
    if (file.empty()) {
      Soak(options);
    } else {
      RunOne(*options.target, ReadFile(file));
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", options.target->name, e.what());
    if (file.empty()) WriteFinding();
    result = 1;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(g_executions));
  return result;
}

}  // namespace
}  // namespace lfm2::fuzz

int main(int argc, char** argv) { return lfm2::fuzz::Main(argc, argv); }
