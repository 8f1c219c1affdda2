// The functions of three units of one program, compiled for different instruction sets, which use the same objects. The
// types are only declared here: a type that depended on the flags would have a different name and not link.
#ifndef LFM2_TESTS_GATES_TYPES_H_
#define LFM2_TESTS_GATES_TYPES_H_

#include <cstddef>
#include <cstdint>

namespace lfm2 {
class Conversation;
class Image;
class Session;
class Status;
}  // namespace lfm2

struct TypeSizes {
  size_t session, image, conversation;
};

// The functions of a unit; status is their result.
struct TypesUnit {
  TypeSizes (*sizes)();
  void (*open)(const lfm2::Image& image, std::byte* arena, size_t arena_size, lfm2::Session* session,
               lfm2::Status* status);
  const char* (*kernels_name)(const lfm2::Session& session);
  // Asks, and appends the answer to text[text_size], a C string.
  void (*ask)(lfm2::Session* session, lfm2::Conversation* chat, char* text, size_t text_size, lfm2::Status* status);
  // Computes tokens[count] and returns the likeliest next one.
  int32_t (*next)(lfm2::Session* session, const int32_t* tokens, size_t count, lfm2::Status* status);
};

extern const TypesUnit kTypesUnitFirst;
extern const TypesUnit kTypesUnitSecond;
extern const TypesUnit kTypesUnitThird;

#endif  // LFM2_TESTS_GATES_TYPES_H_
