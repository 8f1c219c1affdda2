// The ways to copy and to move an object, none of which compiles: LFM2_MISUSE selects one. A file that includes this
// instantiates Copy for its type.
#ifndef LFM2_TESTS_GATES_MISUSE_COPIES_H_
#define LFM2_TESTS_GATES_MISUSE_COPIES_H_

template <class T>
bool Copy(T& object, T& other) {
#if LFM2_MISUSE == 1
  T copy(object);
#elif LFM2_MISUSE == 2
  T copy(static_cast<T&&>(object));
#elif LFM2_MISUSE == 3
  T& copy = other = object;
#elif LFM2_MISUSE == 4
  T& copy = other = static_cast<T&&>(object);
#else
  T& copy = object;
#endif
  return &copy == &other;
}

#endif  // LFM2_TESTS_GATES_MISUSE_COPIES_H_
