// Packs a GGUF file for a test.
#ifndef LFM2_TESTS_PACK_PACK_GGUF_H_
#define LFM2_TESTS_PACK_PACK_GGUF_H_

#include <optional>
#include <string>

#include "programs/files/byte_sink.h"
#include "programs/files/byte_source.h"
#include "programs/pack/gguf_source.h"
#include "programs/pack/packer.h"

namespace lfm2::test {

struct PackOptions {
  std::optional<tools::OwnedChatFormat> chat_format;
  std::string name;
};

inline tools::Error PackGguf(const tools::ByteSource& file, const PackOptions& options, tools::ByteSink* sink) {
  tools::GgufSource source;
  LFM2_RETURN_IF_FAILED(source.Open({&file}, options.chat_format));
  tools::PackPlan plan;
  LFM2_RETURN_IF_FAILED(PlanPack(source, options.name, &plan));
  return WriteImage(source, plan, tools::StepProgress(), sink);
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_PACK_PACK_GGUF_H_
