#include "apps/server/config_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/time.h"

namespace strongroom::server {
namespace {

std::optional<bool> boolean_of(const hcl::Value& v) {
  if (v.kind == hcl::Kind::boolean) return v.boolean;
  if (v.kind != hcl::Kind::string && v.kind != hcl::Kind::number) return std::nullopt;
  std::string s = v.text;
  for (char& c : s) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (s == "true" || s == "t" || s == "1") return true;
  if (s == "false" || s == "f" || s == "0") return false;
  return std::nullopt;
}

bool says_nothing(const hcl::Value& v) {
  switch (v.kind) {
    case hcl::Kind::null:
      return true;
    case hcl::Kind::boolean:
      return !v.boolean;
    case hcl::Kind::number:
      return v.real() == 0.0;
    case hcl::Kind::string:
      return v.text.empty() || boolean_of(v) == false;
    case hcl::Kind::list:
      return v.list.empty();
    case hcl::Kind::object:
      return v.object.items.empty();
  }
  return false;
}

// A key may be named in a message if it looks like a key, so that no value slips into the log by a misplaced
// quote.
std::string shown(std::string_view key) {
  const bool plain = key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              c == '_' || c == '-';
                     });
  return plain ? std::string(key) : "this key";
}

}  // namespace

std::string Remark::to_string() const {
  return line == 0 ? fmt::format("{}: {}", file, text) : fmt::format("{}, line {}: {}", file, line, text);
}

void Reading::refuse(hcl::Position at, std::string_view rule) {
  if (error) return;
  error = fail(Code::invalid_argument, fmt::format("{}, {}: {}", file, hcl::to_string(at), rule)).error();
}

void Reading::remark(Remark::Kind kind, hcl::Position at, std::string text) {
  remarks.push_back({kind, std::string(file), at.line, std::move(text)});
}

std::string Section::named(std::string_view key) const {
  return name_.empty() ? std::string(key) : fmt::format("{}: {}", name_, key);
}

const hcl::Item* Section::item(std::string_view key) {
  asked_.insert(key);
  const hcl::Item* found = body_.find(key);
  return found == nullptr || found->value.kind == hcl::Kind::null ? nullptr : found;
}

void Section::refuse(std::string_view key, std::string_view rule) {
  const hcl::Item* i = body_.find(key);
  reading_.refuse(i == nullptr ? hcl::Position{} : i->at, fmt::format("{} {}", named(key), rule));
}

bool Section::boolean(std::string_view key, bool otherwise) {
  const hcl::Item* i = item(key);
  if (i == nullptr) return otherwise;
  const auto v = boolean_of(i->value);
  if (!v) refuse(key, "must be true or false");
  return v.value_or(otherwise);
}

std::string Section::text(std::string_view key, std::string_view otherwise) {
  const hcl::Item* i = item(key);
  if (i == nullptr) return std::string(otherwise);
  if (i->value.kind != hcl::Kind::string) {
    refuse(key, "must be a string");
    return std::string(otherwise);
  }
  return i->value.text;
}

std::uint64_t Section::number(std::string_view key, std::uint64_t otherwise, std::uint64_t least,
                              std::uint64_t most) {
  const hcl::Item* i = item(key);
  if (i == nullptr) return otherwise;
  hcl::Value v = i->value;
  if (v.kind == hcl::Kind::string) v.kind = hcl::Kind::number;
  const auto n = v.integer();
  if (n && *n >= 0 && static_cast<std::uint64_t>(*n) >= least && static_cast<std::uint64_t>(*n) <= most)
    return static_cast<std::uint64_t>(*n);
  refuse(key, most == std::uint64_t{1} << 62
                  ? fmt::format("must be a whole number of at least {}", least)
                  : fmt::format("must be a whole number from {} to {}", least, most));
  return otherwise;
}

Nanoseconds Section::duration(std::string_view key, Nanoseconds otherwise) {
  const hcl::Item* i = item(key);
  if (i == nullptr) return otherwise;
  std::optional<Nanoseconds> d;
  if (i->value.kind == hcl::Kind::string || i->value.kind == hcl::Kind::number)
    d = parse_duration(i->value.text);
  if (d && d->count() >= 0) return *d;
  refuse(key, "must be a duration such as \"30s\", or a number of seconds");
  return otherwise;
}

std::vector<std::string> Section::strings(std::string_view key) {
  std::vector<std::string> out;
  const hcl::Item* i = item(key);
  if (i == nullptr) return out;
  if (i->value.kind == hcl::Kind::string) {
    std::string_view rest = i->value.text;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view part = rest.substr(0, comma);
      while (part.starts_with(' ')) part.remove_prefix(1);
      while (part.ends_with(' ')) part.remove_suffix(1);
      if (!part.empty()) out.emplace_back(part);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return out;
  }
  const bool good = i->value.kind == hcl::Kind::list &&
                    std::all_of(i->value.list.begin(), i->value.list.end(),
                                [](const hcl::Value& v) { return v.kind == hcl::Kind::string; });
  if (!good) {
    refuse(key, "must be a list of strings");
    return out;
  }
  for (const hcl::Value& v : i->value.list) out.push_back(v.text);
  return out;
}

unsigned Section::file_mode(std::string_view key, unsigned otherwise) {
  const hcl::Item* i = item(key);
  if (i == nullptr) return otherwise;
  unsigned mode = 0;
  const std::string& s = i->value.text;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), mode, 8);
  const bool scalar = i->value.kind == hcl::Kind::string || i->value.kind == hcl::Kind::number;
  if (scalar && error == std::errc{} && end == s.data() + s.size() && mode <= 0777) return mode;
  refuse(key, "must be a file mode in octal, such as \"0600\"");
  return otherwise;
}

std::vector<hcl::Block> Section::blocks(std::string_view key, std::size_t labels) {
  asked_.insert(key);
  auto found = hcl::blocks(body_, key, labels);
  if (found) return *std::move(found);
  if (!reading_.error)
    reading_.error =
        fail(Code::invalid_argument, fmt::format("{}, {}", reading_.file, found.error().message)).error();
  return {};
}

void Section::finish(std::span<const OtherKey> others) {
  for (const hcl::Item& i : body_.items) {
    if (asked_.contains(i.key)) continue;
    const auto known =
        std::find_if(others.begin(), others.end(), [&](const OtherKey& o) { return o.key == i.key; });
    if (known == others.end()) {
      reading_.remark(Remark::Kind::warning, i.at,
                      fmt::format("{} is not known and has no effect", named(shown(i.key))));
    } else if (known->what == Unbuilt::note ||
               (known->what == Unbuilt::refuse_if_true && says_nothing(i.value))) {
      if (known->what == Unbuilt::note)
        reading_.remark(Remark::Kind::note, i.at, fmt::format("{}: {}", named(i.key), known->why));
    } else {
      refuse(i.key, fmt::format("is refused: {}", known->why));
    }
  }
}

}  // namespace strongroom::server
