#include "schema/field.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/time.h"

namespace strongroom::schema {
namespace {
std::unexpected<Error> must(const char* rule) { return fail(Code::invalid_argument, rule); }
std::unexpected<Error> at_field(std::string_view name, Error error) {
  std::string text(name);
  text += error.message.starts_with('.') || error.message.starts_with('[') ? "" : ": ";
  text += error.message;
  return fail(error.code, std::move(text), std::move(error.detail), error.file, error.line);
}
std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t' || s.front() == '\n')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\n')) s.remove_suffix(1);
  return s;
}
}  // namespace

std::optional<json::Node> Input::find(std::string_view name) const {
  for (const auto& [n, v] : path)
    if (n == name) return json::Node::of_text(v);
  if (auto found = body.find(name)) return found;
  for (const auto& [n, v] : query)
    if (n == name) return json::Node::of_text(v);
  return std::nullopt;
}

Status Type<std::string>::load(const json::Node& n, std::string& o) {
  switch (n.kind()) {
    case json::Kind::string:
    case json::Kind::number:
      o = n.text();
      return {};
    case json::Kind::boolean:
      o = n.boolean() ? "1" : "0";
      return {};
    case json::Kind::null:
      o.clear();
      return {};
    default:
      return must("must be a string");
  }
}
Status Type<Secret>::load(const json::Node& n, Secret& o) {
  if (n.kind() != json::Kind::string) return must("must be a string");
  o = Secret::copy_of(n.text());
  return {};
}
Status Type<bool>::load(const json::Node& n, bool& o) {
  if (n.kind() == json::Kind::boolean) {
    o = n.boolean();
    return {};
  }
  if (n.kind() == json::Kind::string || n.kind() == json::Kind::number) {
    if (const auto truth = n.text().empty() ? false : parse_bool(n.text())) return o = *truth, Status{};
  }
  return must("must be true or false");
}
Status Type<std::int64_t>::load(const json::Node& n, std::int64_t& o) {
  if (n.kind() != json::Kind::number && n.kind() != json::Kind::string) return must("must be a whole number");
  const auto text = n.text();
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), o);
  if (err != std::errc{} || end != text.data() + text.size()) return must("must be a whole number");
  return {};
}
Status Type<Seconds>::load(const json::Node& n, Seconds& o) {
  if (n.kind() != json::Kind::number && n.kind() != json::Kind::string)
    return must("must be a duration such as 30, \"30s\" or \"1h\"");
  if (n.text().empty()) return o = Seconds{}, Status{};
  const auto d = parse_duration(trimmed(n.text()));
  if (!d) return must("must be a duration such as 30, \"30s\" or \"1h\"");
  o = std::chrono::duration_cast<Seconds>(*d);
  return {};
}
Status Type<Timestamp>::load(const json::Node& n, Timestamp& o) {
  if (n.kind() == json::Kind::string && n.text().empty()) return o = {}, Status{};
  const auto t = n.kind() == json::Kind::string ? parse_rfc3339(n.text()) : std::nullopt;
  if (!t) return must("must be a time as in RFC 3339");
  o.at = *t;
  return {};
}
void Type<Timestamp>::save(const Timestamp& o, Sink& s) {
  if (o.at == WallTime{})
    s.text("", Sink::Show::hashed);
  else
    s.text(rfc3339(o.at), Sink::Show::plain);
}
Status Type<CommaList>::load(const json::Node& n, CommaList& o) {
  if (n.is_null()) return {};
  if (n.is_array()) {
    for (const json::Node e : n) SR_TRY(Type<std::string>::load(e, o.items.emplace_back()));
    return {};
  }
  if (n.is_object()) return must("must be a list, or texts with commas between");
  for (auto rest = n.text(); !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    if (const auto item = trimmed(rest.substr(0, comma)); !item.empty()) o.items.emplace_back(item);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return {};
}
void Type<CommaList>::save(const CommaList& o, Sink& s) { Type<std::vector<std::string>>::save(o.items, s); }

Status load_record(std::span<const Field> fields, const json::Node& n, void* object) {
  if (n.is_null()) return {};
  if (!n.is_object()) return must("must be an object");
  for (const Field& f : fields) {
    const auto got = n.find(f.name);
    if (!got || (got->is_null() && !f.optional && f.codec->kind != Kind::any)) {
      if ((f.flags & required) != 0)
        return at_field(f.name, Error{Code::invalid_argument, "is required", {}, __FILE__, __LINE__});
      continue;
    }
    if (auto ok = f.codec->load(*got, f.at(object)); !ok) return at_field(f.name, std::move(ok).error());
  }
  return {};
}

Status load_input(std::span<const Field> fields, const Input& input, void* object) {
  for (const Field& f : fields) {
    const auto got = (f.flags & whole_body) != 0 ? std::optional(input.body) : input.find(f.name);
    if (!got || (got->is_null() && !f.optional && f.codec->kind != Kind::any)) {
      if ((f.flags & required) != 0)
        return at_field(f.name, Error{Code::invalid_argument, "is required", {}, __FILE__, __LINE__});
      continue;
    }
    if (auto ok = f.codec->load(*got, f.at(object)); !ok) return at_field(f.name, std::move(ok).error());
  }
  return {};
}

std::vector<std::string> unknown_names(std::span<const Field> fields, const Input& input) {
  std::vector<std::string> unknown;
  if (std::ranges::any_of(fields, [](const Field& f) { return (f.flags & whole_body) != 0; })) return unknown;
  for (const json::Node n : input.body)
    if (std::ranges::none_of(fields, [&](const Field& f) { return f.name == n.key(); }))
      unknown.emplace_back(n.key());
  std::ranges::sort(unknown);
  const auto repeated = std::ranges::unique(unknown);
  unknown.erase(repeated.begin(), repeated.end());
  return unknown;
}

void save_record(std::span<const Field> fields, const void* object, Sink& s) {
  s.open(Sink::Shape::object);
  for (const Field& f : fields) {
    const void* at = f.at(const_cast<void*>(
        object));  // NOLINT(cppcoreguidelines-pro-type-const-cast): one accessor serves both directions
    if ((f.flags & omit_empty) != 0 && f.absent(at)) continue;
    s.key(f.name, (f.flags & unrecorded) != 0 ? Sink::Show::never
                  : (f.flags & plain) != 0    ? Sink::Show::plain
                  : f.secret()                ? Sink::Show::secret
                                              : Sink::Show::hashed);
    f.codec->save(at, s);
  }
  s.close(Sink::Shape::object);
}

}  // namespace strongroom::schema
