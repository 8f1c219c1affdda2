// The state that all steps of a rendering share: the remaining work, and the first failure.
#ifndef LFM2_PROGRAMS_JINJA_EXECUTION_H_
#define LFM2_PROGRAMS_JINJA_EXECUTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/jinja/value.h"

namespace lfm2::tools::jinja {

struct Limits {
  // An evaluated node, an element of a new list and 64 bytes of a new text each count as one.
  uint64_t steps = 2'000'000;
  size_t output = 16u << 20;
};
// Nesting of containers, of statements and of operators.
constexpr uint32_t kMaxNesting = 200;
// Nesting of evaluations, including macros.
constexpr uint32_t kMaxDepth = 600;
constexpr int64_t kMaxRange = 100'000;
constexpr size_t kMaxName = 256;  // bytes of a name in a template
// Digits of an integer, with Python's limit.
constexpr size_t kMaxDigits = 4300;

class Execution {
 public:
  Execution(const Limits& limits, std::string date) : date_(std::move(date)), limits_(limits), steps_(limits.steps) {}

  // Accounts for work before it is done; false if the limit is exceeded or something has failed.
  bool Spend(uint64_t steps);
  // Accounts for a new text of `bytes`; refuses one that is longer than the output may be.
  bool SpendText(uint64_t bytes);
  // Accounts for appending `more` bytes to a text that has `held`.
  bool SpendAppend(uint64_t held, uint64_t more);
  // Accounts for table look-ups of every character in a text of `bytes`.
  bool SpendCharacters(uint64_t bytes) { return SpendText(bytes) && Spend(bytes / 8); }
  // Accounts for searching a text of `needle` bytes in one of `bytes`.
  bool SpendSearch(uint64_t bytes, uint64_t needle) { return Spend(1 + bytes / 64 * (1 + needle / 8)); }

  // Keeps the first failure. The result can be returned from functions that return a value.
  template <class... Parts>
  Value Fail(const Parts&... parts) {
    if (error_.ok()) error_ = Error::Of("line ", line_, " of the chat template: ", parts...);
    return Value();
  }
  bool failed() const { return !error_.ok(); }
  const Error& error() const { return error_; }

  // Creates a value; fails if its containers are nested too deeply.
  Value Checked(Value value);

  void set_line(uint32_t line) { line_ = line; }
  uint32_t line() const { return line_; }
  const std::string& date() const { return date_; }
  const Limits& limits() const { return limits_; }

  // Namespaces may refer to each other in a cycle: they are cleared at the end.
  Value NewNamespace();
  void FreeNamespaces();

 private:
  const std::string date_;
  const Limits limits_;
  uint64_t steps_;
  uint32_t line_ = 1;
  Error error_;
  std::vector<Value> namespaces_;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_EXECUTION_H_
