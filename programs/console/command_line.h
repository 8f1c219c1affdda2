// How a program begins and ends: its command line, and its exit code.
#ifndef LFM2_PROGRAMS_CONSOLE_COMMAND_LINE_H_
#define LFM2_PROGRAMS_CONSOLE_COMMAND_LINE_H_

#include "programs/base/error.h"

namespace CLI {
class App;
}  // namespace CLI

namespace lfm2::tools {

// The exit codes of every program: 0; these; 128 and the signal's number for work that was interrupted.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

// Parses the command line. Returns false if the program is to end, with *exit_code: after --help or --version (0), or
// after wrong usage (kExitUsage, explained in a line on standard error). Called before the program opens files:
// standard streams that are closed are opened, without access, so that no file takes their place.
bool ParseCommandLine(CLI::App* app, int argc, char** argv, int* exit_code);

// Writes "program: sentence (see program --help)" to standard error, and returns kExitUsage.
int RefuseUsage(const char* program, const Error& error);

// Returns 0 if there is no error and everything written to standard output has arrived. Otherwise writes
// "program: sentence" to standard error and returns the exit code.
int Finish(const char* program, const Error& error);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_CONSOLE_COMMAND_LINE_H_
