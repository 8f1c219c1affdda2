#include "programs/options/date_option.h"

#include <ctime>

#include "lfm2/text/date.h"

namespace lfm2::tools {

std::string Today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%d", &local));
}

CLI::Option* AddDateOption(CLI::App* app, std::string* date) {
  *date = Today();
  return app->add_option("--date", *date, "Date for chat templates that write it with tools; without it, today")
      ->type_name("YYYY-MM-DD")
      ->check(
          [](const std::string& text) { return IsDate(text) ? std::string() : text + " is not a date as YYYY-MM-DD"; });
}

}  // namespace lfm2::tools
