// A non-owning view of `size` values (C++17 has no std::span).
#ifndef LFM2_BASE_SPAN_H_
#define LFM2_BASE_SPAN_H_

#include <type_traits>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"

namespace lfm2 {

// Valid as long as the memory it was made from. Copied by value.
template <class T>
class Span {
 public:
  constexpr Span() = default;
  // Views `size` values, or a whole array.
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  template <size_t N>
  constexpr Span(T (&array)[N]) : data_(array), size_(N) {}
  // Span<T> to Span<const T>, and from anything with data() and size().
  template <class C, class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<C&>().data()), T*>>>
  constexpr Span(C& container) : data_(container.data()), size_(container.size()) {}
  template <class C, class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<const C&>().data()), T*>>,
            class = void>
  constexpr Span(const C& container) : data_(container.data()), size_(container.size()) {}

  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }
  constexpr T& operator[](size_t i) const {
    LFM2_ASSERT(i < size_);
    return data_[i];
  }
  // [offset, offset + count); both within size().
  constexpr Span subspan(size_t offset, size_t count) const {
    LFM2_ASSERT(offset <= size_ && count <= size_ - offset);
    return Span(data_ + offset, count);
  }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace lfm2

#endif  // LFM2_BASE_SPAN_H_
