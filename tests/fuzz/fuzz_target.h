// One reader of hostile bytes, and what has to hold of it whatever the bytes are. libFuzzer runs a target for hours
// (tools/fuzz); fuzz_test runs each for a moment in every build.
#ifndef LFM2_TESTS_FUZZ_FUZZ_TARGET_H_
#define LFM2_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/base/status.h"
#include "programs/base/error.h"

namespace lfm2::fuzz {

struct Target {
  const char* name;
  size_t max_bytes;  // of an input: long enough for everything that the reader tells apart
  // Gives the reader one input. Throws BrokenProperty where something does not hold.
  void (*run)(std::string_view input);
  // Inputs to begin with.
  std::vector<std::string> (*seeds)();
  // Byte sequences that the reader knows, for mutations.
  std::vector<std::string> (*words)();
};

// Every target there is, in the order in which reports list them.
const std::vector<const Target*>& AllTargets();

class BrokenProperty : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

#define LFM2_HOLDS(condition)                                               \
  do {                                                                      \
    if (!(condition)) ::lfm2::fuzz::Broken(__FILE__, __LINE__, #condition); \
  } while (false)

[[noreturn]] void Broken(const char* file, int line, const std::string& what);

// A refusal is one line of text that a terminal can show, and no book: hostile names and values are part of it.
void CheckSentence(const tools::Error& error);
void CheckSentence(const Status& status);

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_FUZZ_TARGET_H_
