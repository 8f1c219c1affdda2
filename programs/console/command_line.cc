#include "programs/console/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>

#include "lfm2/base/version.h"
#include "programs/console/help_format.h"
#include "programs/console/interruptible.h"
#include "programs/files/files.h"

namespace lfm2::tools {

namespace {

// What is written to a stream that was closed fails, as does what is read.
void OpenStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free, which is this one.
    static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

void SetFormatter(CLI::App* app, const std::shared_ptr<CLI::FormatterBase>& formatter) {
  app->formatter(formatter);
  for (CLI::App* command : app->get_subcommands([](CLI::App*) { return true; })) SetFormatter(command, formatter);
}

// An empty value means something for a text only. CLI11 takes it for the number 0.
void RefuseEmptyValues(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    if (option->get_expected_min() == 0 || option->get_type_name() == "TEXT") continue;
    option->check([](const std::string& value) { return value.empty() ? "its value is empty" : std::string(); });
  }
  for (CLI::App* command : app->get_subcommands([](CLI::App*) { return true; })) RefuseEmptyValues(command);
}

// CLI11's sentences, but for those that do not say what is wrong.
std::string UsageText(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string convert = "Could not convert: ";
  const size_t equals = text.find(" = ");
  if (text.compare(0, convert.size(), convert) == 0 && equals != std::string::npos) {
    return text.substr(convert.size(), equals - convert.size()) + ": " + text.substr(equals + 3) +
           " is not a number that it accepts";
  }
  const size_t most = text.find(": At Most 1 required but received ");
  if (most != std::string::npos) return text.substr(0, most) + ": it was given more than once";
  const size_t missing = text.find(": 1 required ");
  if (missing != std::string::npos) return text.substr(0, missing) + ": its value is missing";
  return text;
}

}  // namespace

bool ParseCommandLine(CLI::App* app, int argc, char** argv, int* exit_code) {
  OpenStandardStreams();
  app->set_version_flag("--version", std::string("lfm2.h ") + LFM2_VERSION_STRING);
  SetFormatter(app, std::make_shared<HelpFormat>());
  RefuseEmptyValues(app);
  const std::string path = argc > 0 ? argv[0] : "lfm2";
  const std::string program = path.substr(path.rfind('/') + 1);
  try {
    app->parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {
      std::ostringstream text;
      app->exit(e, text, std::cerr);
      *exit_code = Finish(program.c_str(), WriteStandardOutput(text.str()));
      return false;
    }
    *exit_code = RefuseUsage(program.c_str(), Error::Of(UsageText(e)));
    return false;
  }
}

int RefuseUsage(const char* program, const Error& error) {
  std::fprintf(stderr, "%s: %s (see %s --help)\n", program, error.text().c_str(), program);
  return kExitUsage;
}

int Finish(const char* program, const Error& error) {
  const Error last = error.ok() ? FlushStandardOutput() : error;
  if (last.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", program, last.text().c_str());
  return StopSignals::came() ? 128 + StopSignals::number() : kExitFailure;
}

}  // namespace lfm2::tools
