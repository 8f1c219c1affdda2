// The token trie of an image, wherever it comes from: in place, read, or built.
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

// Bytes of memory that OpenTokenTrie takes at most: none where the trie is in place, its size where it is read, a bound
// that is easily computed where it is built.
inline uint64_t TokenTrieMemoryBytes(const Image& image) {
  const uint64_t bytes = image.token_trie_bytes();
  if (bytes == 0) return TokenTrieMemoryBytes(image.vocab());
  return image.is_streamed() ? RoundUp<uint64_t>(bytes, kRecordAlignment) : 0;
}

// Opens the token trie of an image, where the image has one and is addressable; reads it into the front of `memory`,
// where it has to be read; builds it there where the image has none. It is the vocabulary's: CheckTokenTrie. *rest is
// what of the memory is left, aligned as a session on this image needs it. memory: TokenTrieMemoryBytes(image) suffice;
// aligned to kAlignment, to kRecordAlignment where the image is streamed; outlives *out, and so does the image. No
// session may be open on a streamed image. Errors, which leave *rest and *out as they are: kFailedPrecondition while
// the image is closed; kInvalidArgument for a misaligned memory, without `rest` or `out`; those of
// Image::ReadTokenTrie, BuildTokenTrie and CheckTokenTrie. Where an image is known to be addressable and to have one,
// Image::OpenTokenTrie is less code.
LFM2_FUNCTION Status OpenTokenTrie(const Image& image, Span<std::byte> memory, Span<std::byte>* rest, TokenTrie* out);

}  // namespace lfm2

#endif  // LFM2_RUNTIME_OPEN_TOKEN_TRIE_H_
