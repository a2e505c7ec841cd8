#include "audit/sinks/file/vault_lines.h"

#include <charconv>

#include "audit/tree.h"
#include "base/bytes.h"
#include "base/time.h"

namespace strongroom::audit::sinks {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Length of the UTF-8 sequence at the front of `s`, 0 when it is none.
std::size_t utf8_length(std::string_view s) noexcept {
  const auto c = static_cast<unsigned char>(s[0]);
  const std::size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
  return n <= s.size() && valid_utf8(s.substr(0, n)) ? n : 0;
}

void append_string(std::string& out, std::string_view s) {
  out.push_back('"');
  std::size_t plain = 0;
  std::size_t i = 0;
  const auto flush = [&](std::size_t next) {
    out.append(s, plain, i - plain);
    plain = next;
  };
  while (i < s.size()) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const std::size_t n = utf8_length(s.substr(i)); n != 0) {
        i += n;
        continue;
      }
      flush(i + 1);
      out += "\\ufffd";
    } else {
      flush(i + 1);
      switch (c) {
        case '"':
          out += "\\\"";
          break;
        case '\\':
          out += "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\t':
          out += "\\t";
          break;
        case '\r':
          out += "\\r";
          break;
        default:
          out += "\\u00";
          out.push_back(kHex[c >> 4]);
          out.push_back(kHex[c & 15]);
      }
    }
    ++i;
  }
  out.append(s, plain, s.size() - plain);
  out.push_back('"');
}

void append_hex(std::string& out, View bytes) {
  const std::size_t at = out.size();
  out.resize(at + bytes.size() * 2);
  char* p = out.data() + at;
  for (const std::byte b : bytes) {
    *p++ = kHex[std::to_integer<unsigned>(b) >> 4];
    *p++ = kHex[std::to_integer<unsigned>(b) & 15];
  }
}

void append_mac(std::string& out, const Mac& mac) {
  out += "\"hmac-sha256:";
  append_hex(out, View(mac));
  out.push_back('"');
}

void append_number(std::string& out, std::int64_t n) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
  out.append(digits, end);
}

void append_tree(std::string& out, std::string_view tree) {
  tree::Reader reader(tree);
  bool comma = false;
  while (true) {
    const auto item = reader.next();
    if (!item || item->kind == tree::Kind::finish) return;
    using enum tree::Kind;
    if (item->kind == end) {
      out.push_back(item->of_map ? '}' : ']');
      comma = true;
      continue;
    }
    if (comma) out.push_back(',');
    comma = true;
    switch (item->kind) {
      case begin_map:
        out.push_back('{');
        comma = false;
        break;
      case begin_array:
        out.push_back('[');
        comma = false;
        break;
      case key:
        append_string(out, item->text);
        out.push_back(':');
        comma = false;
        break;
      case text:
        append_string(out, item->text);
        break;
      case mac:
        append_mac(out, item->mac);
        break;
      case integer:
        append_number(out, item->integer);
        break;
      case boolean:
        out += item->boolean ? "true" : "false";
        break;
      case null:
        out += "null";
        break;
      case number:
        out += item->text;
        break;
      case digest:
        out += "{\"strongroom_digest\":";
        append_mac(out, item->mac);
        out += ",\"strongroom_members\":";
        append_number(out, item->integer);
        out.push_back('}');
        break;
      case end:
      case finish:
        break;
    }
  }
}

// Members of an object; absent values write nothing.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_.push_back('{'); }
  void end() { out_.push_back('}'); }
  std::string& key(std::string_view name) {
    if (!first_) out_.push_back(',');
    first_ = false;
    out_.push_back('"');
    out_.append(name);
    out_.append("\":");
    return out_;
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) append_string(key(name), value);
  }
  void mac(std::string_view name, const std::optional<Mac>& value) {
    if (value) append_mac(key(name), *value);
  }
  void number(std::string_view name, std::int64_t value) {
    if (value != 0) append_number(key(name), value);
  }
  void list(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    key(name).push_back('[');
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) out_.push_back(',');
      append_string(out_, values[i]);
    }
    out_.push_back(']');
  }
  void tree(std::string_view name, const Tree& value) {
    if (!value.empty()) append_tree(key(name), value);
  }
  bool empty() const noexcept { return first_; }

 private:
  std::string& out_;
  bool first_ = true;
};

enum class Part : std::uint8_t { asking, asking_failed, made_here, made_inside };

void append_auth(std::string& out, const Actor& a, std::string_view namespace_id, Part part) {
  Object o(out);
  const bool made = part == Part::made_here || part == Part::made_inside;
  o.mac("client_token", a.client_token);
  o.mac("accessor", a.accessor);
  o.text("display_name", a.display_name);
  o.list("policies", a.policies);
  o.list("token_policies", a.token_policies);
  o.list("identity_policies", a.identity_policies);
  const bool verdict =
      !made && a.verdict != Actor::Verdict::none && !(part == Part::asking_failed && !a.client_token);
  if (verdict) {
    Object r(o.key("policy_results"));
    r.key("allowed") += a.verdict == Actor::Verdict::allowed ? "true" : "false";
    if (!a.granting_policies.empty()) {
      r.key("granting_policies").push_back('[');
      for (std::size_t i = 0; i < a.granting_policies.size(); ++i) {
        if (i != 0) out.push_back(',');
        Object g(out);
        g.text("name", a.granting_policies[i]);
        g.text("namespace_id", namespace_id);
        g.text("type", "acl");
        g.end();
      }
      out.push_back(']');
    }
    r.end();
  }
  if (!a.metadata.empty()) {
    Object m(o.key("metadata"));
    for (const auto& [name, value] : a.metadata) {
      std::string quoted;
      append_string(quoted, name);
      append_string(m.key(std::string_view(quoted).substr(1, quoted.size() - 2)), value);
    }
    m.end();
  }
  o.number(made ? "num_uses" : "remaining_uses", a.remaining_uses);
  o.text("entity_id", a.entity_id);
  if (a.entity_created && part == Part::made_here) o.key("entity_created") += "true";
  o.text("token_type", a.token_type.empty() ? std::string_view("default") : a.token_type);
  o.number("token_ttl", a.token_ttl);
  o.text("token_issue_time", a.issue_time);
  o.end();
}

void append_mount(Object& o, const MountRef& m, bool with_accessor) {
  o.text("mount_point", m.point);
  o.text("mount_type", m.type);
  if (with_accessor) o.text("mount_accessor", m.accessor);
  o.text("mount_class", m.clazz);
}

void append_uuid(std::string& out, const std::array<std::byte, 16>& id) {
  out.push_back('"');
  std::size_t at = 0;
  for (const std::size_t n :
       {std::size_t{4}, std::size_t{2}, std::size_t{2}, std::size_t{2}, std::size_t{6}}) {
    if (at != 0) out.push_back('-');
    append_hex(out, View(id).subspan(at, n));
    at += n;
  }
  out.push_back('"');
}

void append_request(std::string& out, const Record& r) {
  Object o(out);
  append_uuid(o.key("id"), r.request_id);
  if (r.actor) o.text("client_id", r.actor->entity_id);
  o.text("operation", r.operation);
  append_mount(o, r.mount, true);
  o.mac("client_token", r.presented_token);
  if (r.actor) o.mac("client_token_accessor", r.actor->accessor);
  {
    Object n(o.key("namespace"));
    n.text("id", r.namespace_id);
    n.text("path", r.namespace_path);
    n.end();
  }
  o.text("path", r.path);
  o.tree("data", r.request);
  o.text("remote_address", r.remote_address);
  o.number("remote_port", r.remote_port);
  o.number("wrap_ttl", r.wrap_ttl);
  o.tree("headers", r.headers);
  o.end();
}

void append_response(std::string& out, const Record& r, bool refused_early) {
  Object o(out);
  if (r.issued) append_auth(o.key("auth"), *r.issued, {}, Part::made_inside);
  append_mount(o, r.mount, !refused_early);
  if (r.lease) {
    Object s(o.key("secret"));
    s.text("lease_id", *r.lease);
    s.end();
  }
  o.tree("data", r.response);
  o.list("warnings", r.warnings);
  if (r.wrapped) {
    Object w(o.key("wrap_info"));
    append_number(w.key("ttl"), r.wrapped->ttl);
    w.mac("token", r.wrapped->token);
    w.mac("accessor", r.wrapped->accessor);
    w.text("creation_time", r.wrapped->creation_time);
    w.text("creation_path", r.wrapped->creation_path);
    w.mac("wrapped_accessor", r.wrapped->wrapped_accessor);
    w.end();
  }
  o.end();
}

// The text that Vault writes in the answer's line: of refusals and of missing routes another than the
// client's.
std::string_view answer_error(const Record& r) {
  if (r.error == "permission denied") return "1 error occurred:\n\t* permission denied\n\n";
  if (r.error.starts_with("no handler for route")) return "1 error occurred:\n\t* unsupported path\n\n";
  return r.error;
}

}  // namespace

void append_vault_lines(std::string& out, const Record& r, std::string_view prefix) {
  if (r.what != What::request) return;
  static const Actor kNobody;
  const Actor& actor = r.actor ? *r.actor : kNobody;
  const std::string_view home = actor.namespace_id.empty() ? std::string_view("root") : actor.namespace_id;
  const bool failed = r.outcome != "ok";
  const bool refused_early = (r.outcome == "permission_denied" || r.outcome == "unauthenticated") &&
                             actor.verdict != Actor::Verdict::allowed;
  const auto open = [&](WallTime time, std::string_view type) {
    out.append(prefix);
    out += R"({"time":")";
    out += rfc3339(time);
    out += R"(","type":")";
    out += type;
    out += R"(","auth":)";
  };

  open(r.time, "request");
  const std::size_t auth_at = out.size();
  append_auth(out, actor, home, Part::asking);
  const std::size_t auth_size = out.size() - auth_at;
  out += R"(,"request":)";
  const std::size_t request_at = out.size();
  append_request(out, r);
  const std::size_t request_size = out.size() - request_at;
  if (refused_early && !r.error.empty()) {
    out += R"(,"error":)";
    append_string(out, r.error);
  }
  out += "}\n";

  // Most of the second line is the first one's: copied, not built again.
  open(r.time + r.response_time, "response");
  if (r.issued && !actor.client_token)
    append_auth(out, *r.issued, home, Part::made_here);
  else if (failed && !actor.client_token)
    append_auth(out, actor, home, Part::asking_failed);
  else
    out.append(out, auth_at, auth_size);
  out += R"(,"request":)";
  out.append(out, request_at, request_size);
  out += R"(,"response":)";
  append_response(out, r, refused_early);
  if (failed && !r.error.empty()) {
    out += R"(,"error":)";
    append_string(out, answer_error(r));
  }
  out += "}\n";
}

}  // namespace strongroom::audit::sinks
