// What the tools share of talking to people: numbers they can read, tables, and a main function's exit codes.
#ifndef LFM2_PROGRAMS_CONSOLE_CONSOLE_H_
#define LFM2_PROGRAMS_CONSOLE_CONSOLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"

namespace CLI {
class App;
}  // namespace CLI

namespace lfm2::tools {

// Exit codes of every tool: 0, these, and nothing else.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

// "4.71 GB", "832 kB", "17 B": decimal units, three digits.
std::string HumanBytes(uint64_t bytes);
// "8 338 341 888".
std::string Grouped(uint64_t number);
// "3.14": so many digits behind the point.
std::string Fixed(double value, int decimals);
// A name from a file, without characters that a terminal obeys.
std::string Printable(const std::string& name);

// Columns as wide as their widest cell; the first row is the heading. Cells of a right-aligned column end together.
class Table {
 public:
  // alignment: 'l' or 'r' for each column, such as "lrr".
  explicit Table(std::string alignment) : alignment_(std::move(alignment)) {}
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string Text() const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

// "| a | b |" and the end of the line.
std::string MarkdownRow(const std::vector<std::string>& cells);

// Parses the command line. *exit_code is set, and false returned, where the program is to end now: after --help or
// --version (0) or wrong usage (kExitUsage, explained on standard error).
bool ParseCommandLine(CLI::App* app, int argc, char** argv, int* exit_code);

// 0, or kExitFailure after writing "program: sentence" to standard error.
int Finish(const char* program, const Error& error);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_CONSOLE_H_
