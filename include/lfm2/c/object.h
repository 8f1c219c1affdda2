// Stores the C++ objects of the C interface in memory of a C program.
#ifndef LFM2_C_OBJECT_H_
#define LFM2_C_OBJECT_H_

#include <cstring>
#include <string_view>
#include <type_traits>

#include "lfm2/base/config.h"
#include "lfm2/base/list_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/c/types.h"

namespace lfm2::c_api {

static_assert(sizeof(lfm2_status) == sizeof(Status) && std::is_trivially_copyable_v<Status>, "ToC copies its bytes");
static_assert(LFM2_OK == static_cast<int>(StatusCode::kOk) &&
                  LFM2_NOT_FINITE == static_cast<int>(StatusCode::kNotFinite) && LFM2_NO_INDEX == Status::kNoIndex,
              "the same numbers");

inline lfm2_status ToC(const Status& status) {
  lfm2_status c;
  std::memcpy(&c, &status, sizeof(c));
  return c;
}
inline Status FromC(const lfm2_status& c) {
  Status status;
  std::memcpy(static_cast<void*>(&status), &c, sizeof(c));
  return status;
}

#define LFM2_C_RETURN_IF_ERROR(expression)                           \
  do {                                                               \
    const ::lfm2::Status lfm2_status_ = (expression);                \
    if (!lfm2_status_.ok()) return ::lfm2::c_api::ToC(lfm2_status_); \
  } while (false)

// Constructs a T in memory of the caller.
template <class T>
struct InPlace {
  T value;

  __attribute__((always_inline)) static void* operator new(size_t, void* at) { return at; }
};
template <class T>
T* Construct(void* at) {
  return &(new (at) InPlace<T>)->value;
}

// The contents of a C object. The seal comes first: it is valid only in memory that was zeroed and is still at the same
// address. The rest is constructed by the first call that is not a query.
template <class T>
struct Content {
  uintptr_t seal;
  T value;
};
// The T of a C type, and the name of the object in statuses.
template <class C>
struct ContentOf;

// Never 0: objects are aligned, and this is odd.
inline uintptr_t SealOf(const void* object) {
  return reinterpret_cast<uintptr_t>(object) ^ uintptr_t { 0x32666d6c | 1 };
}

// *is_new: the object is zero bytes.
LFM2_NOINLINE inline Status CheckObject(const void* object, size_t alignment, const char* name, bool* is_new) {
  if (object == nullptr) return Status(StatusCode::kInvalidArgument, name, "is NULL");
  if (reinterpret_cast<uintptr_t>(object) % alignment != 0) {
    return Status(StatusCode::kInvalidArgument, name, "is misaligned", reinterpret_cast<uintptr_t>(object), alignment);
  }
  uintptr_t seal;
  std::memcpy(&seal, object, sizeof(seal));
  *is_new = seal == 0;
  if (*is_new || seal == SealOf(object)) return Status();
  return Status(StatusCode::kFailedPrecondition, name, "was not zeroed before its first use, or was copied or moved");
}

// The C++ object of a C object.
template <class C>
Status Enter(C* object, typename ContentOf<C>::Type** value) {
  using T = typename ContentOf<C>::Type;
  using Stored = Content<T>;
  static_assert(sizeof(Stored) <= sizeof(C) && alignof(Stored) <= alignof(C), "a constant of lfm2/c is too small");
  static_assert(std::is_trivially_destructible_v<T> || ContentOf<C>::kHasResources, "nobody destroys it");
  bool is_new = false;
  LFM2_RETURN_IF_ERROR(CheckObject(object, alignof(C), ContentOf<C>::kName, &is_new));
  Stored* const stored = reinterpret_cast<Stored*>(object);
  if (is_new) {
    Construct<T>(&stored->value);
    stored->seal = SealOf(object);
  }
  *value = &stored->value;
  return Status();
}

// For queries: null if there is no C++ object.
template <class C>
const typename ContentOf<C>::Type* Peek(const C* object) {
  bool is_new = false;
  const Status status = CheckObject(object, alignof(C), ContentOf<C>::kName, &is_new);
  if (!status.ok() || is_new) return nullptr;
  return &reinterpret_cast<const Content<typename ContentOf<C>::Type>*>(object)->value;
}
template <class C>
typename ContentOf<C>::Type* Peek(C* object) {
  return const_cast<typename ContentOf<C>::Type*>(Peek(static_cast<const C*>(object)));
}
// For calls that do not change the object. Zero bytes are a closed object.
template <class C>
Status Enter(const C* object, const typename ContentOf<C>::Type** value) {
  bool is_new = false;
  LFM2_RETURN_IF_ERROR(CheckObject(object, alignof(C), ContentOf<C>::kName, &is_new));
  if (is_new) return Status(StatusCode::kFailedPrecondition, ContentOf<C>::kName, "is not open");
  *value = &reinterpret_cast<const Content<typename ContentOf<C>::Type>*>(object)->value;
  return Status();
}

inline Status CheckPointer(const void* pointer, const char* name) {
  if (pointer != nullptr) return Status();
  return Status(StatusCode::kInvalidArgument, name, "is NULL");
}
template <class R, class... Arguments>
Status CheckFunction(R (*function)(Arguments...), const char* name) {
  if (function != nullptr) return Status();
  return Status(StatusCode::kInvalidArgument, name, "is NULL");
}
// items may be NULL if count is 0.
LFM2_NOINLINE inline Status CheckArray(const void* items, size_t count, const char* name) {
  if (items != nullptr || count == 0) return Status();
  return Status(StatusCode::kInvalidArgument, name, "is NULL, but its size is not 0", count);
}
inline Status CheckText(const lfm2_text& text, const char* name) { return CheckArray(text.data, text.size, name); }
LFM2_NOINLINE inline Status CheckTexts(const lfm2_text* texts, size_t count, const char* name) {
  LFM2_RETURN_IF_ERROR(CheckArray(texts, count, name));
  for (size_t i = 0; i < count; ++i) {
    const Status status = CheckText(texts[i], name);
    if (!status.ok()) return status.At(static_cast<uint32_t>(i));
  }
  return Status();
}
LFM2_NOINLINE inline Status CheckEnum(uint32_t value, uint32_t last, const char* name) {
  if (value <= last) return Status();
  return Status(StatusCode::kInvalidArgument, name, "is not a valid value", value, last);
}

inline std::string_view ViewOf(const lfm2_text& text) { return {text.data, text.size}; }
inline std::string_view TextAt(const void* texts, size_t i) { return ViewOf(static_cast<const lfm2_text*>(texts)[i]); }
inline ListRef<std::string_view> ListOf(const lfm2_text* texts, size_t count) { return {texts, count, &TextAt}; }
inline Span<std::byte> BytesOf(void* data, size_t size) { return {static_cast<std::byte*>(data), size}; }
inline Span<const std::byte> BytesOf(const void* data, size_t size) {
  return {static_cast<const std::byte*>(data), size};
}

// The result of a query: the data, and their number.
template <class T>
T* Give(Span<T> values, size_t* count) {
  if (count != nullptr) *count = values.size();
  return values.empty() ? nullptr : values.data();
}

}  // namespace lfm2::c_api

#endif  // LFM2_C_OBJECT_H_
