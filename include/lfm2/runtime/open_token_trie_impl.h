// The definition of OpenTokenTrie.
#ifndef LFM2_RUNTIME_OPEN_TOKEN_TRIE_IMPL_H_
#define LFM2_RUNTIME_OPEN_TOKEN_TRIE_IMPL_H_

#include "lfm2/runtime/image_open_impl.h"
#include "lfm2/runtime/open_token_trie.h"

namespace lfm2 {

LFM2_FUNCTION Status OpenTokenTrie(const Image& image, Span<std::byte> memory, Span<std::byte>* rest, TokenTrie* out) {
  if (rest == nullptr) return Status(StatusCode::kInvalidArgument, "rest", "is null");
  if (out == nullptr) return Status(StatusCode::kInvalidArgument, "out", "is null");
  if (!image.is_open()) return Status(StatusCode::kFailedPrecondition, "OpenTokenTrie", "the image is not open");
  const size_t alignment = image.is_streamed() ? kRecordAlignment : kAlignment;
  if (reinterpret_cast<uintptr_t>(memory.data()) % alignment != 0) {
    return Status(StatusCode::kInvalidArgument, "memory", "is not aligned: bytes needed", alignment);
  }
  size_t used = 0;
  if (image.token_trie_bytes() == 0) {
    LFM2_RETURN_IF_ERROR(BuildTokenTrie(image.vocab(), memory, out));
    used = out->bytes().size();
  } else {
    TokenTrie trie;
    LFM2_RETURN_IF_ERROR(image.ReadTokenTrie(memory, &trie));
    LFM2_RETURN_IF_ERROR(CheckTokenTrie(image.vocab(), trie));
    if (image.is_streamed()) used = trie.bytes().size();
    *out = trie;
  }
  used = Min(RoundUp(used, alignment), memory.size());
  *rest = memory.subspan(used, memory.size() - used);
  return Status();
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_OPEN_TOKEN_TRIE_IMPL_H_
