// Numbers and tables for people to read.
#ifndef LFM2_PROGRAMS_CONSOLE_CONSOLE_H_
#define LFM2_PROGRAMS_CONSOLE_CONSOLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace lfm2::tools {

// "4.71 GB", "832 kB", "17 B": decimal units, three digits.
std::string HumanBytes(uint64_t bytes);
// "8 338 341 888".
std::string Grouped(uint64_t number);
// "3.14": with that many decimals.
std::string Fixed(double value, int decimals);
// A name from a file, with control characters replaced by question marks.
std::string Printable(const std::string& name);

// Aligned columns; the first row is the heading.
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

// "| a | b |" and a newline.
std::string MarkdownRow(const std::vector<std::string>& cells);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_CONSOLE_H_
