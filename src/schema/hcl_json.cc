#include <charconv>
#include <unordered_set>

#include "schema/hcl_reader.h"
#include "schema/json.h"

namespace strongroom::hcl {
namespace {

class Converter {
 public:
  Converter(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  Result<Value> convert(const json::Node& node, unsigned depth) {
    Value v;
    v.at = place(static_cast<std::size_t>(node.source().data() - text_.data()));
    if (depth > limits_.depth) return bad(v.at, "this is nested too deeply");
    if (++items_ > limits_.items) return bad(v.at, "there are too many items");
    switch (node.kind()) {
      case json::Kind::null:
        v.kind = Kind::null;
        break;
      case json::Kind::boolean:
        v.kind = Kind::boolean;
        v.boolean = node.boolean();
        break;
      case json::Kind::number:
        v.kind = Kind::number;
        v.text = node.text();
        break;
      case json::Kind::string:
        v.kind = Kind::string;
        v.text = node.text();
        break;
      case json::Kind::array:
        v.kind = Kind::list;
        for (const json::Node element : node) {
          SR_LET(Value one, convert(element, depth + 1));
          v.list.push_back(std::move(one));
        }
        break;
      case json::Kind::object: {
        v.kind = Kind::object;
        std::unordered_set<std::string_view> seen;
        for (const json::Node member : node) {
          Item item;
          item.key = member.key();
          SR_LET(item.value, convert(member, depth + 1));
          item.at = item.value.at;
          if (!seen.insert(member.key()).second)
            return bad(item.at, "this key is already set in the same object");
          v.object.items.push_back(std::move(item));
        }
      }
    }
    return v;
  }

  // Offsets come in rising order but for a look back to the start of a container.
  Position place(std::size_t offset) {
    if (offset < offset_) {
      offset_ = 0;
      at_ = {1, 1};
    }
    for (; offset_ < offset && offset_ < text_.size(); ++offset_) {
      if (text_[offset_] == '\n') {
        ++at_.line;
        at_.column = 1;
      } else if ((static_cast<unsigned char>(text_[offset_]) & 0xc0) != 0x80) {
        ++at_.column;
      }
    }
    return at_;
  }

 private:
  std::string_view text_;
  const Limits& limits_;
  std::size_t items_ = 0;
  std::size_t offset_ = 0;
  Position at_{1, 1};
};

}  // namespace

Result<Body> parse_json(std::string_view text, const Limits& limits) {
  Converter converter(text, limits);
  auto doc = json::Doc::parse(
      text,
      {.depth = limits.depth + 1, .members = limits.items, .elements = limits.items, .string = limits.bytes});
  if (!doc) {
    // The reader names a byte; people count lines.
    std::string_view rule = doc.error().message;
    if (rule.starts_with("body: ")) rule.remove_prefix(6);
    const std::size_t cut = rule.rfind(" (at byte ");
    std::size_t offset = text.size();
    if (cut != std::string_view::npos) {
      std::from_chars(rule.data() + cut + 10, rule.data() + rule.size(), offset);
      rule = rule.substr(0, cut);
    }
    return bad(converter.place(offset), rule);
  }
  SR_LET(Value root, converter.convert(doc->root(), 0));
  return std::move(root.object);
}

}  // namespace strongroom::hcl
