// A non-owning reference to a callable (C++17 has no std::function_ref).
#ifndef LFM2_BASE_FUNCTION_REF_H_
#define LFM2_BASE_FUNCTION_REF_H_

#include <type_traits>

#include "lfm2/base/config.h"

namespace lfm2 {

template <class Signature>
class FunctionRef;

// The callable outlives it: a parameter of this type is used only during the call it is passed to. A callable that
// returns void can be used where one that returns bool is expected, and then counts as returning true.
template <class R, class... Arguments>
class FunctionRef<R(Arguments...)> {
 public:
  // Must be assigned to before it is called.
  constexpr FunctionRef() = default;
  // From anything that can be called with these arguments.
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, FunctionRef> &&
                                              std::is_invocable_v<F&, Arguments...>>>
  FunctionRef(F&& function) : call_(&Call<std::remove_reference_t<F>>) {
    if constexpr (std::is_function_v<std::remove_reference_t<F>>) {
      callee_.function = reinterpret_cast<void (*)()>(&function);
    } else {
      callee_.object = const_cast<void*>(static_cast<const void*>(&function));
    }
  }

  // Whether it refers to a function.
  explicit operator bool() const { return call_ != nullptr; }
  // Calls the function.
  R operator()(Arguments... arguments) const { return call_(callee_, arguments...); }

 private:
  union Callee {
    void* object = nullptr;
    void (*function)();
  };

  template <class F>
  static R Call(Callee callee, Arguments... arguments) {
    if constexpr (std::is_function_v<F>) {
      return Invoke(*reinterpret_cast<F*>(callee.function), arguments...);
    } else {
      return Invoke(*static_cast<F*>(callee.object), arguments...);
    }
  }
  template <class F>
  static R Invoke(F& function, Arguments... arguments) {
    if constexpr (std::is_same_v<R, bool> && std::is_void_v<decltype(function(arguments...))>) {
      function(arguments...);
      return true;
    } else {
      return function(arguments...);
    }
  }

  Callee callee_;
  R (*call_)(Callee callee, Arguments... arguments) = nullptr;
};

}  // namespace lfm2

#endif  // LFM2_BASE_FUNCTION_REF_H_
