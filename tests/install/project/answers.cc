// Asks the model given on the command line, and prints its kernels and the answer.
#include <cstdio>

#include "lfm2.h"
#include "lfm2/posix/mapped_file.h"
#include "session.h"

namespace {

lfm2::posix::MappedFile file;
lfm2::Image image;
lfm2::Session session;
lfm2::Conversation chat;

lfm2::Status Run(const char* path) {
  LFM2_RETURN_IF_ERROR(file.Open(path));
  LFM2_RETURN_IF_ERROR(image.Open(file));
  LFM2_RETURN_IF_ERROR(OpenSession(image, &session));
  LFM2_RETURN_IF_ERROR(chat.Open(&session, {}));
  std::printf("%s: ", session.kernels_name());
  return chat.Ask("Could you remind me in 21 minutes please.", 64,
                  [](std::string_view text) { std::printf("%.*s", static_cast<int>(text.size()), text.data()); });
}

}  // namespace

int main(int argc, char** argv) {
  const lfm2::Status status = argc == 2 ? Run(argv[1]) : lfm2::Status();
  char message[256] = "";
  if (!status.ok()) status.Format(message, sizeof(message));
  std::puts(message);
  return status.ok() && argc == 2 ? 0 : 1;
}
