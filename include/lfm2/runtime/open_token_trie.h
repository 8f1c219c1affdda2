// Opens an image's token trie: in place, read from a drive, or built.
#ifndef LFM2_RUNTIME_OPEN_TOKEN_TRIE_H_
#define LFM2_RUNTIME_OPEN_TOKEN_TRIE_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/format/token_trie.h"
#include "lfm2/text/token_trie_builder.h"

namespace lfm2 {

// Most bytes that OpenTokenTrie needs: 0 where the trie is addressable, its size where it is read, an upper bound where
// it is built.
inline uint64_t TokenTrieMemoryBytes(const Image& image) {
  const uint64_t bytes = image.token_trie_bytes();
  if (bytes == 0) return TokenTrieMemoryBytes(image.vocab());
  return image.is_streamed() ? RoundUp<uint64_t>(bytes, kRecordAlignment) : 0;
}

// Opens the token trie of an image. Where the image has one and is addressable, it is used in place; where it has to be
// read, it is read to the front of `memory`; where the image has none, it is built there. The trie is checked against
// the vocabulary (CheckTokenTrie). *rest: the unused part of the memory, aligned as a session on this image requires.
// memory: at least TokenTrieMemoryBytes(image) bytes, aligned to kAlignment, or to kRecordAlignment where the image is
// streamed. It must outlive *out, and so must the image. No session may be open on a streamed image. Errors, which
// leave *rest and *out unchanged: kFailedPrecondition if the image is closed; kInvalidArgument for misaligned memory,
// or a null `rest` or `out`; those of Image::ReadTokenTrie, BuildTokenTrie and CheckTokenTrie. For an image that is
// addressable and has a trie, Image::OpenTokenTrie needs less code.
LFM2_FUNCTION Status OpenTokenTrie(const Image& image, Span<std::byte> memory, Span<std::byte>* rest, TokenTrie* out);

}  // namespace lfm2

#endif  // LFM2_RUNTIME_OPEN_TOKEN_TRIE_H_
