// A user's own header, which uses the library's type names without including any of its headers.
#ifndef LFM2_TESTS_INSTALL_PROJECT_SESSION_H_
#define LFM2_TESTS_INSTALL_PROJECT_SESSION_H_

namespace lfm2 {
class Image;
class Session;
class Status;
}  // namespace lfm2

lfm2::Status OpenSession(const lfm2::Image& image, lfm2::Session* session);

#endif  // LFM2_TESTS_INSTALL_PROJECT_SESSION_H_
