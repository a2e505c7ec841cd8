// Fields and codecs: what a request takes and a reply gives, listed once per type. Validation, the JSON
// codec, OpenAPI, audit redaction and help are walks over these tables. One codec per C++ type, one accessor
// per field.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"
#include "schema/json.h"

namespace strongroom::schema {

enum class Kind : std::uint8_t {
  text,
  secret,
  boolean,
  integer,
  duration,
  time,
  list,
  comma_list,
  map,
  record,
  any
};

// Where a walk over a reply writes: JSON for the caller, a redacted tree for the audit log.
class Sink {
 public:
  enum class Shape : std::uint8_t { object, array };
  // How the audit log may show a text: as an HMAC unless operators ask for more, as an HMAC whatever they
  // ask, as it is, not at all.
  enum class Show : std::uint8_t { hashed, secret, plain, never };
  virtual ~Sink() = default;
  virtual void open(Shape) = 0;
  virtual void close(Shape) = 0;
  virtual void key(std::string_view name, Show) = 0;  // Show holds for the value that follows, at any depth
  virtual void text(std::string_view, Show) = 0;
  virtual void integer(std::int64_t) = 0;
  virtual void boolean(bool) = 0;
  virtual void null() = 0;
  virtual void raw(std::string_view json) = 0;  // the caller's own JSON
};

struct Field;
struct Codec {
  Kind kind;
  const Codec* item;  // of lists and maps
  std::span<const Field> (*fields)();
  Status (*load)(const json::Node&, void*);
  void (*save)(const void*, Sink&);
};
enum Flag : std::uint8_t {
  none = 0,
  required = 1,
  in_path = 2,      // captured from the path
  plain = 4,        // shown, not hashed, in the audit log
  omit_empty = 8,   // left out of replies when absent (otherwise null)
  whole_body = 16,  // a RawJson that takes the whole body: every member is the caller's own, none is unknown
  deprecated = 32,  // still taken; documents say so
  sensitive = 64,   // a text that is a secret, though its type is not; documents say so
  unrecorded =
      128,  // key shares: the audit log has null in its place, and in place of unknown members beside it
};
struct Field {
  std::string_view name, help;
  std::uint8_t flags;
  bool optional;
  const Codec* codec;
  void* (*at)(void*);
  bool (*absent)(const void*);  // an empty optional
  // For documents alone: what holds when it is absent, as JSON, and the texts that it may be, "a|b".
  std::string_view initial = {};
  std::string_view choices = {};
  constexpr bool secret() const noexcept { return codec->kind == Kind::secret || (flags & sensitive) != 0; }
  constexpr Field starts_as(std::string_view json) const {
    Field f = *this;
    f.initial = json;
    return f;
  }
  constexpr Field one_of(std::string_view texts) const {
    Field f = *this;
    f.choices = texts;
    return f;
  }
};

// A request's parameters: what the path captured wins over the body, the body over the query.
struct Input {
  using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;
  json::Node body;  // an object, or null
  Pairs path;
  Pairs query;
  std::optional<json::Node> find(std::string_view name) const;
};

// A JSON value of the caller's own, as its source bytes. A view into the request's body.
struct RawJson {
  json::Node node;
  bool present() const noexcept { return !node.source().empty(); }
};
// The same on its way out: owns its bytes.
struct StoredJson {
  SecretText bytes;  // empty: null
};
// A time of the server's own making: RFC 3339, plain in the audit log; zero is "".
struct Timestamp {
  WallTime at{};
};
// "a,b" or ["a","b"].
struct CommaList {
  std::vector<std::string> items;
};
struct Empty {
  static constexpr std::array<Field, 0> fields() { return {}; }
};

template <class T>
struct Type;
template <class T>
struct CodecOf {
  static const Codec value;
};
template <class T>
std::span<const Field> fields_of() {
  static constexpr auto all = T::fields();
  return all;
}
inline std::span<const Field> no_fields() { return {}; }

template <auto M>
struct Member;
template <class C, class T, T C::* M>
struct Member<M> {
  using Type = T;
  static void* at(void* o) { return &(static_cast<C*>(o)->*M); }
};
template <class T>
struct Bare {
  using type = T;
  static constexpr bool optional = false;
  static bool absent(const void*) { return false; }
};
template <class T>
struct Bare<std::optional<T>> {
  using type = T;
  static constexpr bool optional = true;
  static bool absent(const void* o) { return !static_cast<const std::optional<T>*>(o)->has_value(); }
};
template <auto M>
constexpr Field field(std::string_view name, std::string_view help, unsigned flags = none) {
  using T = typename Member<M>::Type;
  return {name,
          help,
          static_cast<std::uint8_t>(flags),
          Bare<T>::optional,
          &CodecOf<T>::value,
          &Member<M>::at,
          &Bare<T>::absent};
}

template <Kind K>
struct Scalar {
  static constexpr Kind kind = K;
  static constexpr const Codec* item = nullptr;
  static constexpr auto fields = &no_fields;
};
// Texts take numbers and booleans too, numbers take texts, as Vault's framework does.
template <>
struct Type<std::string> : Scalar<Kind::text> {
  static Status load(const json::Node&, std::string&);
  static void save(const std::string& o, Sink& s) { s.text(o, Sink::Show::hashed); }
};
template <>
struct Type<Secret> : Scalar<Kind::secret> {
  static Status load(const json::Node&, Secret&);
  static void save(const Secret& o, Sink& s) { s.text(o.reveal_text(Reveal::to_caller), Sink::Show::hashed); }
};
template <>
struct Type<bool> : Scalar<Kind::boolean> {
  static Status load(const json::Node&, bool&);
  static void save(bool o, Sink& s) { s.boolean(o); }
};
template <>
struct Type<std::int64_t> : Scalar<Kind::integer> {
  static Status load(const json::Node&, std::int64_t&);
  static void save(std::int64_t o, Sink& s) { s.integer(o); }
};
template <>
struct Type<Seconds> : Scalar<Kind::duration> {
  static Status load(const json::Node&, Seconds&);
  static void save(Seconds o, Sink& s) { s.integer(o.count()); }
};
template <>
struct Type<Timestamp> : Scalar<Kind::time> {
  static Status load(const json::Node&, Timestamp&);
  static void save(const Timestamp&, Sink&);
};
template <>
struct Type<CommaList> : Scalar<Kind::comma_list> {
  static Status load(const json::Node&, CommaList&);
  static void save(const CommaList&, Sink&);
};
template <>
struct Type<RawJson> : Scalar<Kind::any> {
  static Status load(const json::Node& n, RawJson& o) {
    o.node = n;
    return {};
  }
  static void save(const RawJson& o, Sink& s) { o.present() ? s.raw(o.node.source()) : s.null(); }
};
template <>
struct Type<StoredJson> : Scalar<Kind::any> {
  static Status load(const json::Node& n, StoredJson& o) {
    o.bytes = n.source();
    return {};
  }
  static void save(const StoredJson& o, Sink& s) { o.bytes.empty() ? s.null() : s.raw(view(o.bytes)); }
};
template <class T>
struct Type<std::optional<T>> : Type<T> {  // absent and null leave it empty
  static Status load(const json::Node& n, std::optional<T>& o) {
    if (n.is_null()) {
      o.reset();
      return {};
    }
    return Type<T>::load(n, o.emplace());
  }
  static void save(const std::optional<T>& o, Sink& s) {
    if (o)
      Type<T>::save(*o, s);
    else
      s.null();
  }
};
template <class T>
struct Type<std::vector<T>> {
  static constexpr Kind kind = Kind::list;
  static constexpr const Codec* item = &CodecOf<T>::value;
  static constexpr auto fields = &no_fields;
  static Status load(const json::Node& n, std::vector<T>& o) {
    if (!n.is_array()) {  // one value stands for a list of one
      if (n.is_null()) return {};
      return Type<T>::load(n, o.emplace_back());
    }
    for (const json::Node e : n) SR_TRY(Type<T>::load(e, o.emplace_back()));
    return {};
  }
  static void save(const std::vector<T>& o, Sink& s) {
    s.open(Sink::Shape::array);
    for (const auto& e : o) Type<T>::save(e, s);
    s.close(Sink::Shape::array);
  }
};
template <class T>
struct Type<std::map<std::string, T>> {
  static constexpr Kind kind = Kind::map;
  static constexpr const Codec* item = &CodecOf<T>::value;
  static constexpr auto fields = &no_fields;
  static Status load(const json::Node& n, std::map<std::string, T>& o) {
    if (n.is_null()) return {};
    if (!n.is_object()) return fail(Code::invalid_argument, "must be an object");
    for (const json::Node e : n) SR_TRY(Type<T>::load(e, o[std::string(e.key())]));
    return {};
  }
  static void save(const std::map<std::string, T>& o, Sink& s) {
    s.open(Sink::Shape::object);
    for (const auto& [k, e] : o) {
      s.key(k, Sink::Show::hashed);
      Type<T>::save(e, s);
    }
    s.close(Sink::Shape::object);
  }
};
// A nested record in a body (no path or query parameters).
Status load_record(std::span<const Field>, const json::Node&, void* object);
// A route's whole input. Names what the table does not know in `unknown`.
Status load_input(std::span<const Field>, const Input&, void* object);
std::vector<std::string> unknown_names(std::span<const Field>, const Input&);
void save_record(std::span<const Field>, const void* object, Sink&);
template <class T>
  requires requires { T::fields(); }
struct Type<T> {
  static constexpr Kind kind = Kind::record;
  static constexpr const Codec* item = nullptr;
  static constexpr auto fields = &fields_of<T>;
  static Status load(const json::Node& n, T& o) { return load_record(fields_of<T>(), n, &o); }
  static void save(const T& o, Sink& s) { save_record(fields_of<T>(), &o, s); }
};
template <class T>
constexpr Codec CodecOf<T>::value = {
    Type<T>::kind, Type<T>::item, Type<T>::fields,
    [](const json::Node& n, void* o) { return Type<T>::load(n, *static_cast<T*>(o)); },
    [](const void* o, Sink& s) { Type<T>::save(*static_cast<const T*>(o), s); }};

// Writes the caller's JSON.
class JsonSink final : public Sink {
 public:
  explicit JsonSink(SecretText& out) : writer_(out) {}
  void open(Shape s) override { s == Shape::object ? writer_.begin_object() : writer_.begin_array(); }
  void close(Shape s) override { s == Shape::object ? writer_.end_object() : writer_.end_array(); }
  void key(std::string_view name, Show) override { writer_.key(name); }
  void text(std::string_view t, Show) override { writer_.string(t); }
  void integer(std::int64_t v) override { writer_.integer(v); }
  void boolean(bool v) override { writer_.boolean(v); }
  void null() override { writer_.null(); }
  void raw(std::string_view text) override { writer_.raw(text); }

 private:
  json::Writer writer_;
};

}  // namespace strongroom::schema
