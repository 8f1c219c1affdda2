#include "programs/console/help_format.h"

#include <sstream>
#include <vector>

namespace lfm2::tools {

namespace {

constexpr size_t kColumns = 100;
constexpr size_t kDescriptionColumn = 28;

// The text in lines that begin at `column`, the first one where the output is: at `at`.
std::string Wrapped(const std::string& text, size_t column, size_t at) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!out.empty()) {
      out += "\n" + std::string(column, ' ');
      at = column;
    }
    std::istringstream words(line);
    bool is_first = true;
    for (std::string word; words >> word; is_first = false) {
      if (!is_first && at + 1 + word.size() > kColumns) {
        out += "\n" + std::string(column, ' ');
        at = column;
        is_first = true;
      }
      out += (is_first ? "" : " ") + word;
      at += word.size() + (is_first ? 0 : 1);
    }
  }
  return out;
}

std::string Entry(const std::string& name, const std::string& description) {
  std::string out = "  " + name;
  if (description.empty()) return out + "\n";
  if (out.size() + 2 > kDescriptionColumn) {
    out += "\n" + std::string(kDescriptionColumn, ' ');
  } else {
    out.resize(kDescriptionColumn, ' ');
  }
  return out + Wrapped(description, kDescriptionColumn, kDescriptionColumn) + "\n";
}

std::string Names(const std::set<CLI::Option*>& options) {
  std::string names;
  for (const CLI::Option* option : options) names += (names.empty() ? "" : ", ") + option->get_name();
  return names;
}

// CLI11's type of an option: what its value is called, and after a colon what the checks allow.
struct ValueType {
  explicit ValueType(const std::string& type) {
    const size_t colon = type.find(':');
    name = type.substr(0, colon);
    if (name == "UINT" || name == "INT" || name == "FLOAT") name = "N";
    if (colon == std::string::npos) return;
    allowed = type.substr(colon + 1);
    if (allowed.size() > 2 && allowed.front() == '{' && allowed.back() == '}') {
      allowed = CLI::detail::find_and_replace(allowed.substr(1, allowed.size() - 2), ",", ", ");
    } else if (allowed.find(" in [") != std::string::npos && allowed.back() == ']') {
      allowed = allowed.substr(allowed.find(" in [") + 5);
      allowed.pop_back();
      allowed = CLI::detail::find_and_replace(allowed, " - ", " to ");
    }
  }
  std::string name;
  std::string allowed;
};

}  // namespace

std::string HelpFormat::make_description(const CLI::App* app) const {
  const std::string text = app->get_description();
  return text.empty() ? text : Wrapped(text, 0, 0) + "\n";
}

std::string HelpFormat::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = is_positional ? option->get_name(true, false) : option->get_name(false, true);
  name = CLI::detail::find_and_replace(name, ",", ", ");
  std::vector<std::string> notes;
  if (option->get_type_size() != 0) {
    const ValueType type(option->get_type_name());
    if (!is_positional) name += " " + type.name;
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) name += " ...";
    if (!type.allowed.empty()) notes.push_back(type.allowed);
    std::string standard = option->get_default_str();
    if (standard.size() > 2 && standard.front() == '[') standard = standard.substr(1, standard.size() - 2);
    if (!standard.empty()) notes.push_back("default: " + standard);
  }
  if (!option->get_needs().empty()) notes.push_back("needs " + Names(option->get_needs()));
  if (!option->get_excludes().empty()) notes.push_back("not with " + Names(option->get_excludes()));
  std::string description = option->get_description();
  for (size_t i = 0; i < notes.size(); ++i) description += (i == 0 ? " (" : "; ") + notes[i];
  return Entry(name, description + (notes.empty() ? "" : ")"));
}

std::string HelpFormat::make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const {
  std::string groups, commands;
  for (const CLI::App* command : app->get_subcommands({})) {
    if (!command->get_name().empty()) {
      commands += Entry(command->get_name(), command->get_description());
      continue;
    }
    // Options of which one has to be given.
    const std::string options = make_groups(command, mode);
    groups += "\n" + command->get_description() + ", one of:\n" + options.substr(options.find(":\n") + 2);
  }
  return groups + (commands.empty() ? "" : "\nCommands:\n" + commands);
}

}  // namespace lfm2::tools
