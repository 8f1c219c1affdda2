// Opens a model of any published format, to be packed.
#ifndef LFM2_PROGRAMS_PACK_OPEN_SOURCE_H_
#define LFM2_PROGRAMS_PACK_OPEN_SOURCE_H_

#include <memory>
#include <optional>
#include <string>

#include "programs/base/error.h"
#include "programs/pack/model_source.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// path: a GGUF file, the first part of a split one, or a directory of safetensors. chat_format: in place of the chat
// template of the source; without it an unknown template is refused. The Error names the path.
Error OpenSource(const std::string& path, const std::optional<OwnedChatFormat>& chat_format,
                 std::unique_ptr<ModelSource>* source);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_OPEN_SOURCE_H_
