#include "programs/pack/open_source.h"

#include <filesystem>
#include <system_error>

#include "programs/pack/folder_source.h"
#include "programs/pack/gguf_source.h"

namespace lfm2::tools {

Error OpenSource(const std::string& path, const std::optional<OwnedChatFormat>& chat_format,
                 std::unique_ptr<ModelSource>* source) {
  std::error_code unknown;  // opened as a file, which reports why
  if (std::filesystem::is_directory(path, unknown)) {
    auto folder = std::make_unique<FolderSource>();
    const Error opened = folder->Open(DirectoryFiles(path), chat_format);
    if (!opened.ok()) return Error::Of(path, ": ", opened.text());
    *source = std::move(folder);
    return Error();
  }
  auto gguf = std::make_unique<GgufSource>();
  LFM2_RETURN_IF_FAILED(gguf->Open(path, chat_format));
  *source = std::move(gguf);
  return Error();
}

}  // namespace lfm2::tools
