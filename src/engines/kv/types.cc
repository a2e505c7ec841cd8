#include "engines/kv/types.h"

namespace strongroom::schema {
namespace {
Status only_given() { return fail(Code::invalid_argument, "is not a parameter"); }
}  // namespace

Status Type<engines::kv::SeqList>::load(const json::Node& n, engines::kv::SeqList& o) {
  const auto add = [&o](const json::Node& one) -> Status {
    std::int64_t seq = 0;
    if (!Type<std::int64_t>::load(one, seq) || seq < 1)
      return fail(Code::invalid_argument, "must be whole numbers from 1 on");
    o.seqs.push_back(static_cast<secret::Seq>(seq));
    return {};
  };
  if (n.is_array()) {
    for (const json::Node one : n) SR_TRY(add(one));
    return {};
  }
  if (n.kind() != json::Kind::number && n.kind() != json::Kind::string)
    return fail(Code::invalid_argument, "must be a list of whole numbers, or text with commas between");
  CommaList texts;
  SR_TRY(Type<CommaList>::load(n, texts));
  for (const auto& text : texts.items) SR_TRY(add(json::Node::of_text(text)));
  return {};
}
void Type<engines::kv::SeqList>::save(const engines::kv::SeqList& o, Sink& s) {
  s.open(Sink::Shape::array);
  for (const auto seq : o.seqs) s.integer(static_cast<std::int64_t>(seq));
  s.close(Sink::Shape::array);
}

Status Type<engines::kv::Names>::load(const json::Node&, engines::kv::Names&) { return only_given(); }
void Type<engines::kv::Names>::save(const engines::kv::Names& o, Sink& s) {
  s.open(Sink::Shape::array);
  for (const auto& name : o.names) s.text(view(name), Sink::Show::hashed);
  s.close(Sink::Shape::array);
}

Status Type<engines::kv::KeyNotes>::load(const json::Node&, engines::kv::KeyNotes&) { return only_given(); }
void Type<engines::kv::KeyNotes>::save(const engines::kv::KeyNotes& o, Sink& s) {
  s.open(Sink::Shape::object);
  for (const auto& [name, metadata] : o.by_name) {
    s.key(name, Sink::Show::hashed);
    if (metadata) {
      Type<engines::kv::MetadataGiven>::save(*metadata, s);
    } else {
      s.open(Sink::Shape::object);
      s.close(Sink::Shape::object);
    }
  }
  s.close(Sink::Shape::object);
}

}  // namespace strongroom::schema
