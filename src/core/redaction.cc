#include "core/redaction.h"

#include <algorithm>
#include <utility>

namespace strongroom::core {
namespace {
using schema::Field;
using schema::Kind;

class Walk {
 public:
  Walk(audit::tree::Writer& tree, const audit::Redactor& redactor) : tree_(tree), redactor_(redactor) {}

  // A value nobody vouches for: structure and null stay, the rest is hashed over its source.
  void foreign(const json::Node& n) { redactor_.redact(n, tree_); }
  void plain(const json::Node& n) { audit::write_plain(n, tree_); }
  void field(const Field& f, const json::Node& n) {
    if ((f.flags & schema::unrecorded) != 0) return tree_.null();
    if ((f.flags & schema::plain) != 0) return plain(n);
    typed(*f.codec, n);
  }
  void typed(const schema::Codec& c, const json::Node& n) {
    switch (c.kind) {
      case Kind::integer:
      case Kind::duration:
      case Kind::boolean:
        // Numbers of our own fields are not secrets; texts in their place may be anything.
        return n.is_string() || n.is_object() || n.is_array() ? foreign(n) : plain(n);
      case Kind::record:
        if (!n.is_object()) return foreign(n);
        tree_.begin_map();
        for (const json::Node m : n) {
          tree_.key(m.key());
          member(c.fields(), m);
        }
        tree_.end_map();
        return;
      default:
        return foreign(n);
    }
  }
  void member(std::span<const Field> fields, const json::Node& m) {
    const auto known = std::ranges::find(fields, m.key(), &Field::name);
    known == fields.end() ? foreign(m) : field(*known, m);
  }

 private:
  audit::tree::Writer& tree_;
  const audit::Redactor& redactor_;
};
}  // namespace

audit::Tree redact_input(const schema::Codec* codec, const schema::Input& input,
                         std::span<const std::string> plain_keys, const audit::Redactor& redactor) {
  audit::Tree out;
  if (input.body.size() == 0 && input.query.empty()) return out;
  const auto fields = codec == nullptr ? std::span<const Field>() : codec->fields();
  audit::tree::Writer tree(out);
  Walk walk(tree, redactor);
  // Where key shares are expected, a member that nobody knows may be one under a misspelled name.
  const bool secretive =
      std::ranges::any_of(fields, [](const Field& f) { return (f.flags & schema::unrecorded) != 0; });
  const auto one = [&](std::string_view name, const json::Node& n) {
    tree.key(name);
    const auto known = std::ranges::find(fields, name, &Field::name);
    // Credentials are not among what operators can have shown.
    const bool hidden =
        known != fields.end() && ((known->flags & schema::unrecorded) != 0 || known->secret());
    if (!hidden && std::ranges::find(plain_keys, name) != plain_keys.end()) return walk.plain(n);
    if (known != fields.end()) return walk.field(*known, n);
    secretive ? tree.null() : walk.foreign(n);
  };
  tree.begin_map();
  for (const json::Node m : input.body) one(m.key(), m);
  for (const auto& [name, value] : input.query) one(name, json::Node::of_text(value));
  tree.end_map();
  return out;
}

bool AuditSink::withheld() noexcept {
  if (withhold_depth_ != 0) return true;
  if (!std::exchange(withhold_next_, false)) return false;
  tree_.null();
  value_done();
  return true;
}

void AuditSink::open(Shape s) {
  ++depth_;
  const bool already = withhold_depth_ != 0;
  if (withheld()) {
    if (!already) withhold_depth_ = depth_;
    return;
  }
  if (plain_next_ && plain_depth_ == 0) plain_depth_ = depth_;
  plain_next_ = false;
  s == Shape::object ? tree_.begin_map() : tree_.begin_array();
}
void AuditSink::close(Shape s) {
  if (withhold_depth_ != 0) {
    if (withhold_depth_ == depth_) withhold_depth_ = 0;
    --depth_;
    return;
  }
  s == Shape::object ? tree_.end_map() : tree_.end_array();
  if (plain_depth_ == depth_) plain_depth_ = 0;
  --depth_;
  value_done();
}
void AuditSink::key(std::string_view name, Show show) {
  if (withhold_depth_ != 0) return;
  withhold_next_ = show == Show::never;
  tree_.key(name);
  plain_next_ = show == Show::plain || (show != Show::secret && depth_ == 1 &&
                                        std::ranges::find(plain_keys_, name) != plain_keys_.end());
}
void AuditSink::text(std::string_view t, Show show) {
  if (withheld()) return;
  if (show == Show::plain || shown())
    tree_.text(t);
  else
    tree_.mac(redactor_.mac(t));
  value_done();
}
void AuditSink::integer(std::int64_t v) {
  if (withheld()) return;
  tree_.integer(v);
  value_done();
}
void AuditSink::boolean(bool v) {
  if (withheld()) return;
  tree_.boolean(v);
  value_done();
}
void AuditSink::null() {
  if (withheld()) return;
  tree_.null();
  value_done();
}
void AuditSink::raw(std::string_view text) {
  if (withheld()) return;
  const auto doc = json::Doc::parse(text, json::Limits::of_our_own());
  if (!doc) {
    tree_.mac(redactor_.mac(text));
  } else {
    Walk walk(tree_, redactor_);
    if (shown())
      walk.plain(doc->root());
    else if (depth_ == 0)  // the caller's own object is the whole reply: its members are the outermost
      redactor_.redact(doc->root(), std::vector<std::string_view>(plain_keys_.begin(), plain_keys_.end()),
                       tree_);
    else
      walk.foreign(doc->root());
  }
  value_done();
}

}  // namespace strongroom::core
