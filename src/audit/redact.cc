#include "audit/redact.h"

#include <algorithm>

#include "base/bytes.h"

namespace strongroom::audit {
namespace {

// Calls value(member) for each member or element, with structure around it.
template <class Value>
void children(json::Node node, tree::Writer& out, Value value) {
  if (node.is_object()) {
    out.begin_map();
    for (const json::Node member : node) {
      out.key(member.key());
      value(member);
    }
    out.end_map();
  } else {
    out.begin_array();
    for (const json::Node element : node) value(element);
    out.end_array();
  }
}

}  // namespace

void write_plain(json::Node node, tree::Writer& out) {
  switch (node.kind()) {
    case json::Kind::null:
      return out.null();
    case json::Kind::boolean:
      return out.boolean(node.boolean());
    case json::Kind::string:
      return out.text(node.text());
    case json::Kind::number:
      if (const auto whole = node.integer(); whole && std::to_string(*whole) == node.text())
        return out.integer(*whole);
      return out.number(node.text());
    case json::Kind::array:
    case json::Kind::object:
      return children(node, out, [&](json::Node child) { write_plain(child, out); });
  }
}

void Redactor::hashed(json::Node node, tree::Writer& out) const {
  switch (node.kind()) {
    case json::Kind::null:
      return out.null();
    case json::Kind::boolean:
    case json::Kind::number:
    case json::Kind::string:
      return out.mac(mac(node.text()));
    case json::Kind::array:
    case json::Kind::object:
      return children(node, out, [&](json::Node child) { hashed(child, out); });
  }
}

void Redactor::redact(json::Node node, PlainFields plain, tree::Writer& out) const {
  if (plain.empty() || !node.is_object()) return hashed(node, out);
  children(node, out, [&](json::Node member) {
    if (std::ranges::find(plain, member.key()) != plain.end())
      write_plain(member, out);
    else
      hashed(member, out);
  });
}

void Redactor::redact_text(std::string_view text, PlainFields plain, tree::Writer& out) const {
  const auto doc = json::Doc::parse(text);
  if (doc)
    redact(doc->root(), plain, out);
  else
    out.mac(mac(text));
}

void Redactor::bound(Record& record) const {
  // Nearly every record is far below the limit; measuring costs an encoding only near it.
  if (record.request.size() + record.response.size() + record.headers.size() + record.path.size() <
          kMostRecord / 2 &&
      record.error.size() < 4096 && record.warnings.empty() &&
      (!record.actor || record.actor->metadata.size() < 16))
    return;
  audit::bound(record, [this](std::string_view tree) { return mac(tree); });
}

std::string display(const Mac& mac) { return "hmac-sha256:" + to_hex(View(mac)); }

}  // namespace strongroom::audit
