#include "programs/options/template_option.h"

#include <filesystem>
#include <system_error>

#include "programs/files/files.h"
#include "programs/text/chat_format_json.h"

namespace lfm2::tools {

CLI::Option* AddTemplateOption(CLI::App* app, const std::string& instead_of, std::optional<OwnedChatFormat>* format) {
  const auto set = [format](const std::string& value) {
    if (const ChatFormat* known = FindChatFormat(value)) {
      *format = OwnedChatFormat(*known);
      return;
    }
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(value, unknown)) {
      throw CLI::ValidationError("--template: " + value + " is neither a file nor one of " + KnownChatNames());
    }
    std::string text;
    Error error = ReadFile(value, &text);
    if (error.ok()) {
      error = ParseChatFormat(text, &format->emplace());
      if (!error.ok()) error = Error::Of(value, ": ", error.text());
    }
    if (!error.ok()) throw CLI::ValidationError("--template: " + error.text());
  };
  return app
      ->add_option_function<std::string>("--template", set,
                                         "Chat template, in place of " + instead_of + ": " + KnownChatNames() +
                                             ", or a JSON file that describes another")
      ->type_name("NAME|FILE.json");
}

}  // namespace lfm2::tools
