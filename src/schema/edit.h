// Edit<T>: a field that tells "not said" from "null" from a value, for PATCH and for settings whose null
// means "back to the default". Requests only.
#pragma once
#include "schema/field.h"

namespace strongroom::schema {

template <class T>
struct Edit {
  enum class Said : std::uint8_t { nothing, null, value } said = Said::nothing;
  T value{};
  bool given() const noexcept { return said != Said::nothing; }
  const T* operator->() const noexcept { return &value; }
};

template <class T>
struct Bare<Edit<T>> {
  using type = T;
  static constexpr bool optional = true;  // so that a null reaches load()
  static bool absent(const void* o) { return !static_cast<const Edit<T>*>(o)->given(); }
};
template <class T>
struct Type<Edit<T>> : Type<T> {
  static Status load(const json::Node& n, Edit<T>& o) {
    if (n.is_null()) {
      o = {Edit<T>::Said::null, T{}};
      return {};
    }
    o.said = Edit<T>::Said::value;
    return Type<T>::load(n, o.value);
  }
  static void save(const Edit<T>& o, Sink& s) {
    if (o.said == Edit<T>::Said::value)
      Type<T>::save(o.value, s);
    else
      s.null();
  }
};

}  // namespace strongroom::schema
