// A view of a list whose items are made on access.
#ifndef LFM2_BASE_LIST_REF_H_
#define LFM2_BASE_LIST_REF_H_

#include <type_traits>

#include "lfm2/base/assert.h"
#include "lfm2/base/config.h"

namespace lfm2 {

// `size` items of an array of T, or of an array of another type (such as a C program's structs) with a function that
// makes a T of each. Does not own the array, and is valid as long as it is. Copied by value.
template <class T>
class ListRef {
 public:
  // Makes item i of `items`.
  using At = T (*)(const void* items, size_t i);

  class Iterator {
   public:
    constexpr Iterator(const ListRef* list, size_t i) : list_(list), i_(i) {}
    constexpr T operator*() const { return (*list_)[i_]; }
    constexpr Iterator& operator++() {
      ++i_;
      return *this;
    }
    constexpr bool operator!=(const Iterator& other) const { return i_ != other.i_; }

   private:
    const ListRef* list_;
    size_t i_;
  };

  constexpr ListRef() = default;
  // Views `size` items of an array, or a whole array.
  constexpr ListRef(const T* items, size_t size) : items_(items), size_(size) {}
  constexpr ListRef(const void* items, size_t size, At at) : items_(items), size_(size), at_(at) {}
  template <size_t N>
  constexpr ListRef(const T (&array)[N]) : items_(array), size_(N) {}
  // From anything with data() and size().
  template <class C,
            class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<const C&>().data()), const T*>>>
  constexpr ListRef(const C& container) : ListRef(container.data(), container.size()) {}

  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T operator[](size_t i) const {
    LFM2_ASSERT(i < size_);
    return at_ == nullptr ? static_cast<const T*>(items_)[i] : at_(items_, i);
  }
  constexpr Iterator begin() const { return {this, 0}; }
  constexpr Iterator end() const { return {this, size_}; }

 private:
  const void* items_ = nullptr;
  size_t size_ = 0;
  At at_ = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_BASE_LIST_REF_H_
