# Writes SOURCE, a C++ file with the text file PAGE as ChatPage() (programs/server/page.h).
file(READ "${PAGE}" bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${SOURCE}" "#include \"programs/server/page.h\"

namespace lfm2::tools {

namespace {

constexpr unsigned char kPage[] = {
${bytes}
};

}  // namespace

std::string_view ChatPage() { return {reinterpret_cast<const char*>(kPage), sizeof(kPage)}; }

}  // namespace lfm2::tools
")
