#include "programs/files/files.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include "programs/files/file_error.h"

namespace lfm2::tools {

namespace {

Error ReadStream(const std::string& name, std::FILE* stream, std::string* bytes) {
  char window[1 << 16];
  bytes->clear();
  while (const size_t n = std::fread(window, 1, sizeof(window), stream)) bytes->append(window, n);
  return std::ferror(stream) != 0 ? FileError(FileUse::kRead, name, errno) : Error();
}

}  // namespace

Error ReadFile(const std::string& path, std::string* bytes) {
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError(FileUse::kOpen, path, errno);
  return ReadStream(path, file.get(), bytes);
}

Error ReadStandardInput(std::string* bytes) { return ReadStream("standard input", stdin, bytes); }

Error WriteStandardOutput(std::string_view bytes) {
  // The stream does not keep the reason, so that flushing it would not find it.
  errno = 0;
  const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  return is_written || errno == 0 ? FlushStandardOutput() : FileError(FileUse::kWrite, "standard output", errno);
}

Error FlushStandardOutput() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return Error();
  return errno != 0 ? FileError(FileUse::kWrite, "standard output", errno) : Error::Of("cannot write standard output");
}

Error ParseJson(const std::string& name, const std::string& text, nlohmann::ordered_json* json) {
  try {
    *json = nlohmann::ordered_json::parse(text);
    return Error();
  } catch (const nlohmann::json::parse_error& e) {
    return Error::Of(name, " is not valid JSON: unexpected byte at ", uint64_t{e.byte});
  } catch (const nlohmann::json::out_of_range&) {
    return Error::Of(name, " is not valid JSON: a number is too large");
  }
}

Error ReadJson(const std::string& path, nlohmann::ordered_json* json) {
  std::string text;
  LFM2_RETURN_IF_FAILED(ReadFile(path, &text));
  return ParseJson(path, text, json);
}

}  // namespace lfm2::tools
