// Opens a model to be packed as what it is.
#ifndef LFM2_PROGRAMS_PACK_OPEN_SOURCE_H_
#define LFM2_PROGRAMS_PACK_OPEN_SOURCE_H_

#include <memory>
#include <optional>
#include <string>

#include "programs/base/error.h"
#include "programs/pack/model_source.h"
#include "programs/text/chat_formats.h"

namespace lfm2::tools {

// path: a GGUF file, of a split model the first part, or a directory of safetensors. chat_format: in place of what
// the source's is recognised as; without it an unknown one is refused. The Error names the path.
Error OpenSource(const std::string& path, const std::optional<OwnedChatFormat>& chat_format,
                 std::unique_ptr<ModelSource>* source);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_OPEN_SOURCE_H_
