#include "engine/openapi.h"

#include <algorithm>

#include "schema/json.h"

namespace strongroom::engine {
namespace {

using schema::Codec;
using schema::Field;
using schema::Kind;

constexpr int kDeepest = 8;

// JSON text in an ordinary string: documents hold no secrets.
class Text {
 public:
  template <class Write>
  static std::string of(Write write) {
    SecretText out;
    json::Writer w(out);
    write(w);
    return std::string(view(out));
  }
};

void member(json::Writer& w, std::string_view name, std::string_view text) {
  w.key(name);
  w.string(text);
}

void write_schema(json::Writer&, const Codec&, const Field*, int depth);

void write_properties(json::Writer& w, std::span<const Field> fields, unsigned without, int depth) {
  const auto left_out = [&](const Field& f) { return (f.flags & without) != 0; };
  w.key("properties");
  w.begin_object();
  for (const Field& f : fields) {
    if (left_out(f)) continue;
    w.key(f.name);
    write_schema(w, *f.codec, &f, depth + 1);
  }
  w.end_object();
  if (std::ranges::none_of(fields,
                           [&](const Field& f) { return !left_out(f) && (f.flags & schema::required) != 0; }))
    return;
  w.key("required");
  w.begin_array();
  for (const Field& f : fields)
    if (!left_out(f) && (f.flags & schema::required) != 0) w.string(f.name);
  w.end_array();
}

std::string_view format_of(const Codec& c) {
  switch (c.kind) {
    case Kind::duration:
      return "seconds";
    case Kind::time:
      return "date-time";
    case Kind::map:
      return c.item->kind == Kind::text || c.item->kind == Kind::secret ? "kvpairs" : "map";
    case Kind::record:
    case Kind::any:
      return "map";
    default:
      return {};
  }
}
std::string_view type_of(Kind kind) {
  switch (kind) {
    case Kind::text:
    case Kind::secret:
    case Kind::time:
      return "string";
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
    case Kind::duration:
      return "integer";
    case Kind::list:
    case Kind::comma_list:
      return "array";
    case Kind::map:
    case Kind::record:
    case Kind::any:
      return "object";
  }
  return "object";
}

void write_schema(json::Writer& w, const Codec& c, const Field* f, int depth) {
  w.begin_object();
  member(w, "type", type_of(c.kind));
  if (f != nullptr) member(w, "description", f->help);
  if (const auto format = format_of(c); !format.empty()) member(w, "format", format);
  if (c.kind == Kind::list) {
    w.key("items");
    write_schema(w, *c.item, nullptr, depth + 1);
  } else if (c.kind == Kind::comma_list) {
    w.key("items");
    w.raw(R"({"type":"string"})");
  } else if (c.kind == Kind::map && depth < kDeepest) {
    w.key("additionalProperties");
    write_schema(w, *c.item, nullptr, depth + 1);
  } else if (c.kind == Kind::record && depth < kDeepest) {
    write_properties(w, c.fields(), schema::none, depth);
  }
  if (f != nullptr) {
    if (!f->choices.empty()) {
      w.key("enum");
      w.begin_array();
      for (auto rest = f->choices;;) {
        const auto bar = std::min(rest.find('|'), rest.size());
        w.string(rest.substr(0, bar));
        if (bar == rest.size()) break;
        rest.remove_prefix(bar + 1);
      }
      w.end_array();
    }
    if (!f->initial.empty()) {
      w.key("default");
      w.raw(f->initial);
    }
    if ((f->flags & schema::deprecated) != 0) {
      w.key("deprecated");
      w.boolean(true);
    }
    if (c.kind == Kind::secret || (f->flags & schema::sensitive) != 0) {
      w.key("x-vault-displayAttrs");
      w.raw(R"({"sensitive":true})");
    }
  }
  w.end_object();
}

std::string_view word_of(Verb v) {
  static constexpr std::string_view words[] = {"read", "list", "write", "patch", "delete", "scan"};
  return words[static_cast<std::size_t>(v)];
}
std::string_view method_of(Verb v) {
  static constexpr std::string_view methods[] = {"get", "get", "post", "patch", "delete", "get"};
  return methods[static_cast<std::size_t>(v)];
}

// "data/{path}" -> "data-path", "lookup-self" -> "lookup-self".
std::string words_of(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  if (out.ends_with('-')) out.pop_back();
  return out;
}

// "mounts-enable-secrets-engine" -> "MountsEnableSecretsEngine".
std::string type_name(std::string_view id) {
  std::string out;
  bool start = true;
  for (const char c : id) {
    if (c == '-') {
      start = true;
      continue;
    }
    out += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    start = false;
  }
  return out;
}

void write_parameter(json::Writer& w, std::string_view name, std::string_view where, const Field* f,
                     std::string_view help, bool required) {
  w.begin_object();
  member(w, "name", name);
  member(w, "description", f != nullptr ? f->help : help);
  member(w, "in", where);
  w.key("schema");
  if (f == nullptr) {
    w.raw(R"({"type":"string"})");
  } else {
    w.begin_object();
    member(w, "type", type_of(f->codec->kind));
    if (const auto format = format_of(*f->codec); !format.empty()) member(w, "format", format);
    if (type_of(f->codec->kind) == "array") {
      w.key("items");
      w.raw(R"({"type":"string"})");
    }
    if (!f->initial.empty()) {
      w.key("default");
      w.raw(f->initial);
    }
    w.end_object();
  }
  if (required) {
    w.key("required");
    w.boolean(true);
  }
  w.end_object();
}

std::vector<std::string_view> captures_of(std::string_view path) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto open = path.find('{');
    if (open == path.npos) return out;
    const auto close = path.find('}', open);
    out.push_back(path.substr(open + 1, close - open - 1));
    path.remove_prefix(close + 1);
  }
}

bool is_list(const Route& r) { return r.verb == Verb::list || r.verb == Verb::scan; }

}  // namespace

// What one method of a path does: a GET may read, list and scan.
struct OpenApi::Operation {
  const Route* main = nullptr;
  const Route* list = nullptr;
  const Route* scan = nullptr;
};

std::string openapi_path(std::string_view pattern) {
  std::string out(pattern);
  for (auto at = out.find("...}"); at != out.npos; at = out.find("...}")) out.erase(at, 3);
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

std::string_view tag_of(Class clazz, std::string_view type) noexcept {
  if (clazz == Class::auth) return "auth";
  if (type == "system") return "system";
  if (type == "identity") return "identity";
  return "secrets";
}

std::string OpenApi::id_of(const Place& place, const Route& route, std::string_view path) {
  std::string id(route.id);
  if (id.empty()) {
    id = place.type;
    id += '-';
    id += word_of(route.verb);
    if (const auto words = words_of(path); !words.empty()) id += "-" + words;
  }
  auto unique = id;
  for (int n = 2; !ids_.insert(unique).second; ++n) unique = id + std::to_string(n);
  return unique;
}

std::string OpenApi::write(const Place& place, const Operation& op, std::string_view path) {
  const Route& route = *op.main;
  const auto id = id_of(place, route, path);
  const auto fields = route.in->fields();
  const bool has_body = route.verb == Verb::write || route.verb == Verb::patch;
  const bool any_field =
      std::ranges::any_of(fields, [](const Field& f) { return (f.flags & schema::in_path) == 0; });
  return Text::of([&](json::Writer& w) {
    w.begin_object();
    member(w, "summary", route.summary);
    if ((route.flags & shut) != 0)
      member(w, "description", "Closed, unless the listener's configuration opens it; needs no token then.");
    else if ((route.flags & by_listener) != 0)
      member(w, "description", "Needs no token where the listener's configuration says so.");
    member(w, "operationId", id);
    w.key("tags");
    w.begin_array();
    w.string(place.tag);
    w.end_array();
    std::set<std::string_view> seen;
    bool open = false;
    const auto parameters = [&] {
      if (!std::exchange(open, true)) {
        w.key("parameters");
        w.begin_array();
      }
    };
    const auto choice = [&](const Route* r, std::string_view name) {
      if (r == nullptr) return;
      parameters();
      w.begin_object();
      member(w, "name", name);
      const bool must = op.main->verb != Verb::read;
      member(w, "description", std::string(r->summary) + (must ? "; must be `true`" : ", if `true`"));
      member(w, "in", "query");
      w.key("schema");
      w.raw(must ? R"({"type":"string","enum":["true"]})" : R"({"type":"string"})");
      if (must) {
        w.key("required");
        w.boolean(true);
      }
      w.end_object();
    };
    choice(op.list, "list");
    choice(op.scan, "scan");
    if (!has_body)
      for (const Route* r : {op.main, op.list, op.scan})
        if (r != nullptr)
          for (const Field& f : r->in->fields())
            if ((f.flags & (schema::in_path | schema::whole_body)) == 0 && seen.insert(f.name).second) {
              parameters();
              write_parameter(w, f.name, "query", &f, {}, (f.flags & schema::required) != 0);
            }
    if (open) w.end_array();
    if (has_body && any_field) {
      const auto name = type_name(id) + "Request";
      const auto whole =
          std::ranges::find_if(fields, [](const Field& f) { return (f.flags & schema::whole_body) != 0; });
      schemas_[name] = Text::of([&](json::Writer& s) {
        s.begin_object();
        member(s, "type", "object");
        if (whole != fields.end()) {
          member(s, "description", whole->help);
          s.key("additionalProperties");
          s.boolean(true);
        } else {
          write_properties(s, fields, schema::in_path, 0);
        }
        s.end_object();
      });
      w.key("requestBody");
      w.raw("{\"required\":true,\"content\":{\"" +
            std::string(route.verb == Verb::patch ? "application/merge-patch+json" : "application/json") +
            "\":{\"schema\":{\"$ref\":\"#/components/schemas/" + name + "\"}}}}");
    }
    w.key("responses");
    if (route.out->kind == Kind::record && route.out->fields().empty()) {
      if ((route.flags & issues) != 0)
        w.raw(R"({"200":{"description":"OK: the token is in auth"}})");
      else if (route.verb == Verb::read || is_list(route))
        w.raw(R"({"200":{"description":"OK"}})");
      else
        w.raw(R"({"204":{"description":"empty body"}})");
    } else {
      const auto name = type_name(id) + "Response";
      schemas_[name] = Text::of([&](json::Writer& s) { write_schema(s, *route.out, nullptr, 0); });
      w.raw(
          "{\"200\":{\"description\":\"OK\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
          "\"#/components/schemas/" +
          name + "\"}}}}}");
    }
    w.end_object();
  });
}

void OpenApi::add(const Place& place, std::span<const Route> routes) {
  // In the table's order within a path; paths are sorted by the map.
  std::vector<std::string> order;
  std::map<std::string, std::vector<const Route*>> by_path;
  for (const Route& r : routes) {
    if ((r.flags & unlisted) != 0) continue;
    auto& group = by_path[openapi_path(r.pattern)];
    if (group.empty()) order.push_back(openapi_path(r.pattern));
    group.push_back(&r);
  }
  for (const auto& path : order) {
    const auto& group = by_path[path];
    std::map<std::string_view, Operation> methods;
    unsigned flags = 0;
    bool creates = false;
    for (const Route* r : group) {
      flags |= r->flags;
      creates |= r->exists != nullptr;
      auto& op = methods[method_of(r->verb)];
      if (r->verb == Verb::list) op.list = r;
      if (r->verb == Verb::scan) op.scan = r;
      if (op.main == nullptr || (is_list(*op.main) && !is_list(*r))) op.main = r;
    }
    paths_["/" + place.prefix + path] = Text::of([&](json::Writer& w) {
      w.begin_object();
      const auto captured = captures_of(path);
      if (!captured.empty() || !place.mount_parameter.empty()) {
        w.key("parameters");
        w.begin_array();
        for (const auto name : captured) {
          const Field* known = nullptr;
          for (const Route* r : group)
            for (const Field& f : r->in->fields())
              if (f.name == name && known == nullptr) known = &f;
          write_parameter(w, name, "path", known, "Part of the path.", true);
        }
        if (!place.mount_parameter.empty()) {
          w.begin_object();
          member(w, "name", place.mount_parameter);
          member(w, "description", "Path that the engine is mounted at");
          member(w, "in", "path");
          w.key("schema");
          w.begin_object();
          member(w, "type", "string");
          member(w, "default", place.mount_default);
          w.end_object();
          w.key("required");
          w.boolean(true);
          w.end_object();
        }
        w.end_array();
      }
      const auto mark = [&](bool holds, std::string_view name) {
        if (!holds) return;
        w.key(name);
        w.boolean(true);
      };
      mark((flags & sudo) != 0, "x-vault-sudo");
      mark((flags & (engine::open | engine::shut)) != 0, "x-vault-unauthenticated");
      mark(creates, "x-vault-createSupported");
      for (const std::string_view method : {"get", "post", "patch", "delete"})
        if (const auto op = methods.find(method); op != methods.end()) {
          w.key(method);
          w.raw(write(place, op->second, path));
        }
      w.end_object();
    });
  }
}

SecretText OpenApi::document(std::string_view version) const {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  member(w, "openapi", "3.0.2");
  w.key("info");
  w.begin_object();
  member(w, "title", "Strongroom API");
  member(w, "description", "HTTP API of Strongroom. All paths are below `/v1/`.");
  member(w, "version", version);
  w.end_object();
  w.key("paths");
  w.begin_object();
  for (const auto& [path, item] : paths_) {
    w.key(path);
    w.raw(item);
  }
  w.end_object();
  w.key("components");
  w.begin_object();
  w.key("schemas");
  w.begin_object();
  for (const auto& [name, text] : schemas_) {
    w.key(name);
    w.raw(text);
  }
  w.end_object();
  w.end_object();
  w.end_object();
  return out;
}

}  // namespace strongroom::engine
